"""The one way to the disk: whole files, beside their target and renamed, UTF-8 and LF everywhere."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from pipeline.errors import OutputError, SettingsError

PACKAGE_FILE = "__init__.py"


def cache_folder() -> Path:
    """What this user need not fetch or work out again, outside of every project: `DRYSTONE_CACHE` or the user's cache."""
    chosen = os.environ.get("DRYSTONE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("drystone", appauthor=False)


def read_text(path: Path) -> str | None:
    """A file's text with LF line ends; None if there is no such file. Raises OutputError if it cannot be read.

    Bytes that are not UTF-8 come back as surrogates: such a text equals nothing that drystone writes.
    """
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from None


def read_plain(path: Path) -> str | None:
    """The same of a file that is one: raises OutputError for a link, which may lead anywhere, a pipe, or a folder."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise OutputError(f"{path}: not a plain file; restore it (git restore {path}), or delete it")
    return read_text(path)


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


def hide_from_git(folder: Path) -> None:
    """Have git leave a folder of working files alone."""
    if not (folder / ".gitignore").exists():
        write_text(folder / ".gitignore", "*\n")


def remove_file(path: Path) -> None:
    """Delete a file if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be deleted: {error.strerror}") from None


def make_package(folder: Path) -> None:
    """Give a folder an empty `__init__.py` if it has none; what a person wrote into one stays."""
    if not (folder / PACKAGE_FILE).exists():
        write_text(folder / PACKAGE_FILE, "")


def remove(path: Path) -> None:
    """Delete a file, and its folder if nothing else is in it but caches and an empty `__init__.py`."""
    remove_file(path)
    if any(not _is_incidental(entry) for entry in path.parent.iterdir()):
        return
    with contextlib.suppress(OSError):  # a folder that is in use, or holds more than caches, stays
        (path.parent / PACKAGE_FILE).unlink(missing_ok=True)
        for cached in path.parent.glob("__pycache__/*.pyc"):
            cached.unlink()
        for folder in (path.parent / "__pycache__", path.parent):
            if folder.is_dir():
                folder.rmdir()


def _is_incidental(path: Path) -> bool:
    return path.name == "__pycache__" or (path.name == PACKAGE_FILE and path.stat().st_size == 0)


def obstacle(folder: Path) -> str | None:
    """Why nothing can be written into a folder that is there or is to be made; None if it can."""
    nearest = next(above for above in (folder, *folder.parents) if os.path.lexists(above))
    if not nearest.is_dir():
        return f"{nearest}: not a folder; move it out of the way"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{nearest}: no permission to write there; change its owner or mode"
    return None


def check_target(path: Path, root: Path) -> None:
    """Raise SettingsError if what a person asked to see can or should not be written there; `root` is the project's."""
    for folder, what in (("generated", "what drystone generates"), ("specs", "what people promise")):
        if path.resolve().is_relative_to((root / folder).resolve()):
            raise SettingsError(f"{path}: {folder}/ holds {what}; write elsewhere")
    if path.is_dir():
        raise SettingsError(f"{path}: is a folder; name a file in it")
    if trouble := obstacle(path.absolute().parent):
        raise SettingsError(f"{path} cannot be written: {trouble}")


def sweep(folder: Path) -> None:
    """Remove what a killed run left behind while it was writing."""
    for leftover in folder.glob("**/.drystone-*.tmp"):
        with contextlib.suppress(OSError):
            leftover.unlink()
