"""Replies shared by URL: read through, written to both, believed only if sound, and never in the way."""

import json
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from servers import RIGHT, SMALL, ModelServer, Project

from pipeline.errors import SettingsError
from pipeline.llm.port import Message, Reply, Request
from pipeline.shared import SharedFolder
from pipeline.store import ReplyStore

REQUEST = Request(model="p:m", system="s", messages=(Message("user", "u"),), max_tokens=5)
REPLY = Reply(text="ü\n", stop="end", tokens_in=1, tokens_cached=2, tokens_out=3)


@pytest.fixture(params=["folder", "memory", "moved"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder of this machine, objects that appear whole, and a file system where they do not."""
    if request.param == "moved":
        monkeypatch.setattr("pipeline.shared._WHOLE", set())
    yield "shared" if request.param == "folder" else f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").store.clear()


def store_in(root: Path, url: str, name: str) -> ReplyStore:
    return ReplyStore(root / name / ".drystone" / "replies", SharedFolder(url, root))


def names(root: Path, url: str) -> list[str]:
    system, folder = fsspec.core.url_to_fs(str(root / url) if "://" not in url else url)
    return sorted(path.rpartition("/")[2] for path in system.find(folder))


def test_what_one_is_answered_all_have(tmp_path: Path, url: str) -> None:
    """Once it was found it is kept nearby as well; nothing but whole replies is left there."""
    one, two = store_in(tmp_path, url, "one"), store_in(tmp_path, url, "two")
    assert two.get("p:m", REQUEST) is None
    one.put("p:m", REQUEST, REPLY)
    assert two.get("p:m", REQUEST) == REPLY
    assert len(names(tmp_path, url)) == 1
    assert names(tmp_path, url) == [path.name for path in tmp_path.glob("two/.drystone/replies/*")]
    assert ReplyStore(tmp_path / "two" / ".drystone" / "replies").get("p:m", REQUEST) == REPLY


def test_what_led_nowhere_is_forgotten_everywhere(tmp_path: Path, url: str) -> None:
    """The next run asks anew, wherever it runs. Forgetting twice is no error."""
    one, two = store_in(tmp_path, url, "one"), store_in(tmp_path, url, "two")
    one.put("p:m", REQUEST, REPLY)
    one.forget("p:m", REQUEST)
    one.forget("p:m", REQUEST)
    assert two.get("p:m", REQUEST) is None
    assert names(tmp_path, url) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "", lambda text: "\x00" * 9, lambda text: text[:-20], lambda text: text.replace("end", "length"),
        lambda text: text.replace("sha256:", "sha256:0"), lambda text: text + " " * 5_000_000,
        lambda text: json.dumps({**json.loads(text), "reply": {**json.loads(text)["reply"], "tokens_in": -1}}),
        lambda text: "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_not_this_reply_is_not_believed(tmp_path: Path, change) -> None:
    """Damaged, changed, another question's or too long: it is as if there were none, and that is no trouble."""
    one, two = store_in(tmp_path, "shared", "one"), store_in(tmp_path, "shared", "two")
    one.put("p:m", REQUEST, REPLY)
    (path,) = (tmp_path / "shared").iterdir()
    path.write_text(change(path.read_text()))
    assert two.get("p:m", REQUEST) is None
    assert two.trouble == ""


def test_the_reply_to_another_question_is_not_believed(tmp_path: Path) -> None:
    """Not even whole and under this one's name."""
    store = store_in(tmp_path, "shared", "one")
    other = replace(REQUEST, seed=2)
    store.put("p:m", REQUEST, REPLY)
    (path,) = (tmp_path / "shared").iterdir()
    text = path.read_text()
    store.put("p:m", other, REPLY)
    (found,) = [each for each in (tmp_path / "shared").iterdir() if each != path]
    found.write_text(text)
    assert store_in(tmp_path, "shared", "two").get("p:m", other) is None


class Broken:
    """A file system that is away, and counts who tries."""

    protocol = "s3"

    def __init__(self) -> None:
        self.tries = 0

    def __getattr__(self, name: str):
        def fail(*_: object, **__: object) -> None:
            self.tries += 1
            raise PermissionError(f"{name} is denied")

        return fail


def test_trouble_is_told_once_and_costs_no_reply(tmp_path: Path) -> None:
    """The reply is kept nearby; whoever reads or writes after that does not wait for the same trouble."""
    store = store_in(tmp_path, "memory://x", "one")
    assert store._shared is not None
    store._shared._system = broken = Broken()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(3):
            request = replace(REQUEST, seed=number)
            assert store.get("p:m", request) is None
            store.put("p:m", request, REPLY)
            assert store.get("p:m", request) == REPLY
            store.forget("p:m", request)
    assert [str(each.message).partition(";")[0] for each in caught] == [
        "the store memory://x cannot be read: info is denied",
        "the store memory://x cannot be written: pipe_file is denied",
    ]
    assert broken.tries == 2
    assert store.trouble == "the store memory://x cannot be read: info is denied"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nothing://x", "store 'nothing://x': Protocol not known: nothing"),
        ("hdfs://x/y", "store 'hdfs://x/y': "),
    ],
)
def test_an_address_nobody_can_open_is_a_setting(url: str, expected: str, tmp_path: Path) -> None:
    """With what would have to be installed, where that is all that is missing."""
    with pytest.raises(SettingsError, match=expected):
        SharedFolder(url, tmp_path)


def test_many_writers_leave_one_whole_reply(tmp_path: Path, url: str) -> None:
    """Whoever reads meanwhile sees a whole reply."""
    stores = [store_in(tmp_path, url, str(number)) for number in range(4)]
    stores[0].put("p:m", REQUEST, REPLY)
    unread: list[object] = []

    def write(store: ReplyStore) -> None:
        for _ in range(20):
            store.put("p:m", REQUEST, REPLY)

    def read() -> None:
        found = [store_in(tmp_path, url, f"reader-{number}").get("p:m", REQUEST) for number in range(40)]
        unread.extend(reply for reply in found if reply != REPLY)

    threads = [threading.Thread(target=write, args=(store,)) for store in stores] + [
        threading.Thread(target=read)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert unread == []
    assert len(names(tmp_path, url)) == 1


# -- through the command -------------------------------------------------------------------------------------


@pytest.fixture
def project(server: ModelServer, tmp_path: Path) -> Project:
    server.reset()
    server.answers = dict(RIGHT)
    return project_in(tmp_path / "one", server)


def project_in(folder: Path, server: ModelServer, more: str = "store = '../shared'") -> Project:
    folder.mkdir()
    made = Project(folder, server)
    made.configure(more=more)
    made.write_spec("small", SMALL)
    return made


def test_a_colleague_pays_nothing_and_lands_the_same(
    project: Project, server: ModelServer, tmp_path: Path
) -> None:
    """With the same store, in the file or the environment; also offline, where no key is needed."""
    assert project.run("generate").code == 0
    asked = len(server.asked)
    assert asked == 3
    two = project_in(tmp_path / "two", server)
    three = project_in(tmp_path / "three", server, more="")
    for other, environ in ((two, {}), (three, {"DRYSTONE_STORE": str(tmp_path / "shared")})):
        assert other.run("generate", "--offline", environ=environ).code == 0
        assert {name: content for name, (_, content) in project.tree().items()} == {
            name: content for name, (_, content) in other.tree().items()
        }
    assert len(server.asked) == asked
    again = two.run("generate", "--offline", "--fresh", "--json")
    assert set(again.actions().values()) == {"landed"}
    assert len(server.asked) == asked


def test_offline_names_everything_that_is_missing(project: Project, server: ModelServer) -> None:
    """Function, role, model and digest of each; what is stored lands; no key is needed and nobody is asked."""
    project.configure(implementer=("openai:gpt-x",))
    done = project.run("generate", "--offline", "--json")
    assert done.code == 5
    assert done.report["error"]["type"] == "MissingReplyError"
    message = done.report["error"]["message"]
    assert message.startswith("no stored reply about 2 questions; run without --offline, or name the store")
    for function in ("double", "limit"):
        assert f"\n  small.{function} (implementer, openai:gpt-x, sha256:" in message
    assert done.actions() == {
        "small.double": "waiting",
        "small.limit": "waiting",
        "small.quadruple": "blocked",
    }
    assert server.asked == []


def test_offline_lands_what_is_stored(project: Project, server: ModelServer) -> None:
    """And only that."""
    server.answers = {"double": RIGHT["double"], "limit": RIGHT["limit"]}
    assert project.run("generate").code == 5
    (project.generated / "small" / "double.py").unlink()
    asked = len(server.asked)
    done = project.run("generate", "--offline", "--json")
    assert done.actions()["small.double"] == "landed"
    assert done.report["error"]["message"].startswith(
        "no stored reply about small.quadruple (implementer, fake:m1"
    )
    assert len(server.asked) == asked


def test_a_store_that_cannot_be_written_is_a_warning(project: Project, tmp_path: Path) -> None:
    """What was paid for lands and is kept."""
    (tmp_path / "shared").write_text("no folder")
    done = project.run("generate")
    assert done.code == 0
    assert done.err.count("drystone: the store ../shared cannot be written") == 1
    assert len(list((project.root / ".drystone" / "replies").glob("*.json"))) == 3


def test_an_address_is_shown_without_what_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its password nor its signature, in its own form or in what a file system says of it."""
    shared = SharedFolder("memory://NAME1234:word5678@x/folder?sig=abcd1234&v=a", tmp_path)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError("bad bucket NAME1234:word5678@x with abcd1234")

    monkeypatch.setattr(type(shared._system), "info", denied)
    with pytest.warns(UserWarning, match="cannot be read") as caught:
        assert shared.read("a.json") is None
    told = str(caught[0].message)
    assert told.startswith("the store memory://x/folder cannot be read: bad bucket ***@x with ***;")
