"""Accepted -> files. The verdict goes first and comes last, so a killed run leaves no verdict of something else."""

import difflib
from collections.abc import Mapping
from pathlib import Path

from pipeline import __version__, contract_file, disk, landed
from pipeline.digest import digest_text
from pipeline.records import Contract, Verdict
from pipeline.reports import Accepted


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


def seal_contract(contract: Contract, derived_digest: str) -> tuple[Contract, str]:
    """A contract tied to what the spec gave, as it will be read back, and its text.

    What is prompted and judged is what will be read back, so that a later check tries the very same inputs.
    """
    text = contract_file.render_contract(contract.model_copy(update={"derived_from": derived_digest}))
    return contract_file.parse_contract(contract.id, text), text


def write(files: dict[Path, str]) -> None:
    """Write a function's files. The old verdict goes first; the new one, last in `files`, comes last."""
    disk.remove_file(list(files)[-1])
    for path, text in files.items():
        disk.write_text(path, text)


def diff(files: Mapping[Path, str | None], root: Path) -> str:
    """What writing these files would change, as a unified diff; None stands for a file that goes."""
    parts = []
    for path, text in sorted(files.items()):
        name = path.relative_to(root).as_posix()
        old = disk.read_text(path)
        if old == text:
            continue
        lines = difflib.unified_diff(
            _lines(old or ""),
            _lines(text or ""),
            "/dev/null" if old is None else f"a/{name}",
            "/dev/null" if text is None else f"b/{name}",
        )
        parts.append("".join(lines))
    return "".join(parts)


def _lines(text: str) -> list[str]:
    """Lines as `git` sees them: U+2028 and its like end none."""
    return [f"{line}\n" for line in text.removesuffix("\n").split("\n")] if text else []
