"""What a provider's SDK may raise, turned into the `ProviderError` a person can act on.

Imports no SDK: both are generated from one template, so their errors share names and attributes.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from pipeline.errors import (
    CredentialsError,
    ModelNotFoundError,
    ProviderError,
    QuotaError,
    RateLimitError,
    UnavailableError,
)
from pipeline.llm.connection import Connection, retry_after_seconds

OTHER_MODEL = "choose another model under [tool.drystone.models] in pyproject.toml"

_OVERFLOW = re.compile(
    r"context[_ ](size|length|window)|prompt is too long|maximum context|too many (input )?tokens",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|model_decommissioned|decommissioned|no such model|model\b.{0,80}\b(not found|does not exist|retired)"
    r"|(unknown|invalid) model",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient_quota|current quota|credit balance|out of credits|billing_(hard_limit|not_active)"
    r"|insufficient (funds|balance|credit)",
    re.IGNORECASE,
)


@contextmanager
def reported(connection: Connection, model: str) -> Iterator[None]:
    """Let out of the block only `ProviderError`s and bugs.

    Both SDKs raise outside their error trees as well: `json.JSONDecodeError` for a malformed body,
    `httpx2` errors for a connection that breaks.
    """
    try:
        yield
    except (json.JSONDecodeError, UnicodeDecodeError, ValidationError) as failure:
        raise malformed(connection, model, _told(failure)) from failure
    except Exception as failure:
        if type(failure).__module__.split(".")[0] not in {"openai", "anthropic", "httpx2"}:
            raise
        raise _provider_error(failure, connection, model) from failure


def malformed(connection: Connection, model: str, why: str) -> UnavailableError:
    """The error for a reply that is no reply: a body of another shape, a page of HTML, no stop reason."""
    return UnavailableError(
        f"{connection.provider}:{model}: the server's reply cannot be used: {_one_line(why, connection.key)}. "
        f"Ask again; if it stays so, check that {connection.server} speaks this protocol (base_url under "
        f"{_table(connection)}), or {OTHER_MODEL}."
    )


def text_of(failure: Exception) -> str:
    """Everything a refusal says, as one text to search in."""
    body = getattr(failure, "body", None)
    return f"{failure} {json.dumps(body, default=str) if body is not None else ''}"


def is_overflow(failure: Exception) -> bool:
    """Whether the server refused a prompt for its length."""
    return bool(_OVERFLOW.search(text_of(failure)))


def _provider_error(failure: Exception, connection: Connection, model: str) -> ProviderError:
    status = getattr(failure, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return _refusal(failure, status, connection, model)
    who, server = f"{connection.provider}:{model}", connection.server
    names = {kind.__name__ for kind in type(failure).__mro__}
    if names & {"APITimeoutError", "TimeoutException"} and not _never_connected(failure):
        return UnavailableError(
            f"{who}: no reply from {server} within {connection.timeout_seconds:g} s. Try again, "
            + (
                ""
                if connection.provider == "local"
                else f"raise timeout_seconds under {_table(connection)}, "
            )
            + f"or {OTHER_MODEL}."
        )
    why = _one_line(str(failure.__cause__ or failure), connection.key) or type(failure).__name__
    if _never_connected(failure):
        return UnavailableError(
            f"{who}: cannot connect to {server} ({why}). Check the network and that the server runs; its "
            f"address is base_url under {_table(connection)}{_address_variable(connection)}."
        )
    return UnavailableError(f"{who}: the connection to {server} broke ({why}). Try again, or {OTHER_MODEL}.")


def _refusal(failure: Exception, status: int, connection: Connection, model: str) -> ProviderError:
    who, text = f"{connection.provider}:{model}", text_of(failure)
    why = f"{status}: {_one_line(_told(failure), connection.key)}"
    if status == 402 or (status in {400, 403, 429} and _NO_CREDIT.search(text)):
        return QuotaError(
            f"{who}: the account has no quota or credit left ({why}). Top it up, or {OTHER_MODEL}."
        )
    if status in {401, 403}:
        return CredentialsError(_key_refused(who, why, connection))
    if status == 429:
        return RateLimitError(
            f"{who}: still limited after every retry ({why}){_pause(failure)}. Wait, or {OTHER_MODEL}."
        )
    if status == 413 or is_overflow(failure):
        return ProviderError(
            f"{who}: the prompt is longer than the model can read ({why}). Shorten the contract, or choose a "
            "model with a larger context under [tool.drystone.models]."
        )
    if status in {404, 410} or (status in {400, 422} and _NO_MODEL.search(text)):
        return ModelNotFoundError(
            f"{who}: {connection.server} knows no such model ({why}). Models retire and names change: {OTHER_MODEL}"
            f"; if the name is right, check base_url under {_table(connection)}."
        )
    if status in {408, 409} or status >= 500:
        return UnavailableError(
            f"{who}: {connection.server} failed after every retry ({why}){_pause(failure)}. Try again later, "
            f"or {OTHER_MODEL}."
        )
    return ProviderError(
        f"{who}: {connection.server} refused the request ({why}). If it stays so, {OTHER_MODEL}."
    )


def _key_refused(who: str, why: str, connection: Connection) -> str:
    if connection.key is not None:
        return (
            f"{who}: the key in {connection.key_variable} was refused ({why}). Set {connection.key_variable} to a key "
            f"that may use this model, or {OTHER_MODEL}."
        )
    way = (
        f"Set {connection.key_variable}"
        if connection.key_variable is not None
        else f"Name the environment variable that holds one: api_key_env under {_table(connection)}"
    )
    return f"{who}: {connection.server} wants a key ({why}). {way}."


def _table(connection: Connection) -> str:
    return f"[tool.drystone.providers.{connection.provider}]"


def _address_variable(connection: Connection) -> str:
    if connection.provider in {"openai", "anthropic"}:
        return f" or {connection.provider.upper()}_BASE_URL in the environment"
    return ""


def _never_connected(failure: Exception) -> bool:
    return type(failure.__cause__ or failure).__name__ in {"ConnectError", "ConnectTimeout"}


def _pause(failure: Exception) -> str:
    response = getattr(failure, "response", None)
    wait_seconds = retry_after_seconds(response) if response is not None else None
    return "" if wait_seconds is None else f"; the server asks to wait {wait_seconds:.0f} s"


def _told(failure: Exception) -> str:
    if isinstance(failure, ValidationError):
        first = failure.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(failure, ValueError):
        return f"it is not JSON ({failure})"
    told = getattr(failure, "body", None)
    for name in ("error", "message", "detail"):
        if isinstance(told, dict) and told.get(name):
            told = told[name]
    if isinstance(told, str) and told.lstrip().startswith("<"):
        return "a page of HTML instead of JSON"
    return told if isinstance(told, str) and told.strip() else str(failure)


def _one_line(text: str, key: str | None) -> str:
    if key and len(key) >= 8:
        text = text.replace(key, "***")
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= 300 else text[:299] + "…"
