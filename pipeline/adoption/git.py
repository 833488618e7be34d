"""What git says of a folder; it is only asked, and nothing of the repository is changed."""

import os
import shutil
import subprocess
from pathlib import Path

from pipeline.outgoing import without_secrets


def ask_git(folder: Path, *arguments: str) -> str | None:
    """What git prints, without the last line end; None where it fails, is not installed, or `folder` is in no repository."""
    done = _run(folder, arguments)
    return done.stdout.rstrip("\n") if done is not None and done.returncode == 0 else None


def repository_of(folder: Path) -> Path | None:
    """The top folder of the repository that `folder` is in; None if it is in none."""
    top = ask_git(folder, "rev-parse", "--show-toplevel")
    return Path(top) if top else None


def outermost(folder: Path) -> Path | None:
    """The folder at or above this one that holds git's own files, whether or not git is there; None if none does."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def is_of_another(folder: Path) -> bool:
    """Whether git reads nothing here because the folder belongs to another user, who has not been said to be trusted."""
    done = _run(folder, ("rev-parse", "--show-toplevel"))
    return done is not None and done.returncode != 0 and "dubious ownership" in done.stderr


def _run(folder: Path, arguments: tuple[str, ...]) -> "subprocess.CompletedProcess[str] | None":
    git = shutil.which("git")
    if git is None:
        return None
    try:
        return subprocess.run(
            [git, "-C", str(folder), *arguments],
            env={**without_secrets(os.environ), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
