"""Options and fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import RIGHT, SMALL, ModelServer, Project

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


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """A model server that the tests of a module share."""
    made = ModelServer()
    yield made
    made.close()


@pytest.fixture
def project(server: ModelServer, tmp_path: Path) -> Project:
    """A project with a small spec, of which nothing has been generated, and a server that knows the right answers."""
    return Project.begun(tmp_path, server, "small", SMALL, RIGHT)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite expected files under tests/cases")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether expected files are rewritten instead of compared."""
    return bool(request.config.getoption("--update"))
