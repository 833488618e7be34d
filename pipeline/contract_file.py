"""`*.contract.json`: contracts as text that people review, and back."""

import json
from typing import Any

from pydantic import ValidationError

from pipeline.digest import digest_json, render_json
from pipeline.records import Bounds, Contract, Place


class ContractFileError(ValueError):
    """A text that is no contract. `place` is where in the file, as far as it can be told."""

    def __init__(self, message: str, place: Place) -> None:
        self.place = place
        super().__init__(f"{place}: {message}")


def render_contract(contract: Contract) -> str:
    """A contract as it lands: sorted, short (nothing that says nothing), sealed."""
    document = _prune(contract.model_dump(mode="json", exclude={"seal"}))
    return render_json({**document, "seal": digest_json(document)})


def parse_contract(path: str, text: str) -> Contract:
    """The contract of a file; raises ContractFileError with the place."""
    try:
        document = json.loads(text)
        json.dumps(document, ensure_ascii=False).encode()  # half a character could not be written again
        return Contract.model_validate(document)
    except json.JSONDecodeError as error:
        raise ContractFileError(error.msg, Place(path=path, line=error.lineno, column=error.colno)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ContractFileError(f"{where}: {first['msg']}", Place(path=path)) from None
    except (ValueError, RecursionError):  # a number of five thousand digits, lists in lists in lists
        raise ContractFileError("is no contract", Place(path=path)) from None


def is_edited(text: str) -> bool:
    """Whether a sealed JSON file differs from what drystone wrote. False only for an untouched one."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return True
    return not isinstance(document, dict) or document.pop("seal", "") != digest_json(document)


def derived_digest(contract: Contract, callees: list[str]) -> str:
    """Digest of a contract as the spec gives it, and of its callees': what freshness of the contract means."""
    document = contract.model_dump(mode="json", exclude={"approach", "derived_from", "seal"})
    return digest_json(
        [_prune(document), callees]
    )  # what says nothing does not count, in later versions either


def promise_digest(contract: Contract, callees: list[str]) -> str:
    """Digest of what callers rely on: signature, rules, cases. What was decided or forbidden on the way does not count."""
    silent = {"decisions": (), "constraints": (), "assumes": {}, "bounds": Bounds()}
    return derived_digest(contract.model_copy(update=silent), callees)


def _prune(document: dict[str, Any]) -> dict[str, Any]:
    pruned = {key: _prune_item(value) for key, value in document.items()}
    pruned["bounds"] = {key: value for key, value in document["bounds"].items() if value}
    required = {name for name, field in Contract.model_fields.items() if field.is_required()}
    return {
        key: value
        for key, value in pruned.items()
        if key in required or value not in (None, False, "", [], {})
    }


def _prune_item(value: Any) -> Any:
    if isinstance(value, list):
        return [_prune_record(item) if isinstance(item, dict) else item for item in value]
    if isinstance(value, dict):
        return {key: _prune_record(item) if isinstance(item, dict) else item for key, item in value.items()}
    return value


def _prune_record(item: dict[str, Any]) -> dict[str, Any]:
    """An item without the keys that say nothing. A case that returns None does say so."""
    promised = "returns" if "given" in item and item.get("raises") is None else None
    silent = "returns" if "given" in item and item.get("raises") is not None else None
    return {
        key: _prune_item(value) if key == "methods" else value
        for key, value in item.items()
        if key in {promised, "given", "fields", "values"}
        or not (
            key == silent
            or value is None
            or (value is False and key != "shown")
            or value in ([], {})
            or (key == "shown" and value is True)
        )
    }
