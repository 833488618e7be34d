"""What git says of a folder; it is only asked, and nothing of the repository is changed."""

import os
import shutil
import subprocess
from pathlib import Path

from pipeline.outgoing import without_secrets


def ask_git(folder: Path, *arguments: str) -> str | None:
    """What git prints, without the last line end; None where it fails, is not installed, or `folder` is in no repository."""
    git = shutil.which("git")
    if git is None:
        return None
    try:
        done = subprocess.run(
            [git, "-C", str(folder), *arguments],
            env=without_secrets(os.environ),
            capture_output=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").rstrip("\n") if done.returncode == 0 else None


def repository_of(folder: Path) -> Path | None:
    """The top folder of the repository that `folder` is in; None if it is in none."""
    top = ask_git(folder, "rev-parse", "--show-toplevel")
    return Path(top) if top else None
