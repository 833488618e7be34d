"""`[tool.drystone]`."""

import re
import warnings
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.reports import Rung
from pipeline.settings import find_root, parse_rung, read_settings


def read(tmp_path: Path, text: str, **options):
    (tmp_path / "pyproject.toml").write_text(text)
    return read_settings(tmp_path, options.pop("environ", {}), **options)


def test_a_project_needs_no_configuration(tmp_path: Path) -> None:
    """Who plays which role follows from the keys that are there, and is said."""
    settings = read_settings(tmp_path, {})
    assert (settings.architect, settings.sandbox, settings.jobs) == ("local", "process", 0)
    assert settings.why_models is not None
    assert read_settings(tmp_path, {"OPENAI_API_KEY": "k"}).entries[0].startswith("openai:")


def test_what_is_configured_wins_over_what_is_found_and_options_win_over_both(tmp_path: Path) -> None:
    """Roles are chosen one by one."""
    text = '[tool.drystone]\njobs = 3\n[tool.drystone.models]\narchitect = "a:m"\nimplementer = "b:m"\n'
    settings = read(tmp_path, text, environ={"OPENAI_API_KEY": "k"})
    assert (settings.architect, settings.ladder, settings.jobs) == ("a:m", (Rung(entry="b:m"),), 3)
    assert settings.why_models is None
    settings = read(tmp_path, text, architect="none", implementer=("c:m x3", "d:m"), jobs=2)
    assert settings.architect is None
    assert (Rung(entry="c:m", samples=3), Rung(entry="d:m")) == settings.ladder
    assert settings.jobs == 2


def test_an_architect_is_independent_if_it_implements_nothing(tmp_path: Path) -> None:
    """However many samples its rung has."""
    assert read(tmp_path, "", architect="a:m", implementer=("b:m",)).independent_architect
    assert not read(tmp_path, "", architect="a:m", implementer=("b:m", "a:m x3")).independent_architect


def test_a_reviewer_is_chosen_with_the_rest_or_named(tmp_path: Path) -> None:
    """By the keys unless both other roles are configured; `none` is nobody, and so is nothing."""
    both = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
    named = '[tool.drystone.models]\narchitect = "a:m"\nimplementer = "b:m"\n'
    assert str(read(tmp_path, "", environ=both).reviewer).startswith("openai:")
    assert read(tmp_path, "", environ={}).reviewer is None
    assert read(tmp_path, named, environ=both).reviewer is None
    assert read(tmp_path, f'{named}reviewer = "c:m"').entries == ("a:m", "b:m", "c:m")
    assert read(tmp_path, f'{named}reviewer = "c:m"', reviewer="none").reviewer is None
    assert read(tmp_path, named, reviewer="d:m").reviewer == "d:m"


def test_a_review_warns_unless_it_is_to_block(tmp_path: Path) -> None:
    """As configured."""
    assert read(tmp_path, "").review == "warn"
    assert read(tmp_path, '[tool.drystone]\nreview = "block"').review == "block"


@pytest.mark.parametrize(
    ("ladder", "expected"),
    [
        (("handoff",), None),
        (("handoff x4", "handoff:", "handoff:fast x4"), None),
        (("handoff", "local"), "local"),
        (("handoffs:x",), "local"),
    ],
)
def test_where_people_implement_no_weights_are_needed(
    tmp_path: Path, ladder: tuple[str, ...], expected: str | None
) -> None:
    """Without a key nobody plans then, unless named; with a key, or another rung, it is as ever."""
    settings = read(tmp_path, "", implementer=ladder)
    assert (settings.architect, settings.reviewer) == (expected, None)
    assert read(tmp_path, "", implementer=ladder, architect="handoff:").architect == "handoff"
    keyed = read(tmp_path, "", implementer=ladder, environ={"OPENAI_API_KEY": "k"})
    assert str(keyed.architect).startswith("openai:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tool = [", "pyproject.toml: "),
        ("tool = 3\n[x]", None),
        ("[tool]\ndrystone = 3", "pyproject.toml: [tool.drystone] must be a table"),
        (
            "[tool.drystone]\nsandbx = 'process'",
            "[tool.drystone]: unknown key 'sandbx'; did you mean 'sandbox'?",
        ),
        (
            "[tool.drystone]\nqqq = 1",
            "unknown key 'qqq'; known are sandbox, jobs, review, store, models, budget, providers",
        ),
        (
            "[tool.drystone.models]\nimplementor = 'a:b'",
            "[tool.drystone.models]: unknown key 'implementor'; did you",
        ),
        ("[tool.drystone.providers.x]\nprotocol='openai'\nbase_ulr='http://a'", "did you mean 'base_url'?"),
        (
            "[tool.drystone.providers.x]\nprotocol='grpc'",
            "[tool.drystone.providers.x] protocol: input should be",
        ),
        ("[tool.drystone]\nreview = 'stop'", "[tool.drystone] review: input should be 'warn' or 'block'"),
        ("[tool.drystone]\nsandbox = 'vm'", "[tool.drystone] sandbox: input should be 'process' or 'kernel'"),
        ("[tool.drystone]\njobs = 1000", "[tool.drystone] jobs: "),
        ("[tool.drystone.models]\nimplementer = [3]", "[tool.drystone.models] implementer: "),
        ("[tool.drystone.models]\nimplementer = ['']", "implementer ''"),
        ("[tool.drystone.models]\nimplementer = ['a:m x0']", "implementer 'a:m x0': write provider:model"),
        ("[tool.drystone.models]\nimplementer = ['a:m b:m']", "implementer 'a:m b:m'"),
    ],
)
def test_what_is_wrong_is_named_with_its_table(tmp_path: Path, text: str, expected: str | None) -> None:
    """And with what was probably meant."""
    if expected is None:
        read(tmp_path, text)
        return
    with pytest.raises(SettingsError, match=re.escape(expected)):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fak", "'fak': nothing that is asked has this name; did you mean 'fake'?"),
        ("fake:m2", "'fake:m2': nothing that is asked has this name; did you mean 'fake:m1'?"),
        ("zebra", "'zebra': nothing that is asked has this name; in use are fake:m1"),
        ("fake", None),
        ("fake:m1", None),
        ("other", None),
        ("openai:gpt-9", None),
    ],
)
def test_a_price_of_nobody_is_told(tmp_path: Path, name: str, hint: str | None) -> None:
    """With the name it may be a slip of; prices of models that are merely not asked this time are fine."""
    text = f'[tool.drystone.budget.prices]\n"{name}" = {{input = 1, output = 1}}\n'
    text += '[tool.drystone.providers.other]\nprotocol = "openai"\nbase_url = "http://127.0.0.1:9"\n'
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        read(tmp_path, text, architect="none", implementer=("fake:m1",), reviewer="none")
    assert [f"[tool.drystone.budget.prices] {hint}"] * (hint is not None) == [
        str(each.message) for each in told
    ]


def test_every_mistake_comes_at_once(tmp_path: Path) -> None:
    """One line each."""
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "[tool.drystone]\na = 1\nb = 2\n")
    assert len(str(caught.value).splitlines()) == 2


def test_samples_are_part_of_a_rung() -> None:
    """One unless it says otherwise."""
    assert parse_rung("openai:gpt-x8") == Rung(entry="openai:gpt-x8")
    assert parse_rung(" local  x8 ") == Rung(entry="local", samples=8)
    assert parse_rung("handoff: x4") == Rung(entry="handoff", samples=4)
    assert parse_rung("handoff:fast") == Rung(entry="handoff:fast")


def test_the_project_is_the_nearest_folder_with_a_pyproject(tmp_path: Path) -> None:
    """Or the folder itself."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_root(below) == below
    (tmp_path / "pyproject.toml").touch()
    assert find_root(below) == tmp_path


def test_a_provider_is_described_whole(tmp_path: Path) -> None:
    """Headers, proxy, patience and a limit; a file of certificates is found from the project's root."""
    text = """
[tool.drystone.providers.gateway]
protocol = "openai"
base_url = "https://gateway.test/v1"
headers = {X-Team = "stones", X-Key = "${GATEWAY_KEY}"}
ca_bundle = "certs/ca.pem"
proxy = "http://squid.test:3128"
max_concurrency = 2
outage_seconds = 30
"""
    found = read(tmp_path, text).providers["gateway"]
    assert found.ca_bundle == tmp_path / "certs" / "ca.pem"
    assert (found.headers["X-Key"], found.max_concurrency, found.outage_seconds) == ("${GATEWAY_KEY}", 2, 30)
    assert found.proxy == "http://squid.test:3128"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            'headers = {Authorization = "Bearer abc"}',
            "headers: the header Authorization holds a secret, which no file may: write ${VARIABLE}",
        ),
        ("headers = {A = 1}", "[tool.drystone.providers.mine.headers] A: input should be a valid string"),
        ('headers = {X-Goog-Api-Key = "abc"}', "headers: the header X-Goog-Api-Key holds a secret"),
        ('headers = {Authorization = "Bearer abc${V}"}', "headers: the header Authorization holds a secret"),
        ('proxy = "http://me:pw@squid.test"', "proxy: it holds a password, which no file may"),
        ('proxy = "http://${ME}:pw@squid.test"', "proxy: it holds a password, which no file may"),
        ('proxy = "http://word@squid.test"', "proxy: it holds a password, which no file may"),
        ('base_url = "http://me:pw@gateway.test"', "base_url: it holds a password, which no file may"),
        ('api_key_env = "sk-abc"', "api_key_env: string should match pattern"),
        ("max_concurency = 2", "unknown key 'max_concurency'; did you mean 'max_concurrency'?"),
    ],
)
def test_what_is_wrong_with_a_provider_names_the_key(tmp_path: Path, line: str, told: str) -> None:
    """One line, with the table."""
    with pytest.raises(SettingsError, match=re.escape(told)) as caught:
        read(tmp_path, f'[tool.drystone.providers.mine]\nprotocol = "openai"\n{line}\n')
    assert "[tool.drystone.providers.mine" in str(caught.value)
