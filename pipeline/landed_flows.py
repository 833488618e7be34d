"""The evidence of flows in `generated/`: whether each still speaks of the flow and of the functions that are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from pipeline import contract_file, disk
from pipeline.digest import digest_json, digest_text, render_json
from pipeline.flows.records import FlowVerdict
from pipeline.landed import FLOW_SUFFIX, Status
from pipeline.records import Spec, SpecFlow


@dataclass(frozen=True, slots=True)
class FlowStatus:
    """How one flow of a spec stands. Fresh if there is neither a reason nor a conflict."""

    spec: str
    flow: SpecFlow
    path: Path
    """Of its verdict."""
    digest: str
    """Of the flow, and of what the specs give for every function it may come to call."""
    functions: tuple[str, ...]
    """`spec.function` of every function it may come to call, callees before callers."""
    reasons: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.spec}.{self.flow.flow.name}"

    @property
    def fresh(self) -> bool:
        return not self.reasons and not self.conflicts


def check_flows(generated: Path, spec: Spec, statuses: Mapping[str, Status]) -> tuple[FlowStatus, ...]:
    """The status of every flow of a spec; `statuses` are those of all functions, by `spec.function`."""
    found = []
    for each in spec.flows:
        path = generated / spec.name / f"{each.flow.name}{FLOW_SUFFIX}"
        functions = _reached([f"{spec.name}.{name}" for name in each.flow.functions], statuses)
        derived = {name: statuses[name].derived_digest for name in functions}
        status = FlowStatus(
            spec=spec.name,
            flow=each,
            path=path,
            digest=digest_json([each.flow.model_dump(mode="json", exclude_defaults=True), derived]),
            functions=functions,
        )
        text = disk.read_plain(path)
        if text is not None and contract_file.is_edited(text):
            edited = (
                f"{path}: edited by hand; restore it (git restore {path}), or delete it to have it made again"
            )
            found.append(replace(status, conflicts=(edited,)))
        else:
            landed = {name: statuses[name].landed.source_text or "" for name in functions}
            found.append(replace(status, reasons=_reasons(text, status, landed)))
    return tuple(found)


def _reached(functions: Sequence[str], statuses: Mapping[str, Status]) -> tuple[str, ...]:
    reached: dict[str, None] = {}
    for name in functions:
        reached |= dict.fromkeys(_reached(statuses[name].function.contract.callee_ids, statuses))
        reached[name] = None
    return tuple(reached)


def read_flow_verdict(text: str | None) -> FlowVerdict | None:
    """The verdict of a file; None if there is none, or not as it was written."""
    try:
        found = FlowVerdict.model_validate_json(text) if text else None
    except ValidationError:
        return None
    return None if contract_file.is_edited(text or "") else found


def render_flow_verdict(verdict: FlowVerdict) -> str:
    document = {
        **verdict.model_dump(mode="json", exclude={"seal", "flow"}),
        "flow": verdict.flow.model_dump(mode="json", exclude_defaults=True),
    }
    return render_json({**document, "seal": digest_json(document)})


def source_digests(sources: Mapping[str, str]) -> dict[str, str]:
    """`spec.function` -> digest of its file, of the texts of these files."""
    return {name: digest_text(text) for name, text in sorted(sources.items())}


def _reasons(text: str | None, status: FlowStatus, landed: Mapping[str, str]) -> tuple[str, ...]:
    verdict = read_flow_verdict(text)
    if verdict is None:
        return ("it is new",)
    if verdict.flow_digest != status.digest:
        return ("its spec changed",)
    now = source_digests(landed)
    changed = sorted(name for name in now if verdict.sources.get(name) != now[name])
    return (f"its functions changed: {', '.join(changed)}",) if changed else ()
