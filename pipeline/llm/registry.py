"""From an entry of the configuration to a model that can be asked; the only module that knows every adapter."""

import difflib
import os
import re
import threading
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import CredentialsError, SettingsError
from pipeline.llm import weights
from pipeline.llm.connection import TIMEOUT_SECONDS, Connection, recording_client
from pipeline.llm.crew import Crew
from pipeline.llm.patience import Patient
from pipeline.llm.port import Model, Request
from pipeline.llm.providers import VARIABLE, ProviderSettings

LOCAL = "local"
HANDOFF = "handoff"
MCP = "mcp"
NOBODY = "none"
"""As a model's name: the role is not played."""
_RESERVED = {
    LOCAL: "the embedded model",
    HANDOFF: "a person with a chat window or a coding agent",
    MCP: "a coding agent that hands in candidates to drystone mcp",
}


@dataclass(frozen=True, slots=True)
class RoleModels:
    """Which models play which role."""

    architect: str
    implementer: tuple[str, ...]
    """The ladder: the next one is asked when the one before has failed."""
    reviewer: str
    explainer: str
    why: str
    """One line that says how they came to be chosen."""


BUILT_IN = {
    "openai": ProviderSettings(protocol="openai", api_key_env="OPENAI_API_KEY"),
    "anthropic": ProviderSettings(protocol="anthropic", api_key_env="ANTHROPIC_API_KEY"),
}
"""Providers that need not be configured."""

_opened: dict[Any, Model] = {}
_lock = threading.Lock()


def canonical_entry(entry: str) -> str:
    """An entry as it is recorded: `handoff:` is `handoff`."""
    return HANDOFF if entry.strip() == f"{HANDOFF}:" else entry.strip()


def open_model(
    entry: str,
    providers: Mapping[str, ProviderSettings],
    *,
    environ: Mapping[str, str] | None = None,
    handoff: Path = Path(".drystone", "handoff"),
    crew: Crew | None = None,
) -> tuple[Model, str]:
    """The connection an entry means and the model's name to put into requests.

    An entry is `provider:model`, `local`, or `handoff`, with a name of a person's choice after a colon, whose
    questions go to files in the folder `handoff`. The provider is `openai`, `anthropic`, or a name from the
    configuration, which wins. Connections are opened once a process and shared. With a `crew`, questions go through
    the provider's batch API, in waves of what all of the crew ask.

    Raises `SettingsError` for an entry that means nothing, `CredentialsError` for a key that is not in the
    environment, `WeightsError` where the embedded model is not installed; nothing is sent.
    """
    environ = os.environ if environ is None else environ
    provider, _, model = entry.strip().partition(":")
    if provider in _RESERVED and provider in providers:
        raise SettingsError(
            f"[tool.drystone.providers.{provider}]: `{provider}` is {_RESERVED[provider]}; give this server another name"
        )
    if provider == LOCAL:
        name = _local_name(model)
        return _opened_once(LOCAL, LOCAL), name
    if provider == HANDOFF:
        return _opened_once(HANDOFF, handoff), model or HANDOFF
    if provider == MCP:
        raise SettingsError(f"model '{entry}': `{MCP}` is {_RESERVED[MCP]}; it cannot be asked")
    settings = _settings_of(provider, entry, providers)
    name = _name_in(entry)
    connection = _connection(provider, settings, environ)
    return _opened_once(settings.protocol, connection, crew if settings.batch else None), name


def wire_bytes(
    entry: str, providers: Mapping[str, ProviderSettings], request: Request, *, handoff: Path
) -> bytes:
    """Exactly what would leave for one request: the body of the HTTP request, or the text of a prompt's file.

    Needs no key, no weights and no network. It is what a model is sent at first; what it turns down is left out later.
    """
    provider, _, model = canonical_entry(entry).partition(":")
    bodies: list[bytes] = []
    if provider == HANDOFF:
        from pipeline.llm.handoff import HandoffModel

        return HandoffModel(handoff).text_of(replace(request, model=model or HANDOFF)).encode()
    if provider == LOCAL:
        from pipeline.llm.local import LocalModel

        request = replace(request, model=_local_name(model))
        asked: Model = LocalModel.pretending(recording_client(bodies))
    else:
        settings = _settings_of(provider, entry, providers)
        request = replace(request, model=_name_in(entry))
        # Keys and headers are no part of a body, and nothing connects.
        connection = Connection(provider=provider, address=_address(provider, settings, os.environ))
        asked = _adapter(settings.protocol, connection, recording_client(bodies))
    asked.ask(request)
    asked.close()
    return bodies[-1]


def server_of(
    entry: str, providers: Mapping[str, ProviderSettings], *, environ: Mapping[str, str] | None = None
) -> str:
    """Protocol and address of the server an entry means; empty for a provider's own. Needs no key."""
    provider = entry.strip().partition(":")[0]
    if provider in _RESERVED:
        return ""
    settings = _settings_of(provider, entry, providers)
    address = _address(provider, settings, os.environ if environ is None else environ)
    return f"{settings.protocol} {address.rstrip('/')}" if address else ""


def key_variable(entry: str, providers: Mapping[str, ProviderSettings]) -> str | None:
    """Environment variable that the key for an entry comes from; None where none is sent."""
    provider = entry.strip().partition(":")[0]
    if provider in _RESERVED:
        return None
    settings = _settings_of(provider, entry, providers)
    return _key_variable(settings, _address(provider, settings, os.environ))


def secret_variables(providers: Mapping[str, ProviderSettings]) -> set[str]:
    """Environment variables whose values are for providers alone, whatever their names are."""
    tables = [*BUILT_IN.values(), *providers.values()]
    inside = {name for table in tables for name in re.findall(r"\$\{(\w+)\}", table.model_dump_json())}
    return {table.api_key_env for table in tables if table.api_key_env} | inside


def close_models() -> None:
    """Close every connection that was opened; the next `open_model` opens new ones."""
    with _lock:
        opened = list(_opened.values())
        _opened.clear()
    for model in opened:
        model.close()


def default_models(environ: Mapping[str, str], ladder: Sequence[str] = ()) -> RoleModels:
    """Who plays which role when nothing is configured, by the keys in the environment.

    `ladder`: the implementers that are configured. Whoever has a person answer needs no weights to plan.
    """
    keys = [
        name for name, settings in BUILT_IN.items() if environ.get(settings.api_key_env or "", "").strip()
    ]
    people = bool(ladder) and all(re.match(rf"\s*{HANDOFF}(:|\s|$)", entry) for entry in ladder)
    keyless = HANDOFF if people else "none"
    chosen = _defaults()["both" if len(keys) == 2 else keys[0] if keys else keyless]
    return RoleModels(**{**chosen, "implementer": tuple(chosen["implementer"])})


@cache
def _defaults() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("defaults.toml").read_text("utf-8"))


def _local_name(model: str) -> str:
    name = weights.known_weights().model
    if model not in {"", name}:
        raise SettingsError(
            f"model 'local:{model}': there is one embedded model; write `local` or `local:{name}`"
        )
    return name


def _settings_of(provider: str, entry: str, providers: Mapping[str, ProviderSettings]) -> ProviderSettings:
    known = {**BUILT_IN, **providers}
    if provider in known:
        return known[provider]
    close = difflib.get_close_matches(provider.lower(), [*known, *_RESERVED], n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted([*known, *_RESERVED]))}."
    raise SettingsError(
        f"model '{entry}': unknown provider '{provider}'; {hint} An entry is provider:model, local or handoff; "
        "describe other servers under [tool.drystone.providers.NAME]."
    )


def _name_in(entry: str) -> str:
    provider, _, model = entry.strip().partition(":")
    if not model:
        raise SettingsError(f"model '{entry}' names a provider only: write {provider}:MODEL")
    return model


def _address(provider: str, settings: ProviderSettings, environ: Mapping[str, str]) -> str | None:
    built_in = settings is BUILT_IN.get(provider)
    address = settings.base_url or (environ.get(f"{provider.upper()}_BASE_URL") if built_in else None) or None
    if address is not None and not address.startswith(("http://", "https://")):
        raise SettingsError(
            f"{provider.upper()}_BASE_URL is '{address}', which is no http:// or https:// address"
        )
    return address


def _connection(provider: str, settings: ProviderSettings, environ: Mapping[str, str]) -> Connection:
    built_in = settings is BUILT_IN.get(provider)
    address = _address(provider, settings, environ)
    variable = _key_variable(settings, address)
    key = environ.get(variable or "", "").strip() or None
    # A server of one's own often wants no key; it will say so if it does.
    if variable is not None and key is None and not (built_in and address is not None):
        raise CredentialsError(
            f"{provider}: there is no key in {variable}. Set {variable}, or choose another provider under "
            "[tool.drystone.models] in pyproject.toml; `local` and `handoff` need no key."
        )
    if key is not None and not (key.isascii() and key.isprintable()):
        raise CredentialsError(
            f"{provider}: {variable} holds a character that no key has, such as a line break or an invisible one; "
            "copy the key once more."
        )
    return Connection(
        provider=provider,
        address=address,
        key_variable=variable,
        key=key,
        headers=tuple(
            (name, _filled(value, f"headers.{name}", provider, environ))
            for name, value in settings.headers.items()
        ),
        proxy=_proxy(settings, provider, environ),
        ca_bundle=_ca_bundle(settings, provider),
        timeout_seconds=settings.timeout_seconds or TIMEOUT_SECONDS,
        max_concurrency=settings.max_concurrency,
        outage_seconds=settings.outage_seconds,
    )


def _key_variable(settings: ProviderSettings, address: str | None) -> str | None:
    if settings.api_key_env is None and address is None:
        return BUILT_IN[settings.protocol].api_key_env
    return settings.api_key_env


def _filled(text: str, key: str, provider: str, environ: Mapping[str, str]) -> str:
    """A value of the configuration with its `${VARIABLE}`s."""
    for variable in VARIABLE.findall(text):
        if not environ.get(variable, "").strip():
            raise CredentialsError(
                f"{provider}: there is no {variable} in the environment, which {key} under "
                f"[tool.drystone.providers.{provider}] is made of. Set {variable}, or choose another provider."
            )
    filled = VARIABLE.sub(lambda match: environ[match[1]].strip(), text)
    if not filled.isascii() or not filled.isprintable():
        raise SettingsError(
            f"[tool.drystone.providers.{provider}] {key}: only printable ASCII can be sent as a header or address"
        )
    return filled


def _proxy(settings: ProviderSettings, provider: str, environ: Mapping[str, str]) -> str | None:
    if not settings.proxy:
        return settings.proxy
    proxy = _filled(settings.proxy, "proxy", provider, environ)
    try:
        sound = re.match(r"(https?|socks5h?)://[^/\s]+$", proxy.rstrip("/")) and urlsplit(proxy).port != 0
    except ValueError:
        sound = False
    if not sound:
        raise SettingsError(
            f"[tool.drystone.providers.{provider}] proxy: write http://HOST:PORT, https:// or socks5://; in a user's "
            "name and password, other characters than letters and digits are written as %XX"
        )
    return proxy


def _ca_bundle(settings: ProviderSettings, provider: str) -> Path | None:
    if settings.ca_bundle is not None and not settings.ca_bundle.is_file():
        raise SettingsError(
            f"[tool.drystone.providers.{provider}] ca_bundle: there is no file {settings.ca_bundle}"
        )
    return settings.ca_bundle


def _opened_once(protocol: str, connection: Any, crew: Crew | None = None) -> Model:
    with _lock:
        if (protocol, connection, crew) not in _opened:
            _opened[protocol, connection, crew] = (
                _open(protocol, connection) if crew is None else _open_batches(protocol, connection, crew)
            )
        return _opened[protocol, connection, crew]


def _open_batches(protocol: str, connection: Connection, crew: Crew) -> Model:
    from pipeline.llm.batch import LONGEST_WAIT_SECONDS, BatchModel
    from pipeline.llm.batch_anthropic import AnthropicBatches
    from pipeline.llm.batch_openai import OpenAIBatches
    from pipeline.llm.waves import Waves

    api = AnthropicBatches if protocol == "anthropic" else OpenAIBatches
    waiting = replace(connection, timeout_seconds=LONGEST_WAIT_SECONDS)
    return BatchModel(
        lambda client: _adapter(protocol, waiting, client), Waves(api(connection), connection, crew)
    )


def _open(protocol: str, connection: Any) -> Model:
    if protocol == LOCAL:
        from pipeline.llm.local import LocalModel

        return LocalModel()
    if protocol == HANDOFF:
        from pipeline.llm.handoff import HandoffModel

        return HandoffModel(connection)
    return Patient(_adapter(protocol, connection), connection)


def _adapter(protocol: str, connection: Connection, http_client: Any = None) -> Model:
    if protocol == "anthropic":
        from pipeline.llm.anthropic import AnthropicModel

        return AnthropicModel(connection, http_client=http_client)
    from pipeline.llm.openai import OpenAIModel

    return OpenAIModel(connection, http_client=http_client)
