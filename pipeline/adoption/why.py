"""Why a function is fresh or stale: its chain of digests in words, what changed since it landed, who would be asked."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from pipeline import contract_file, reading
from pipeline.definitions import Record
from pipeline.digest import canonical_json, digest_text
from pipeline.landed import Status
from pipeline.outcome import Outcome, Wanted
from pipeline.project import Project
from pipeline.records import Contract
from pipeline.reports import FunctionReport, Report
from pipeline.seals import read_seal
from pipeline.settings import Settings
from pipeline.writers import told_writer

Standing = Literal["fresh", "stale", "edited", "new"]
_UNSAID = {"contract", "approach", "derived_from", "seal", "spec", "function"}
_CLAUSES = {"requires", "raises", "ensures", "cases"}
_NAMED = {"params": "name", "raises": "error", "cases": "name", "constraints": "name", "decisions": "name"}
_NAMED |= {"uses": "function", "requires": "rule", "ensures": "rule"}
_WORDS = {"params": "parameter", "cases": "example", "types": "type", "errors": "error", "ports": "port"}
_WORDS |= {"constraints": "constraint", "decisions": "decision", "uses": "callee", "assumes": "assumption"}


class Link(Record):
    """One link of the chain from a spec to the verdict of a function."""

    name: Literal["spec", "contract", "function", "verdict"]
    path: str
    """Relative to the project's root; of a spec, with line and column."""
    holds: bool
    said: str


class Change(Record):
    """One thing that a spec says otherwise than when the function landed."""

    part: str
    """`ensures`, `type Count`, `example 'none'`, `decision rounding`."""
    how: Literal["added", "removed", "changed"]
    was: str | None = None
    now: str | None = None


class Explanation(Record):
    """How one function stands, and why."""

    function: str
    standing: Standing
    chain: tuple[Link, ...]
    reasons: tuple[str, ...] = ()
    """Why it would be written again, or what stands in the way."""
    changes: tuple[Change, ...] = ()
    next: tuple[str, ...]
    """What `drystone generate` would do about it, or what a person can."""


def explain(settings: Settings, function_id: str) -> Explanation | Outcome:
    """Why a function (`spec.function`) is as it is; an outcome with the findings of its spec if there are any.

    Raises SettingsError where there is no such function.
    """
    found = reading.find_function(settings, function_id)
    if isinstance(found, Outcome):
        return found
    project, status = found
    landed_contract = _landed_contract(status)
    changes = () if landed_contract is None else tuple(_changes(landed_contract, status.function.contract))
    return Explanation(
        function=function_id,
        standing=_standing(status),
        chain=tuple(_chain(project, status)),
        reasons=tuple(project.relative(text) for text in status.conflicts or status.reasons),
        changes=changes or tuple(_changes_of_callees(project, status, landed_contract)),
        next=tuple(_next(settings, status)),
    )


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """An explanation for people."""
    reasons = [text for text in explanation.reasons if text != f"it is {explanation.standing}"]
    because = f": {'; '.join(reasons)}" if reasons else ""
    yield f"{explanation.function} is {explanation.standing}{because}"
    width = max(len(link.path) for link in explanation.chain)
    for link in explanation.chain:
        yield f"  {link.name:8}  {link.path.ljust(width)}  {'' if link.holds else '! '}{link.said}"
    if explanation.changes:
        yield "since it landed:"
    for change in explanation.changes:
        yield f"  {change.how} {change.part}" + (":" if change.was or change.now else "")
        yield from (
            f"    {sign} {text}" for sign, text in (("-", change.was), ("+", change.now)) if text is not None
        )
    yield "next:"
    yield from (f"  {text}" for text in explanation.next)


def _standing(status: Status) -> Standing:
    if status.conflicts:
        return "edited"
    if status.landed.source_text is None and status.landed.contract_text is None:
        return "new"
    return "fresh" if status.fresh else "stale"


def _landed_contract(status: Status) -> Contract | None:
    try:
        return status.landed.contract()
    except contract_file.ContractFileError:
        return None


# -- the chain ---------------------------------------------------------------------------------------------


def _chain(project: Project, status: Status) -> Iterator[Link]:
    landed = status.landed
    yield Link(name="spec", path=str(status.function.place), holds=True, said="gives the contract")
    contract, verdict = _landed_contract(status), landed.verdict()
    said = "is missing"
    if landed.contract_text is not None:
        said = "is no contract" if contract is None else "is what the spec gives"
    holds = contract is not None and contract.derived_from == status.derived_digest
    if contract is not None and not holds:
        said = "comes from another state of the spec"
    if contract is not None and status.contract_edited:
        said += ", edited by hand"
    yield Link(name="contract", path=project.relative(str(landed.contract_path)), holds=holds, said=said)
    seal = None if landed.source_text is None else read_seal(landed.source_text)
    words = {None: "is missing", "sealed": "is as it was sealed", "edited": "was edited by hand"}
    yield Link(
        name="function",
        path=project.relative(str(landed.source_path)),
        holds=seal == "sealed",
        said=words.get(seal, "was not written by drystone"),
    )
    spoken = "is missing" if landed.verdict_text is None else "was edited by hand"
    if verdict is not None:
        other = [
            name
            for name, text, digest in (
                ("contract", landed.contract_text, verdict.contract_digest),
                ("function", landed.source_text, verdict.source_digest),
            )
            if text is None or digest_text(text) != digest
        ]
        spoken = f"speaks of another {' and another '.join(other)}" if other else "speaks of these two"
        spoken += (
            f": {told_writer(verdict.model)}, {len(verdict.clauses)} clauses, {verdict.inputs} inputs, "
            f"sandbox {verdict.sandbox}, {verdict.tool}"
        )
        yield Link(
            name="verdict", path=project.relative(str(landed.verdict_path)), holds=not other, said=spoken
        )
        return
    yield Link(name="verdict", path=project.relative(str(landed.verdict_path)), holds=False, said=spoken)


# -- what changed ------------------------------------------------------------------------------------------


def _changes(landed: Contract, derived: Contract) -> Iterator[Change]:
    for name in Contract.model_fields:
        if name in _UNSAID:
            continue
        was, now = _items(landed, name), _items(derived, name)
        for key in [*was, *(key for key in now if key not in was)]:
            if key not in now:
                yield Change(part=_part(name, key), how="removed", was=was[key])
            elif key not in was:
                yield Change(part=_part(name, key), how="added", now=now[key])
            elif was[key] != now[key]:
                yield Change(part=_part(name, key), how="changed", was=was[key], now=now[key])


def _items(contract: Contract, name: str) -> dict[str, str]:
    """A part of a contract as a person said it, by the name of each item; without what an architect added."""
    value = getattr(contract, name)
    if isinstance(value, Mapping):
        return {key: _text(item) for key, item in value.items()}
    if name in _CLAUSES:
        value = tuple(item for item in value if item.origin == "spec")
    if name in _NAMED:
        return {getattr(item, _NAMED[name]): _text(item, _NAMED[name]) for item in value}
    if isinstance(value, tuple):
        return {str(item): str(item) for item in value}
    return {"": _text(value)}


def _text(value: Any, name: str = "") -> str:
    """A part as one line: a rule as it is, records as JSON of what they say beside their name."""
    if not isinstance(value, BaseModel):
        return str(value)
    said = value.model_dump(mode="json", exclude_defaults=True, exclude={"origin", "shown", "kind"})
    if len(said) > 1:
        said.pop(name, None)
    values = list(said.values())
    return values[0] if len(values) == 1 and isinstance(values[0], str) else canonical_json(said)


def _part(name: str, key: str) -> str:
    word = _WORDS.get(name, name)
    if name in {"requires", "ensures"} or not key:
        return word
    return f"{word} '{key}'" if name == "cases" else f"{word} {key}"


def _changes_of_callees(project: Project, status: Status, landed: Contract | None) -> Iterator[Change]:
    """The functions it uses that promise something else, where its own part of the spec is as it was."""
    if landed is None or landed.derived_from == status.derived_digest:
        return
    known = {**project.context, **{each.function.contract.id: each for each in project.statuses}}
    callees = status.function.contract.callee_ids
    stale = [name for name in callees if known[name].kept_contract is None]
    for name in stale or callees:
        yield Change(
            part=f"what {name} promises{'' if stale else ', or one that it uses'}; drystone explain {name} tells",
            how="changed",
        )


# -- what comes next ---------------------------------------------------------------------------------------


def _next(settings: Settings, status: Status) -> Iterator[str]:
    name = status.function.contract.id
    if status.conflicts:
        if status.landed.source_text is not None and read_seal(status.landed.source_text) != "sealed":
            yield f"drystone adopt {name}: judge what a person made of the function, and keep it if it passes"
        yield "drystone generate stops until that is settled, and asks nobody"
        return
    if status.fresh:
        yield "drystone generate asks nobody and writes nothing"
        return
    planned = _planned(settings, name)
    if status.kept_contract is None and settings.architect is not None:
        yield f"drystone generate asks the architect ({settings.architect}) to complete its contract"
    ladder = ", then ".join(
        rung.entry + (f" x{rung.samples}" if rung.samples > 1 else "") for rung in settings.ladder
    )
    yield f"drystone generate asks for the function: {ladder}"
    if planned is not None and planned.prompt_tokens_estimate:
        most = ""
        if planned.most and not planned.most.unpriced_tokens:
            most = "; costs nothing" if planned.most.free else f"; at most {planned.most.usd:.2f} USD"
        yield f"first prompt: about {planned.prompt_tokens_estimate} tokens (drystone show-prompt {name}){most}"


def _planned(settings: Settings, name: str) -> FunctionReport | None:
    report: Report = reading.plan(settings, Wanted(selection=(name.partition(".")[0],))).report
    return next((each for each in report.functions if each.function == name), None)
