"""The sessions that a noxfile gets by one import."""

import subprocess
import sys
from pathlib import Path

from pipeline.adoption.starting import begin

REPOSITORY = Path(__file__).parents[2]


def listed(root: Path) -> list[str]:
    """Every session with the mark of whether plain `nox` runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "nox", "--list"], cwd=root, capture_output=True, text=True, check=True
    )
    return [line[: line.index(" ->")] for line in done.stdout.splitlines() if " -> " in line]


def test_what_init_writes_has_three_sessions(tmp_path: Path) -> None:
    """None that asks a model runs unless it is named."""
    begin(tmp_path, ci=None)
    assert listed(tmp_path) == ["- generate", "* check", "* contracts"]


def test_this_repository_uses_them_too() -> None:
    """Its noxfile is read before anything of it is installed."""
    assert {"- generate", "* check"} <= set(listed(REPOSITORY))
