"""Prompts on a table of files, and answers beside them. Nothing is replaced: files are real, and so are threads."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import AnswerPending
from pipeline.llm.handoff import MOST_BYTES, HandoffModel
from pipeline.llm.port import Message, Request

REQUEST = Request(
    model="handoff",
    system="You write one function.",
    messages=(Message("user", "Write the function add.\n"),),
    max_tokens=300,
    temperature=0.0,
    seed=1,
    subject="shop.add",
    role="implementer",
)
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


@pytest.fixture(autouse=True)
def _no_waiting() -> None:
    """Here time passes: replaces the fixture of the folder."""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / ".drystone" / "handoff"


@pytest.fixture
def model(table: Path) -> HandoffModel:
    return HandoffModel(table, still_seconds=0.02)


def prompts(table: Path) -> list[str]:
    return sorted(path.name for path in table.glob("*.prompt.md"))


def answer_path(model: HandoffModel, request: Request = REQUEST) -> Path:
    """Where the answer to a request belongs, as the model says."""
    with pytest.raises(AnswerPending) as caught:
        model.ask(request)
    return model._folder.parents[1] / caught.value.awaited


def test_a_question_becomes_a_file_that_says_it_all(model: HandoffModel, table: Path) -> None:
    """Where the answer goes comes first, then the system text, then what is asked."""
    answer = answer_path(model)
    (name,) = prompts(table)
    lines = (table / name).read_text("utf-8").splitlines()

    assert name.startswith("shop.add-")
    assert answer.name == name.replace(".prompt.", ".answer.")
    expected = f"Write your reply, and nothing else, to the file `.drystone/handoff/{answer.name}`."
    assert lines[0].startswith(expected)
    assert lines[-3:] == ["You write one function.", "", "Write the function add."]
    assert len((table / "README.md").read_text("utf-8").splitlines()) == 5


def test_a_pending_answer_says_what_to_do(model: HandoffModel, table: Path) -> None:
    """It ends a run with the code for models that could not be asked, and names both files."""
    with pytest.raises(AnswerPending) as caught:
        model.ask(REQUEST)

    (name,) = prompts(table)
    assert caught.value.exit_code == 5
    for text in ("shop.add (implementer)", f".drystone/handoff/{name}", caught.value.awaited):
        assert text in str(caught.value), text


def test_a_conversation_is_told_in_order(model: HandoffModel, table: Path) -> None:
    """Every message under a heading of its own, so that a new chat window knows what came before."""
    said = (*REQUEST.messages, Message("assistant", "def add(): ..."), Message("user", "That is wrong."))
    answer_path(model, replace(REQUEST, messages=said))

    text = (table / prompts(table)[0]).read_text("utf-8")
    parts = (
        "# What was asked first\n\nWrite the function add.\n\n# You answered\n\ndef add(): ...\n\n"
        "# What is asked now\n\nThat is wrong."
    )
    assert text.strip().endswith(parts)


def test_a_schema_is_part_of_the_prompt_and_a_fence_is_none_of_the_answer(
    model: HandoffModel, table: Path
) -> None:
    """JSON is asked for in words; a chat window's fence around it comes off, but never that around text."""
    asked = replace(REQUEST, schema=SCHEMA)
    path = answer_path(model, asked)
    assert '"additionalProperties": false' in (table / prompts(table)[0]).read_text("utf-8")
    path.write_text("```json\n{}\n```\n", "utf-8")
    answer_path(model).write_text("```\npass\n```\n", "utf-8")

    assert model.ask(asked).text == "{}"
    assert model.ask(REQUEST).text == "```\npass\n```\n"


@pytest.mark.parametrize(
    ("raw", "text", "stop"),
    [
        ("ü\r\nb\n".encode(), "ü\nb\n", "end"),
        (b"\xef\xbb\xbfa", "a", "end"),
        (b"a\xffb", "a\ufffdb", "end"),
        (b"a" * MOST_BYTES, "a" * MOST_BYTES, "end"),
        (b"a" * (MOST_BYTES + 1), "a" * MOST_BYTES, "length"),
    ],
    ids=["lines", "mark", "not-utf8", "long", "too-long"],
)
def test_an_answer_is_untrusted_text(model: HandoffModel, raw: bytes, text: str, stop: str) -> None:
    """Whatever bytes there are become text; what is too long counts as cut off. It costs no tokens."""
    answer_path(model).write_bytes(raw)

    reply = model.ask(REQUEST)

    assert (text, stop) == (reply.text, reply.stop)
    assert (reply.tokens_in, reply.tokens_cached, reply.tokens_out) == (0, 0, 0)


@pytest.mark.parametrize("raw", [b"", b" \n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_answer_is_none_yet(model: HandoffModel, raw: bytes) -> None:
    """An editor may have made the file only."""
    answer_path(model).write_bytes(raw)

    with pytest.raises(AnswerPending):
        model.ask(REQUEST)


def test_a_folder_in_the_place_of_an_answer_is_no_answer(model: HandoffModel) -> None:
    """Nor does it break anything."""
    answer_path(model).mkdir()

    with pytest.raises(AnswerPending):
        model.ask(REQUEST)


def test_an_answer_is_read_when_it_is_whole(table: Path) -> None:
    """While somebody writes, in pieces with pauses, nothing is read."""
    model = HandoffModel(table, still_seconds=0.4)
    path = answer_path(model)
    pieces = [f"line {number}\n" for number in range(10)]
    begun = threading.Event()

    def write() -> None:
        with path.open("w", encoding="utf-8") as file:
            for piece in pieces:
                file.write(piece)
                file.flush()
                begun.set()
                time.sleep(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    reply = model.ask(REQUEST)
    writer.join()

    assert "".join(pieces) == reply.text


def test_each_sample_is_a_file(model: HandoffModel, table: Path) -> None:
    """So is each model name a person chose; from the second sample on, a new conversation is asked for."""
    samples = [replace(REQUEST, seed=number, temperature=0.8) for number in (1, 2, 3, 4)]
    for request in [*samples, replace(samples[0], model="fast")]:
        model.offer(request)

    texts = [(table / name).read_text("utf-8") for name in prompts(table)]
    assert len(texts) == 5
    assert [
        sum(f"Independent answer number {number}:" in text for text in texts) for number in (2, 3, 4)
    ] == [1, 1, 1]
    assert sum("implementer, fast" in text for text in texts) == 1


def test_a_changed_prompt_is_another_file_and_the_old_one_goes(table: Path) -> None:
    """A question that is not asked any more leaves the table with the next run; an answer to it stays."""
    changed = replace(REQUEST, system="You write one short function.")
    first = HandoffModel(table)
    for request in (REQUEST, replace(REQUEST, seed=2), replace(REQUEST, subject="shop.add_all")):
        first.offer(request)
    answered = table / prompts(table)[0].replace(".prompt.", ".answer.")
    answered.write_text("x")
    kept = {answered.name.replace(".answer.", ".prompt."), prompts(table)[-1]}
    assert prompts(table)[-1].startswith("shop.add_all-")

    second = HandoffModel(table)
    second.offer(changed)
    second.offer(replace(changed, seed=2))

    assert kept <= set(prompts(table))
    assert len(prompts(table)) == 4
    assert answered.exists()


def test_what_has_been_stored_is_put_away_and_never_lost(model: HandoffModel, table: Path) -> None:
    """Both files move; a second answer to the same question goes beside the first."""
    for text in ("first", "second"):
        answer_path(model).write_text(text)
        model.ask(REQUEST)
        model.stored(REQUEST)
        assert prompts(table) == []

    kept = {path.read_text() for path in (table / "done").glob("*.answer.md")}
    assert kept == {"first", "second"}
    assert len(list((table / "done").glob("*.prompt.md"))) == 2


def test_putting_away_what_is_gone_is_no_error(model: HandoffModel, table: Path) -> None:
    """A person may have tidied up first; nothing is put in its place."""
    model.stored(REQUEST)
    assert [path for path in table.rglob("*") if path.is_file()] == []


def test_the_table_is_never_committed(model: HandoffModel, table: Path) -> None:
    """Its folder is left alone by git, whether or not anything else was ever kept there."""
    model.offer(REQUEST)

    assert (table.parent / ".gitignore").read_text() == "*\n"


def test_a_subject_cannot_lead_out_of_the_folder(model: HandoffModel, table: Path, tmp_path: Path) -> None:
    """Whatever it is called, its file is in the folder."""
    model.offer(replace(REQUEST, subject="../../x y"))
    model.offer(replace(REQUEST, subject=""))

    assert len(prompts(table)) == 2
    assert [tmp_path / ".drystone"] == list(tmp_path.iterdir())
