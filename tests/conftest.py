"""Options and fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import disk


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of the tests' own, with the user's weights in it if they are there."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "models").symlink_to(disk.cache_folder() / "models")
    before = os.environ.get("DRYSTONE_CACHE")
    os.environ["DRYSTONE_CACHE"] = str(folder)
    yield folder
    os.environ.pop("DRYSTONE_CACHE")
    if before is not None:
        os.environ["DRYSTONE_CACHE"] = before


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite expected files under tests/cases")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether expected files are rewritten instead of compared."""
    return bool(request.config.getoption("--update"))
