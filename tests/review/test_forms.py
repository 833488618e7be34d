"""Where a review may be written to."""

import subprocess
from pathlib import Path

import pytest
from servers import DRYSTONE


@pytest.mark.parametrize(
    "output", ["specs/review.md", "generated/review.md", "folder", "file/review.md", "specs/../generated/r"]
)
def test_a_place_that_takes_no_report_is_refused_before_anything_is_compared(
    tmp_path: Path, output: str
) -> None:
    """The path is named with exit code 2, although there is no repository, which a comparison would find first."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "pyproject.toml").write_text("[tool.drystone]\n")
    done = subprocess.run(
        [DRYSTONE, "review", "--output", output], cwd=tmp_path, check=False, text=True, capture_output=True
    )
    assert (done.returncode, output in done.stderr) == (2, True), done.stderr
