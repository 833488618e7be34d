"""A review in plain words: sentences that every form of the report shares, and the form for a terminal."""

from collections.abc import Iterator

from pipeline.records import Behaviour
from pipeline.review.changes import Basis, ClauseChange, FlowChange, FunctionChange, Review
from pipeline.writers import told_writer

KINDS = {
    "silent": "behaves differently, though no clause of the spec changed",
    "added": "new",
    "removed": "removed",
    "renamed": "perhaps renamed",
    "contract": "contract changed",
    "behaviour": "behaves differently",
    "code": "code changed",
    "stale": "not generated again yet",
}
LONGEST = 600
"""Characters of one sentence about a clause, outside of JSON."""
BY_A_MODEL = "A model's words, written from the code alone; it has not seen the contract"


def visible(text: str) -> str:
    """Text with nothing in it that a reader does not see: control characters and marks of direction are spelled out."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def short(text: str) -> str:
    """A sentence cut to what a person reads."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def told_kinds(change: FunctionChange) -> str:
    """What changed of a function, in a few words."""
    return ", ".join(words for _, words in kinds_in_words(change))


def kinds_in_words(change: FunctionChange) -> list[tuple[str, str]]:
    """Each kind of change that is worth telling, and in a few words what it is."""
    return [
        (kind, f"{KINDS[kind]}{f' from {change.was}' * (kind == 'renamed')}")
        for kind in change.kinds
        if kind != "behaviour" or "silent" not in change.kinds
    ]


def told_behaviour(found: Behaviour) -> str:
    """What the comparison of behaviour came to, in one sentence."""
    inputs = f"{found.inputs} input{'s' * (found.inputs != 1)}"
    if found.differing:
        text = f"differs on {found.differing} of {inputs}"
    elif found.inputs:
        text = f"no difference found in {inputs}"
    else:
        text = "behaviour was not compared"
    if found.skipped:
        text += f"; {found.skipped} more are taken by one version only"
    return text + (f"; {found.note}" if found.note else "")


def told_basis(basis: Basis | None) -> str:
    """What a verdict rests on, in one sentence."""
    if basis is None:
        return "No verdict covers it as it stands"
    cases = f"{basis.cases_of_spec} case{'s' * (basis.cases_of_spec != 1)} of the spec"
    if basis.cases_of_architect:
        cases += f" and {basis.cases_of_architect} of the architect"
    return (
        f"The verdict rests on {basis.clauses} clauses, {cases}, and {basis.inputs} inputs in all, judged in a sandbox "
        f"of level {basis.sandbox}; {told_writer(basis.model)}"
    )


def told_clause(change: ClauseChange) -> str:
    """A change of a clause in one sentence, with who said it."""
    origin = " (the architect's)" if change.origin == "architect" else ""
    return short(f"{change.clause}: {change.words}{origin}")


def told_size(review: Review) -> str:
    """How much changed, and since when."""
    changed = len(review.functions)
    why = f", {review.chosen}" if review.chosen else ""
    flows, decisions = len(review.flows), len(review.decisions)
    return (
        f"Compared with {review.base} ({review.commit[:12]}{why}): {changed} function{'s' * (changed != 1)} changed, "
        f"{review.unchanged} did not"
        + (f"; {flows} flow{'s' * (flows != 1)} changed" if flows else "")
        + (f"; {decisions} decision{'s' * (decisions != 1)} answered otherwise" if decisions else "")
    )


def told_flow(flow: FlowChange) -> list[str]:
    """What changed of a flow, a sentence each, and whether it has been generated since."""
    return [*map(short, flow.parts), *[f"not generated again yet: {flow.lag}"] * bool(flow.lag)]


def render_terminal(review: Review) -> str:
    """The report as plain text; its first line is the headline."""
    lines = [review.headline, told_size(review), *review.notes]
    for change in review.functions:
        lines += ["", *_function(change)]
    for flow in review.flows:
        lines += [
            "",
            f"flow {flow.flow}: {flow.edit}  {flow.place}",
            *(f"  {part}" for part in told_flow(flow)),
        ]
    for each in review.decisions:
        before, after = each.before or "nothing", each.after or "nothing"
        lines += [
            "",
            f"decision {each.decision}: {before} became {after}  {each.place}",
            f"  {each.question}",
        ]
    if review.sandbox is not None:
        lines += ["", f"Both versions ran in a sandbox of level {review.sandbox.level}."]
    return visible("\n".join(lines)) + "\n"


def _function(change: FunctionChange) -> Iterator[str]:
    yield f"{change.function}: {told_kinds(change)}  {change.place}"
    yield from (f"  why: {short(line)}" for line in change.why)
    for each in change.clauses:
        yield f"  {each.effect.upper() if each.effect == 'loosened' else each.effect}: {told_clause(each)}"
    if change.behaviour is not None:
        yield f"  behaviour: {told_behaviour(change.behaviour)}"
        for one in change.behaviour.differences:
            yield f"    {one.call}"
            yield f"      before: {one.before}"
            yield f"      now:    {one.after}"
    if "removed" not in change.kinds:
        yield f"  {told_basis(change.basis)}"
    if change.explanation is not None:
        yield f"  {BY_A_MODEL} ({change.explanation.model}):"
        yield from (f"    {line}" for line in change.explanation.text.splitlines())
    yield from (f"  | {line}" for line in change.diff.splitlines())
