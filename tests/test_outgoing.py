"""No credential leaves, and none comes in: by its form, or because this environment holds it."""

import json
import time
from pathlib import Path

import pytest
from servers import DOUBLE, LIMIT, SMALL, Answer, ModelServer, Project, python

from pipeline import outgoing
from pipeline.errors import SecretError
from pipeline.llm.port import Message, Request

DRAWN = "aB3dE5fG7hJ9kL2mN4pQ6rS8tU0vW1xY3zA5bC7"
"""Stands for what a generator of keys draws; put together here so that no scanner takes this file for a leak."""
PLANTED = {
    "Anthropic": "sk-ant-" + "api03-" + DRAWN,
    "OpenAI": "sk-" + "proj-" + DRAWN,
    "an OpenAI key": "sk-" + DRAWN,
    "Google": "AI" + "za" + DRAWN[:35],
    "model provider": "gsk" + "_" + DRAWN + DRAWN[:13],
    "Hugging Face": "hf" + "_" + DRAWN[:34],
    "GitHub token": "gh" + "p_" + DRAWN[:36],
    "a GitHub token": "github" + "_pat_" + DRAWN,
    "GitLab": "gl" + "pat-" + DRAWN[:20],
    "AWS": "AK" + "IA" + "Q3EGRIXLTY5WDMNB",
    "Slack": "xox" + "b-123456789012-" + DRAWN[:24],
    "Stripe": "sk" + "_live_" + DRAWN[:24],
    "SendGrid": "S" + "G." + DRAWN[:22] + "." + DRAWN,
    "npm": "np" + "m_" + DRAWN[:36],
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + DRAWN + "\n-----END RSA PRIVATE KEY-----",
    "web token": "ey" + "J" + DRAWN[:20] + ".ey" + "J" + DRAWN[:30] + "." + DRAWN,
    "address with a password": "postgres://app:" + DRAWN[:12] + "@db.internal/app",
    "password or key": f'api_key = "{DRAWN[:24]}"',
}
INNOCENT = (
    "password: str",
    "token = 'abc123'",
    "postgres://user:password@localhost/db",
    "https://user:hunter22@example.org/",
    "postgres://{user}:{password}@{host}/app",
    "AKIAIOSFODNN7EXAMPLE",
    "secret = 'a-very-long-but-made-up-example-1'",
    "css: sk-fading-circle-of-twelve-dots",
    "-----BEGIN PRIVATE KEY-----",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "550e8400-e29b-41d4-a716-446655440000",
    "token='first_action_of_2026_01_01'",
)


def request_of(text: str, system: str = "s") -> Request:
    return Request(
        model="m", system=system, messages=(Message("user", text),), max_tokens=9, subject="shop.add", role="implementer"
    )  # fmt: skip


@pytest.mark.parametrize("kind", PLANTED)
def test_a_credential_does_not_pass(kind: str, tmp_path: Path) -> None:
    """Its kind, the function and its first characters are named, and no more of it."""
    secret = PLANTED[kind]
    with pytest.raises(SecretError) as caught:
        outgoing.check(request_of(f"Use {secret} for it."), tmp_path)
    said = str(caught.value)
    assert "shop.add (implementer): the prompt holds" in said
    assert kind in said
    assert DRAWN[4:12] not in said
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_like_one_passes(text: str, tmp_path: Path) -> None:
    """Words, digests, placeholders and what says that it is made up."""
    outgoing.check(request_of(f"Use {text} for it."), tmp_path)


def test_no_shipped_text_is_held_up() -> None:
    """Specs, the tests' specs and everything generated pass, at a rate of milliseconds a text."""
    root = Path(__file__).parents[1]
    paths = [
        path
        for folder in ("specs", "generated", "tests/cases")
        for path in (root / folder).rglob("*")
        if path.suffix in {".yaml", ".py", ".json", ".md"}
    ]
    texts = [path.read_text("utf-8", errors="replace") for path in paths]
    begun = time.process_time()
    for path, text in zip(paths, texts, strict=True):
        outgoing.check_text(text, path.name, root / "specs")
    spent = time.process_time() - begun
    assert len(texts) > 100
    assert spent < 0.02 * len(texts)


@pytest.mark.parametrize(
    ("variable", "secret"),
    [
        ("MY_API_KEY", True), ("GITHUB_TOKEN", True), ("PGPASSWORD", True), ("AWS_SECRET_ACCESS_KEY", True),
        ("SECRET_KEY_BASE", True), ("DB_PASSWD", True), ("TOKENIZERS_PARALLELISM", False), ("KEYBOARD", False),
        ("HOME", False), ("MONKEY", False), ("GIT_CONFIG_KEY_0", False), ("MY_KEY_0", True),
    ],
)  # fmt: skip
def test_values_of_the_environment_are_known_by_their_variables(
    variable: str, *, secret: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A variable named like a key is one, wherever its value turns up; children are not given it."""
    monkeypatch.setenv(variable, "correct horse")
    request = request_of("x", system="say correct horse twice")
    if secret:
        with pytest.raises(SecretError, match=f"the value of {variable}"):
            outgoing.check(request, tmp_path)
    else:
        outgoing.check(request, tmp_path)
    assert secret == (variable not in outgoing.without_secrets({variable: "x"}))
    assert secret == ("correct horse" not in outgoing.scrub("correct horse"))


def test_a_value_is_found_in_its_written_form_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """In JSON, quotes and line ends are escaped. Short values and names of files are no secrets."""
    monkeypatch.setenv("ONE_SECRET", 'quo"ted\nvalü')
    monkeypatch.setenv("TWO_SECRET", "short")
    monkeypatch.setenv("THREE_KEY", str(Path(__file__)))
    text = json.dumps({"a": 'quo"ted\nvalü', "b": "short", "c": __file__})
    assert outgoing.scrub(text) == json.dumps({"a": "@", "b": "short", "c": __file__}).replace("@", "quo***")


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("before", ["\n", "\t", "\u200b", "'\""])
def test_escapes_hide_nothing(kind: str, before: str, tmp_path: Path) -> None:
    """A value in a prompt is written as Python writes it, and again as JSON where it goes on from there."""
    secret = PLANTED[kind]
    for text in (repr(before + secret), json.dumps(repr(before + secret)), json.dumps(before + secret)):
        with pytest.raises(SecretError):
            outgoing.check(request_of(text), tmp_path)
        if kind != "password or key":  # which is looked for in prompts alone
            assert secret not in outgoing.scrub(text)


def test_what_a_reply_writes_as_numbers_is_found(tmp_path: Path) -> None:
    """So a model might, and whoever reads its JSON has the key."""
    text = json.dumps({"a": "@" + PLANTED["Anthropic"][1:]}).replace("@", "\\u0073")
    assert json.loads(text)["a"] == PLANTED["Anthropic"]
    assert DRAWN not in outgoing.scrub(text)


def test_a_value_of_the_environment_is_found_however_it_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With both quotes, a backslash and a line break in it."""
    secret = "ab\\cd'ef\"gh\niJK77"
    monkeypatch.setenv("MY_TOKEN", secret)
    for text in (
        secret,
        repr(secret),
        json.dumps(secret),
        json.dumps(repr(secret)),
        json.dumps({"m": repr(secret.encode())}),
    ):
        assert "JK77" not in outgoing.scrub(text)


def test_scrubbing_twice_changes_nothing_more() -> None:
    """What is left of a credential is none."""
    for secret in PLANTED.values():
        once = outgoing.scrub(f"a {secret} b")
        assert once == outgoing.scrub(once)


# -- through the command -------------------------------------------------------------------------------------


def everything_in(folder: Path) -> str:
    return "".join(path.read_text("utf-8", errors="replace") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("implementer", ["fake:m1", "handoff"])
def test_a_key_planted_in_a_spec_never_leaves(
    project: Project, server: ModelServer, implementer: str
) -> None:
    """It is found with its file and line; nobody is asked, and no file but the spec has it."""
    secret = PLANTED["OpenAI"]
    project.configure(implementer=(implementer,))
    project.write_spec("small", SMALL.replace("Twice the number.", f"Twice the number, as {secret} says."))
    done = project.run("generate", "--json")
    assert done.code == 2
    assert (
        "specs/small.yaml:9: small.double (implementer): the prompt holds an OpenAI key (sk-p***)" in done.err
    )
    assert all("double" not in asked.function for asked in server.asked)
    (project.root / "specs" / "small.yaml").unlink()
    assert secret not in done.out + done.err + everything_in(project.root)


def test_show_prompt_shows_no_prompt_that_would_not_be_sent(project: Project) -> None:
    """It is refused as the call would be."""
    project.write_spec("small", SMALL.replace("Twice the number.", f"Twice {PLANTED['GitHub token']}."))
    done = project.run("show-prompt", "small.double")
    assert (done.code, done.out) == (2, "")
    assert "specs/small.yaml:9" in done.err


def test_a_reply_with_a_credential_lands_nowhere(project: Project, server: ModelServer) -> None:
    """The candidate is refused with that reason; neither the store nor the report holds what it said."""
    secret = "correct-horse-battery"
    bad = python(f"def double(n):\n    unused = '{secret}'\n    return n * 2\n")
    server.answers["double"] = [bad, DOUBLE]
    done = project.run("generate", "--json", environ={"STAGING_TOKEN": secret})
    (report,) = [item for item in done.report["functions"] if item["function"] == "small.double"]
    assert [attempt["reason"] for attempt in report["attempts"]] == ["the reply holds a credential"]
    assert done.code == 0
    assert secret not in done.out + done.err + everything_in(project.root)
    assert secret not in "".join(text for asked in server.asked for _, text in asked.messages)


def test_a_key_in_a_server_s_message_is_not_shown(project: Project, server: ModelServer) -> None:
    """Whatever a provider says about a key, terminals, logs and reports get its first characters."""
    secret = PLANTED["Anthropic"]
    server.answers = {"double": [Answer(f"bad key {secret}", status=400)], "limit": [LIMIT]}
    done = project.run("generate", "--json")
    assert done.code == 5
    assert "sk-a***" in done.out
    assert "sk-a***" in done.err
    assert secret not in done.out + done.err


def test_the_variables_of_providers_are_secrets_for_every_command(project: Project) -> None:
    """Whatever they are called, and though nobody is asked."""
    secret = "correct-horse-battery"
    project.configure(more='[tool.drystone.providers.other]\nprotocol = "openai"\napi_key_env = "GW"\n')
    project.write_spec("small", SMALL.replace("Twice the number.", f"Twice {secret}."))
    for command in (("show-prompt", "small.double"), ("show-prompt", "small.double", "--wire"), ("lint",)):
        done = project.run(*command, environ={"GW": secret})
        assert secret not in done.out + done.err


def test_a_key_that_would_be_cut_in_two_is_not_shown(project: Project, server: ModelServer) -> None:
    """Long messages are cut, after they are scrubbed."""
    secret = "QzT9-aB3dE5fG7hJ9kL2mN4pQ6rS8tU0vW1xY3zA5bC7"
    project.configure(provider='outage_seconds = 2\nheaders = {X-Key = "Bearer ${GW}"}')
    server.answers = {"double": [Answer("z " * 128 + "." + secret, status=401)], "limit": [LIMIT]}
    done = project.run("generate", "--json", environ={"GW": secret})
    assert done.code == 5
    assert secret[:12] not in done.out + done.err


def test_an_answer_by_hand_with_a_credential_is_kept_without_it(project: Project) -> None:
    """It is refused as any reply is, and the file that is put away shows its first letters."""
    project.configure(implementer=("handoff",))
    assert project.run("generate", "--no-wait").code == 5
    folder = project.root / ".drystone" / "handoff"
    prompt = next(folder.glob("small.double-*.prompt.md"))
    answer = prompt.with_name(prompt.name.replace(".prompt.", ".answer."))
    answer.write_text(python(f"def double(n):\n    unused = '{PLANTED['Stripe']}'\n    return n * 2\n"))
    project.run("generate", "--no-wait")
    assert PLANTED["Stripe"] not in everything_in(project.root)
