"""The files of a project at a git ref: read from the object store of git, whatever the working tree looks like.

Nothing is checked out, no index is touched, and no hook, filter or pager of the repository runs.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.errors import SettingsError
from pipeline.outgoing import without_secrets

FOLDERS = ("specs", "generated")
_TARGETS = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
"""Environment variables in which a forge says where a pull request goes."""
_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_PLAIN = (b"100644", b"100755")
_QUIET = {
    "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_PAGER": "cat",
    "LC_ALL": "C",
}  # fmt: skip
_SECONDS = 120
_DEEPER = "this clone is shallow: fetch more of it (git fetch --unshallow, or fetch-depth: 0 in a workflow)"


@dataclass(frozen=True, slots=True)
class Base:
    """What a project's specs and generated files were."""

    ref: str
    commit: str
    chosen: str
    """Why this ref, where nobody named one."""
    files: Mapping[str, bytes]
    """Path from the project's root -> content."""


def read_base(root: Path, ref: str | None) -> Base:
    """The specs and generated files of a project at a ref; `root` may be any folder of a repository.

    Without a ref it is where this branch left the one it goes to (which a forge names, else the default branch), or
    else the last commit. Raises SettingsError without git, outside of a repository, for a ref that does not exist, and where objects are missing.
    """
    if shutil.which("git") is None:
        raise SettingsError("git is not installed, and `drystone review` compares with a git ref")
    inside = _run(root, ("rev-parse", "--is-inside-work-tree"), b"")
    if inside.stdout.strip() != b"true":
        said = (inside.stderr.decode("utf-8", "replace").strip() or "no work tree").splitlines()[0]
        raise SettingsError(
            f"{root} is in no git repository, and `drystone review` compares with a git ref; git says: {said}"
        )
    if ref is None:
        ref, commit, chosen = _default(root)
    else:
        commit, chosen = _commit(root, ref), ""
    return Base(ref, commit, chosen, _files(root, commit))


def write_base(base: Base, folder: Path) -> None:
    """Put the files of a base into an empty folder, to be read like a project."""
    for path, content in base.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _default(root: Path) -> tuple[str, str, str]:
    head = _try(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not head:
        raise SettingsError("there is no commit yet, and `drystone review` compares with one")
    targets = [f"origin/{os.environ[name]}" for name in _TARGETS if os.environ.get(name)]
    for branch in (*targets, *_BRANCHES):
        if commit := _try(root, "merge-base", "HEAD", branch):
            if commit == head:
                return "HEAD", head, f"nothing is committed here that {branch} has not"
            return commit[:12], commit, f"where this branch left {branch}"
    if _is_shallow(root):
        raise SettingsError(f"where this branch began is not known; {_DEEPER}, or name a --base")
    return "HEAD", head, "there is no default branch to compare with"


def _commit(root: Path, ref: str) -> str:
    commit = _try(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if not commit:
        known = "name a branch, a tag or a commit that `git rev-parse` knows"
        more = _DEEPER if _is_shallow(root) else known
        raise SettingsError(f"--base '{ref}': no such commit; {more}")
    return commit


def _is_shallow(root: Path) -> bool:
    return _try(root, "rev-parse", "--is-shallow-repository") == "true"


def _files(root: Path, commit: str) -> dict[str, bytes]:
    listed = _git(root, "ls-tree", "-r", "-z", commit, "--", *(f"{each}/" for each in FOLDERS))
    paths: dict[str, bytes] = {}
    for line in filter(None, listed.split(b"\0")):
        about, _, name = line.partition(b"\t")
        mode, _, oid = about.split(b" ")[:3]
        path = name.decode("utf-8", "surrogateescape")
        if mode in _PLAIN and ".." not in PurePosixPath(path).parts and path.isprintable():
            paths[path] = oid
    return dict(zip(paths, _contents(root, list(paths.values())), strict=True))


def _contents(root: Path, oids: list[bytes]) -> list[bytes]:
    """The content of each object, by one process."""
    if not oids:
        return []
    out = _git(root, "cat-file", "--batch", fed=b"\n".join(oids) + b"\n")
    found: list[bytes] = []
    for oid in oids:
        head, _, out = out.partition(b"\n")
        words = head.split(b" ")
        if len(words) != 3 or words[0] != oid:
            raise SettingsError(
                f"git has no object {oid.decode()}; fetch the base whole (git fetch --refetch without --filter)"
            )
        size = int(words[2])
        found.append(out[:size])
        out = out[size + 1 :]
    return found


def _try(root: Path, *arguments: str) -> str:
    """What git says; empty if it says no."""
    done = _run(root, arguments, b"")
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def _git(root: Path, *arguments: str, fed: bytes = b"") -> bytes:
    done = _run(root, arguments, fed)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise SettingsError(f"git {arguments[0]} failed: {said[0] if said else 'without a word'}")
    return done.stdout


def _run(root: Path, arguments: tuple[str, ...], fed: bytes) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            ["git", "--no-pager", *arguments],  # noqa: S607 - the one on the user's path is the user's git
            cwd=root,
            env={**without_secrets(os.environ), **_QUIET},
            input=fed,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingsError(f"git {arguments[0]} failed: {error}") from None
