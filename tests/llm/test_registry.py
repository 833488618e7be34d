import tomllib

import pytest
from pydantic import ValidationError

from pipeline.errors import CredentialsError, SettingsError, WeightsError
from pipeline.llm import registry
from pipeline.llm.anthropic import AnthropicModel
from pipeline.llm.openai import OpenAIModel
from pipeline.llm.providers import ProviderSettings
from pipeline.llm.registry import RoleModels, default_models, open_model

KEYS = {"OPENAI_API_KEY": "sk-openai", "ANTHROPIC_API_KEY": "sk-ant"}
OLLAMA = ProviderSettings(protocol="openai", base_url="http://127.0.0.1:11434/v1")


@pytest.fixture(autouse=True)
def _fresh():
    """Every test opens its own connections."""
    registry._opened.clear()
    yield
    registry._opened.clear()


def connection_of(entry, providers=(), environ=KEYS):
    model, _ = open_model(entry, dict(providers), environ=environ)
    return model.model._connection


@pytest.mark.parametrize(
    ("entry", "kind", "name"),
    [
        ("openai:gpt-x", OpenAIModel, "gpt-x"),
        ("anthropic:claude-x", AnthropicModel, "claude-x"),
        ("ollama:qwen:7b", OpenAIModel, "qwen:7b"),
    ],
)
def test_an_entry_opens_its_adapter(entry, kind, name):
    """The part before the first colon is the provider, the rest is the model's name as it is."""
    model, found = open_model(entry, {"ollama": OLLAMA}, environ=KEYS)

    assert kind is type(model.model)
    assert name == found


def test_a_connection_is_opened_once():
    """Two entries of one provider share a connection."""
    assert open_model("openai:a", {}, environ=KEYS)[0] is open_model("openai:b", {}, environ=KEYS)[0]


def test_another_key_is_another_connection():
    """A connection is never shared between two keys."""
    other = {"OPENAI_API_KEY": "sk-other"}

    assert open_model("openai:a", {}, environ=KEYS)[0] is not open_model("openai:a", {}, environ=other)[0]


@pytest.mark.parametrize(("provider", "key"), [("openai", "sk-openai"), ("anthropic", "sk-ant")])
def test_built_in_addresses_come_from_the_environment(provider, key):
    """OPENAI_BASE_URL and ANTHROPIC_BASE_URL move the built-in providers; their keys go along."""
    environ = {**KEYS, f"{provider.upper()}_BASE_URL": "http://gateway.test/v1"}

    found = connection_of(f"{provider}:x", environ=environ)

    assert ("http://gateway.test/v1", key) == (found.address, found.key)


def test_a_described_server_wins_and_is_reached_as_described():
    """Address, key and patience of a table are used; the environment's address is for the built-in two."""
    mine = ProviderSettings(
        protocol="openai", base_url="https://mine.test/v1", api_key_env="MINE_KEY", timeout_seconds=7
    )
    environ = {**KEYS, "MINE_KEY": "sk-mine", "OPENAI_BASE_URL": "http://gateway.test/v1"}

    found = connection_of("openai:x", {"openai": mine}, environ)

    expected = ("https://mine.test/v1", "sk-mine", 7)
    assert expected == (found.address, found.key, found.timeout_seconds)


@pytest.mark.parametrize("environ", [{}, {"OPENAI_API_KEY": ""}])
def test_a_missing_key_is_told_when_opening(environ):
    """The message names the variable and the ways around it, before anything is asked."""
    with pytest.raises(CredentialsError, match=r"OPENAI_API_KEY.*\[tool.drystone.models\].*local"):
        open_model("openai:gpt-x", {}, environ=environ)


def test_a_named_key_must_be_there():
    """A server whose table names a key variable is not asked without it."""
    mine = ProviderSettings(protocol="openai", base_url="https://mine.test/v1", api_key_env="MINE_KEY")

    with pytest.raises(CredentialsError, match="MINE_KEY"):
        open_model("mine:x", {"mine": mine}, environ=KEYS)


def test_a_server_of_ones_own_is_given_no_key_of_another():
    """Without api_key_env a described server gets no key, least of all the provider's."""
    assert connection_of("ollama:x", {"ollama": OLLAMA}).key is None


def test_a_gateway_may_do_without_a_key():
    """OPENAI_BASE_URL without OPENAI_API_KEY opens: the server will say if it wants one."""
    assert connection_of("openai:x", environ={"OPENAI_BASE_URL": "http://gateway.test/v1"}).key is None


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("opnai:gpt-x", "did you mean 'openai'"),
        ("olama:x", "did you mean 'ollama'"),
        ("zzz:x", "known: anthropic, handoff, local, mcp, ollama, openai"),
        ("gpt-x", "provider:model"),
        ("openai", "openai:MODEL"),
        ("openai:", "openai:MODEL"),
        ("", "provider:model"),
        ("local:other", "write `local`"),
    ],
)
def test_an_entry_that_means_nothing(entry, told):
    """A wrong entry is a wrong setting, with the likely right one."""
    with pytest.raises(SettingsError) as caught:
        open_model(entry, {"ollama": OLLAMA}, environ=KEYS)

    assert told in str(caught.value)


def test_closed_connections_are_opened_anew():
    """After close_models an entry opens another connection."""
    before, _ = open_model("openai:a", {}, environ=KEYS)

    registry.close_models()

    assert before is not open_model("openai:a", {}, environ=KEYS)[0]


@pytest.mark.parametrize("name", ["local", "handoff"])
def test_some_names_are_taken(name):
    """A table of this name would never be reached, so it is refused."""
    with pytest.raises(SettingsError, match="give this server another name"):
        open_model(name, {name: OLLAMA}, environ=KEYS)


@pytest.mark.parametrize(
    ("entry", "name"), [("handoff", "handoff"), ("handoff:", "handoff"), ("handoff:opus", "opus")]
)
def test_people_are_asked_without_a_key(entry, name, tmp_path):
    """Whatever they call the model they use; a table of files is shared by those who name the same folder."""
    model, found = open_model(entry, {}, environ={}, handoff=tmp_path / "a")

    assert name == found
    assert model is open_model("handoff:x", {}, environ={}, handoff=tmp_path / "a")[0]
    assert model is not open_model(entry, {}, environ={}, handoff=tmp_path / "b")[0]


def test_the_reviewer_is_of_another_family_where_there_are_two():
    """Whoever planned does not examine its own work."""
    roles = default_models(KEYS)

    assert roles.architect.partition(":")[0] != roles.reviewer.partition(":")[0]


def test_an_address_in_the_environment_must_be_one():
    """A base URL without a scheme is told at once."""
    with pytest.raises(SettingsError, match=r"OPENAI_BASE_URL is 'gateway\.test'"):
        open_model("openai:x", {}, environ={**KEYS, "OPENAI_BASE_URL": "gateway.test"})


@pytest.mark.parametrize(
    "table",
    [
        {"protocol": "grpc"},
        {"protocol": "openai", "base_url": "127.0.0.1:11434"},
        {"protocol": "openai", "timeout_seconds": 0},
        {"protocol": "openai", "api_key": "sk-in-a-file"},
    ],
)
def test_a_table_with_mistakes(table):
    """Unknown protocols and fields, addresses without a scheme and no patience at all are refused."""
    with pytest.raises(ValidationError):
        ProviderSettings.model_validate(table)


def test_local_without_weights_says_how_to_get_them(monkeypatch, tmp_path):
    """Opening the embedded model where it was never pulled names the command that pulls it."""
    monkeypatch.setenv("DRYSTONE_CACHE", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())

    with pytest.raises(WeightsError, match="drystone model pull"):
        open_model("local", {}, environ={})


def test_local_without_its_engine_says_how_to_install_it(monkeypatch):
    """Opening the embedded model without the extra names the extra."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(WeightsError, match=r"pip install 'drystone\[local\]'"):
        open_model("local", {}, environ={})


@pytest.mark.parametrize(
    ("environ", "providers", "why"),
    [
        ({}, {"local"}, "the embedded model plays every role"),
        ({"OPENAI_API_KEY": "k"}, {"openai"}, "OPENAI_API_KEY is set"),
        ({"ANTHROPIC_API_KEY": "k"}, {"anthropic"}, "ANTHROPIC_API_KEY is set"),
        (KEYS, {"anthropic", "openai"}, "both implement"),
        ({"OPENAI_API_KEY": ""}, {"local"}, "no provider key"),
        ({"OPENAI_API_KEY": " \n", "ANTHROPIC_API_KEY": "k"}, {"anthropic"}, "ANTHROPIC_API_KEY is set"),
    ],
)
def test_default_models_follow_the_keys(environ, providers, why):
    """Without configuration, only models whose key is there are chosen, and a line says why."""
    found = default_models(environ)

    assert isinstance(found, RoleModels)
    entries = {found.architect, *found.implementer}
    assert providers == {entry.split(" ")[0].split(":")[0] for entry in entries}
    assert why in found.why


def test_every_default_can_be_opened(monkeypatch):
    """Every entry of the defaults is one that `open_model` understands."""
    monkeypatch.setattr("pipeline.llm.local.LocalModel", object)
    defaults = tomllib.loads(
        registry.resources.files("pipeline.llm").joinpath("defaults.toml").read_text("utf-8")
    )

    for roles in defaults.values():
        for entry in {roles["architect"], *roles["implementer"], roles["reviewer"]} - {registry.NOBODY}:
            assert open_model(entry.partition(" ")[0], {}, environ=KEYS)[1]


@pytest.mark.parametrize("key", ["abc\ndefgh", "abcdefg\u200b", "schlüssel"])
def test_a_key_with_a_character_that_no_key_has_is_told_of_at_once(key: str) -> None:
    """By its variable; it would be refused, or could not even be sent."""
    with pytest.raises(CredentialsError, match="OPENAI_API_KEY holds a character that no key has") as caught:
        open_model("openai:m", {}, environ={"OPENAI_API_KEY": key})
    assert key not in str(caught.value)


@pytest.mark.parametrize("password", ["pa/ss", "pa#ss", "pass:word/x"])
def test_a_proxy_whose_password_is_not_escaped_is_told_of_without_it(password: str) -> None:
    """It would be taken for a port, or for a path."""
    provider = ProviderSettings(protocol="openai", base_url="http://a", proxy="http://u:${PP}@127.0.0.1:9")
    with pytest.raises(SettingsError, match="are written as %XX") as caught:
        open_model("mine:m", {"mine": provider}, environ={"PP": password})
    assert password not in str(caught.value)
