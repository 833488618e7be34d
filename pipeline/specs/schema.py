"""The published JSON Schemas (draft 2020-12), rendered from the models; `pipeline/schemas/` holds their text."""

from typing import Any

from pydantic import BaseModel

from pipeline.digest import render_json
from pipeline.records import Contract
from pipeline.specs.format import SharedFile, SpecFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render_schema() -> str:
    """Schema of a spec file, as editors read it: `pipeline/schemas/spec.schema.json`."""
    return _render(SpecFile, "drystone spec")


def render_shared_schema() -> str:
    """Schema of `specs/_shared.yaml`: `pipeline/schemas/shared.schema.json`."""
    return _render(SharedFile, "drystone shared definitions")


def render_contract_schema() -> str:
    """Schema of a landed contract: `pipeline/schemas/contract.schema.json`."""
    return _render(Contract, "drystone contract")


def _render(model: type[BaseModel], title: str) -> str:
    return render_json({"$schema": DIALECT, **_tidied(model.model_json_schema()), "title": title})


def _tidied(schema: Any) -> Any:
    """Without the titles pydantic makes of field names, and with no room for keys that match no pattern."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {
        key: _tidied(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)
    }
    if "patternProperties" in tidied:
        tidied["additionalProperties"] = False
    return tidied
