"""What a project was at a git ref, as git has it, whatever lies in the working tree."""

from pathlib import Path

import pytest
from repositories import git

from pipeline.errors import SettingsError
from pipeline.review.base import read_base, write_base


def commit(folder: Path, name: str, text: str) -> None:
    (folder / "specs").mkdir(exist_ok=True)
    (folder / "specs" / name).write_text(text, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", name)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit with one spec, on main."""
    git(tmp_path, "init", "-q", "-b", "main", ".")
    commit(tmp_path, "a.yaml", "one")
    return tmp_path


def test_what_was_committed_is_read_and_not_what_lies_there(repository: Path) -> None:
    """A dirty tree and an index in the middle of something change nothing."""
    (repository / "specs" / "a.yaml").write_text("two")
    git(repository, "add", "-A")
    assert read_base(repository, "HEAD").files == {"specs/a.yaml": b"one"}


def test_a_branch_is_compared_with_where_it_left_the_default_branch(repository: Path) -> None:
    """Not with what came to the default branch since."""
    git(repository, "checkout", "-qb", "topic")
    commit(repository, "b.yaml", "new")
    git(repository, "checkout", "-q", "main")
    commit(repository, "c.yaml", "later")
    git(repository, "checkout", "-q", "topic")
    found = read_base(repository, None)
    assert (list(found.files), found.chosen) == (["specs/a.yaml"], "where this branch left main")


def test_on_the_default_branch_it_is_the_last_commit(repository: Path) -> None:
    """What is under review there is what is not committed."""
    assert read_base(repository, None).ref == "HEAD"


def test_a_project_may_lie_below_the_root_of_its_repository(repository: Path) -> None:
    """Paths are those from the project's root, and no other project's files are read."""
    inner = repository / "services" / "mail"
    inner.mkdir(parents=True)
    commit(inner, "m.yaml", "mail")
    assert read_base(inner, "HEAD").files == {"specs/m.yaml": b"mail"}


def test_a_link_is_not_followed(repository: Path, tmp_path: Path) -> None:
    """What a commit links to is somewhere on this machine."""
    (repository / "specs" / "link.yaml").symlink_to("/etc/hostname")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "link")
    assert list(read_base(repository, "HEAD").files) == ["specs/a.yaml"]


def test_names_and_bytes_come_back_as_they_were(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Spaces, letters of every alphabet, line ends, no line at all."""
    (repository / "specs" / "größe 1.yaml").write_bytes(b"a\r\n\x00b")
    (repository / "specs" / "empty.yaml").write_bytes(b"")
    git(repository, "-c", "core.autocrlf=false", "add", "-A")
    git(repository, "commit", "-qm", "odd")
    folder = tmp_path_factory.mktemp("base")
    write_base(read_base(repository, "HEAD"), folder)
    found = {path.name: path.read_bytes() for path in (folder / "specs").iterdir()}
    assert found == {"a.yaml": b"one", "größe 1.yaml": b"a\r\n\x00b", "empty.yaml": b""}


@pytest.mark.parametrize("ref", ["nowhere", "--output=x", "HEAD:specs"])
def test_a_ref_that_is_no_commit_is_refused(repository: Path, ref: str) -> None:
    """With what was asked for; an option is none."""
    with pytest.raises(SettingsError, match="no such commit"):
        read_base(repository, ref)
    assert not (repository / "x").exists()


def test_outside_of_a_repository_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that git knows nothing of."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SettingsError, match="no git repository"):
        read_base(tmp_path, None)


def test_before_the_first_commit_it_says_so(tmp_path: Path) -> None:
    """There is nothing to compare with."""
    git(tmp_path, "init", "-q", "-b", "main", ".")
    with pytest.raises(SettingsError, match="no commit yet"):
        read_base(tmp_path, None)


def test_a_forge_says_where_a_branch_goes(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a branch that is not the default one, say."""
    git(repository, "checkout", "-qb", "next")
    commit(repository, "b.yaml", "next")
    git(repository, "update-ref", "refs/remotes/origin/next", "HEAD")
    git(repository, "checkout", "-qb", "topic")
    commit(repository, "c.yaml", "topic")
    monkeypatch.setenv("GITHUB_BASE_REF", "next")
    found = read_base(repository, None)
    assert (found.chosen, list(found.files)) == (
        "where this branch left origin/next", ["specs/a.yaml", "specs/b.yaml"],
    )  # fmt: skip


def test_a_shallow_clone_does_not_pretend_that_nothing_changed(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A workflow that fetched one commit is told what to fetch."""
    git(repository, "checkout", "-qb", "topic")
    commit(repository, "b.yaml", "new")
    clone = tmp_path_factory.mktemp("clone") / "it"
    git(repository, "clone", "-q", "--depth=1", "--branch=topic", repository.as_uri(), str(clone))
    git(clone, "branch", "-qrd", "origin/topic")
    for ref in (None, "HEAD~1"):
        with pytest.raises(SettingsError, match="fetch-depth: 0"):
            read_base(clone, ref)
