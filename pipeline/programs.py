"""What has landed of a function, put together with what it calls: a program that can be run beside another one."""

from collections.abc import Sequence

from pipeline.contract_file import ContractFileError
from pipeline.landed import Status
from pipeline.reading import landed_callees
from pipeline.review.landings import without_header
from pipeline.stages.judge import Part


def unreadable(status: Status) -> str:
    """Why a landed function cannot be put together with what it calls; empty if it can."""
    try:
        contract = status.landed.contract()
        if contract is None:
            return "its contract is missing"
        callees = landed_callees(status.landed.folder, contract)
    except ContractFileError:
        return "its contract, or the one of a function that it calls, cannot be read"
    missing = [name for name in contract.callee_ids if name not in callees]
    return f"{', '.join(missing)}, which it calls, is not whole in generated/" if missing else ""


def parts_of(status: Status | None) -> list[Part]:
    """A landed function and what it calls; nothing where it has not landed whole."""
    if status is None or status.landed.source_text is None:
        return []
    try:
        contract = status.landed.contract()
        if contract is None:
            return []
        callees = landed_callees(status.landed.folder, contract)
    except ContractFileError:
        return []
    return [*callees.values(), Part(contract, status.landed.source_text)]


def program(parts: Sequence[Part]) -> list[object]:
    """What decides how a program behaves: its code and its types."""
    return [
        (
            part.contract.id,
            without_header(part.source),
            part.contract.types,
            part.contract.errors,
            part.contract.ports,
        )
        for part in parts
    ]
