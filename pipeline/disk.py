"""The one way to the disk: whole files, beside their target and renamed, UTF-8 and LF everywhere."""

import os
import tempfile
from pathlib import Path

from pipeline.errors import OutputError


def read_text(path: Path) -> str | None:
    """A file's text with LF line ends; None if there is no such file. Raises OutputError if it is not text."""
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise OutputError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step: a reader, or a killed run, sees the old text or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".drystone-", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def remove_file(path: Path) -> None:
    """Delete a file if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be deleted: {error.strerror}") from None


def remove(path: Path) -> None:
    """Delete a file, and its folder if nothing else is in it but caches."""
    remove_file(path)
    try:
        left = [entry for entry in path.parent.iterdir() if entry.name != "__pycache__"]
        if not left:
            for cached in path.parent.glob("__pycache__/*.pyc"):
                cached.unlink()
            for folder in (path.parent / "__pycache__", path.parent):
                if folder.is_dir():
                    folder.rmdir()
    except OSError as error:
        raise OutputError(f"{path}: cannot be deleted: {error.strerror}") from None


def sweep(folder: Path) -> None:
    """Remove what a killed run left behind while it was writing."""
    for leftover in folder.glob("**/.drystone-*.tmp"):
        leftover.unlink(missing_ok=True)
