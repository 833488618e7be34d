"""What has landed of a function, as a review tells it: its code, who wrote it, and what its verdict rests on."""

import difflib

from pipeline.contract_file import ContractFileError
from pipeline.landed import Status
from pipeline.review.changes import Basis
from pipeline.writers import MANUAL


def code_of(status: Status | None) -> str:
    """The code of a function without the header of its file; empty where there is none."""
    return (
        ""
        if status is None or status.landed.source_text is None
        else without_header(status.landed.source_text)
    )


def without_header(source: str) -> str:
    """A function file without its header."""
    lines = source.split("\n")
    start = next((number for number, line in enumerate(lines) if not line.startswith("#")), 0)
    return "\n".join(lines[start:]).lstrip("\n")


def diff(name: str, before: str, after: str) -> str:
    """Two versions of the code of `spec.function` as a unified diff."""
    path = f"{name.replace('.', '/')}.py"
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"before/{path}", f"after/{path}", lineterm=""
    )
    return "\n".join(lines)


def written_anew(status: Status) -> str:
    """How the code that is there came to be, in words."""
    verdict = status.landed.verdict() if status.fresh else None
    by_hand = verdict is not None and verdict.model == MANUAL
    return "a person edited the code and adopted it" if by_hand else "it was written anew"


def basis_of(status: Status | None) -> Basis | None:
    """What the verdict of a function rests on; None where none covers it as it stands."""
    verdict = status.landed.verdict() if status else None
    if status is None or verdict is None or not status.fresh:
        return None  # what it says is said of other code, or of another contract
    try:
        contract = status.landed.contract()
    except ContractFileError:
        contract = None
    cases = contract.cases if contract else ()
    return Basis(
        clauses=len(verdict.clauses),
        cases_of_spec=sum(case.origin == "spec" for case in cases),
        cases_of_architect=sum(case.origin == "architect" for case in cases),
        inputs=verdict.inputs,
        sandbox=verdict.sandbox,
        model=verdict.model,
    )
