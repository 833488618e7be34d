"""Accepted -> files. The verdict goes first and comes last, so a killed run leaves no verdict of something else."""

import difflib
from collections.abc import Mapping
from pathlib import Path

from pipeline import __version__, contract_file, disk, landed
from pipeline.digest import digest_text
from pipeline.records import Accepted, Contract, Verdict


def render_landing(accepted: Accepted, contract_text: str, *, folder: Path, sandbox: str) -> dict[Path, str]:
    """The three files of a function, in the order in which they are written."""
    contract = accepted.contract
    verdict = Verdict(
        spec=contract.spec,
        function=contract.function,
        contract_digest=digest_text(contract_text),
        source_digest=digest_text(accepted.source),
        clauses=tuple(clause.clause for clause in accepted.judgement.clauses),
        inputs=accepted.judgement.inputs,
        sandbox=sandbox,
        model=accepted.model,
        tool=f"drystone {__version__}",
    )
    return {
        folder / f"{contract.function}.contract.json": contract_text,
        folder / f"{contract.function}.py": accepted.source,
        folder / f"{contract.function}.verdict.json": landed.render_verdict(verdict),
    }


def render_contract(contract: Contract, derived_digest: str) -> str:
    """A contract as it lands, tied to what the spec gave."""
    return contract_file.render_contract(contract.model_copy(update={"derived_from": derived_digest}))


def write(files: dict[Path, str]) -> None:
    """Write a function's files. The old verdict goes first; the new one, last in `files`, comes last."""
    disk.remove_file(list(files)[-1])
    for path, text in files.items():
        disk.write_text(path, text)


def diff(files: Mapping[Path, str | None], root: Path) -> str:
    """What writing these files would change, as a unified diff; None stands for a file that goes."""
    parts = []
    for path, text in files.items():
        name = path.relative_to(root).as_posix()
        old = disk.read_text(path)
        if old == text:
            continue
        lines = difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            (text or "").splitlines(keepends=True),
            "/dev/null" if old is None else f"a/{name}",
            "/dev/null" if text is None else f"b/{name}",
        )
        parts.append("".join(lines))
    return "".join(parts)
