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
    Trouble,
    UnavailableError,
)
from pipeline.llm.connection import Connection, retry_after_seconds
from pipeline.outgoing import scrub

OTHER_MODEL = "choose another model under [tool.drystone.models] in pyproject.toml"

_OVERFLOW = re.compile(
    r"context[_ ](size|length|window)|prompt is too long|maximum context|too many (input )?tokens",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|model_decommissioned|decommissioned|no such model"
    r"|model\b.{0,80}\b(not found|does not exist|retired|deprecated)"
    r"|(unknown|invalid) model",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient_quota|current quota|credit balance|out of credits|billing_(hard_limit|not_active)"
    r"|insufficient (funds|balance|credit)|usage[_ ]limit",
    re.IGNORECASE,
)

_IN_A_REPLY = {"BrokenReply", "DecodingError"}
"""Errors in the middle of a reply."""


@contextmanager
def reported(connection: Connection, model: str, *, subject: str = "") -> Iterator[None]:
    """Let out of the block only `ProviderError`s about `subject`, and bugs.

    Both SDKs raise outside their error trees as well: `json.JSONDecodeError` for a malformed body,
    `httpx2` errors for a connection that breaks.
    """
    try:
        with _telling(connection, model):
            yield
    except ProviderError as failure:
        failure.subject = failure.subject or subject
        raise


@contextmanager
def _telling(connection: Connection, model: str) -> Iterator[None]:
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
        f"{connection.provider}:{model}: the server's reply cannot be used: {_one_line(why, connection)}. "
        f"Ask again; if it stays so, check that {connection.server} speaks this protocol (base_url under "
        f"{connection.table}), or {OTHER_MODEL}.",
        trouble="damaged",
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
    if isinstance(status, int) and status >= 300:
        error = _refusal(failure, status, connection, model)
        error.status, error.pause_seconds = status, _pause_seconds(failure)
        error.trouble = _trouble(failure, status, error)
        return error
    who, server = f"{connection.provider}:{model}", connection.server
    names = {kind.__name__ for kind in type(failure).__mro__}
    if names & {"APITimeoutError", "TimeoutException"} and not _never_connected(failure):
        return UnavailableError(
            f"{who}: no reply from {server} within {connection.timeout_seconds:g} s. Try again, "
            + ("" if connection.provider == "local" else f"raise timeout_seconds under {connection.table}, ")
            + f"or {OTHER_MODEL}.",
            trouble="late",
        )
    why = _one_line(str(failure.__cause__ or failure), connection) or type(failure).__name__
    if _never_connected(failure):
        return UnavailableError(
            f"{who}: cannot connect to {server} ({why}). Check the network and that the server runs; its "
            f"address is base_url under {connection.table}{_address_variable(connection)}.",
            trouble="out",
        )
    return UnavailableError(
        f"{who}: the connection to {server} broke ({why}). Try again, or {OTHER_MODEL}.",
        trouble="damaged" if type(failure.__cause__ or failure).__name__ in _IN_A_REPLY else "out",
    )


def _refusal(failure: Exception, status: int, connection: Connection, model: str) -> ProviderError:
    who, text = f"{connection.provider}:{model}", text_of(failure)
    why = f"{status}: {_one_line(_told(failure), connection)}"
    if status == 402 or (status in {400, 403, 429} and _NO_CREDIT.search(text)):
        return QuotaError(
            f"{who}: the account has no quota or credit left ({why}). Top it up, or {OTHER_MODEL}."
        )
    if status == 401 or (status == 403 and not _NO_MODEL.search(text)):
        return CredentialsError(_key_refused(who, why, connection))
    if status == 429:
        return RateLimitError(
            f"{who}: {connection.server} limits requests ({why}){_pause(failure)}. Wait, or {OTHER_MODEL}."
        )
    if status == 413 or is_overflow(failure):
        return ProviderError(
            f"{who}: the prompt is longer than the model can read ({why}). Shorten the contract, or choose a "
            "model with a larger context under [tool.drystone.models]."
        )
    if status in {404, 410} or (status in {400, 403, 422} and _NO_MODEL.search(text)):
        return ModelNotFoundError(
            f"{who}: {connection.server} knows no such model ({why}). Models retire and names change: {OTHER_MODEL}"
            f"; if the name is right, check base_url under {connection.table}."
        )
    if status < 400:
        return ProviderError(
            f"{who}: {connection.server} sends elsewhere ({why}), and keys are not sent on. Write the right address into "
            f"base_url under {connection.table}{_address_variable(connection)}."
        )
    if status in {408, 409} or status >= 500:
        return UnavailableError(
            f"{who}: {connection.server} failed ({why}){_pause(failure)}. Try again later, or {OTHER_MODEL}."
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
        else f"Name the environment variable that holds one: api_key_env under {connection.table}"
    )
    return f"{who}: {connection.server} wants a key ({why}). {way}."


def _address_variable(connection: Connection) -> str:
    if connection.provider in {"openai", "anthropic"}:
        return f" or {connection.provider.upper()}_BASE_URL in the environment"
    return ""


def _never_connected(failure: Exception) -> bool:
    return type(failure.__cause__ or failure).__name__ in {"ConnectError", "ConnectTimeout"}


def _trouble(failure: Exception, status: int, error: ProviderError) -> Trouble | None:
    """What may pass of a refusal: 429 that is no empty account, 5xx that is no missing feature, 408."""
    response = getattr(failure, "response", None)
    if response is not None and response.headers.get("x-should-retry") == "false":
        return None
    if not isinstance(error, RateLimitError | UnavailableError):
        return None
    if status == 429:
        return "limited"
    if status in {503, 529}:
        return "overloaded"
    return None if status in {409, 501, 505} else "out"


def _pause_seconds(failure: Exception) -> float | None:
    response = getattr(failure, "response", None)
    return None if response is None else retry_after_seconds(response)


def _pause(failure: Exception) -> str:
    wait_seconds = _pause_seconds(failure)
    return "" if wait_seconds is None else f"; the server asks to wait {wait_seconds:.0f} s"


def _told(failure: Exception) -> str:
    if isinstance(failure, ValidationError):
        first = failure.errors(include_url=False, include_input=False)[0]
        return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
    if isinstance(failure, ValueError):
        return f"it is not JSON ({failure})"
    told = getattr(failure, "body", None)
    for name in ("error", "message", "detail"):
        if isinstance(told, dict) and told.get(name):
            told = told[name]
    if isinstance(told, str) and told.lstrip().startswith("<"):
        return "a page of HTML instead of JSON"
    return told if isinstance(told, str) and told.strip() else str(failure)


def _one_line(text: str, connection: Connection) -> str:
    for secret in connection.secrets:
        text = text.replace(secret, "***")
    text = scrub(text)  # before it is cut: half a credential is not found any more
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= 300 else text[:299] + "…"
