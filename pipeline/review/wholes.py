"""What changed of whole specs: their flows, and the answers to their decisions."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from pipeline.drawing.graph import picture_flow
from pipeline.drawing.svg import render_svg
from pipeline.landed_flows import FlowStatus
from pipeline.records import DecisionRecord, Spec, SpecFlow
from pipeline.review.changes import DecisionChange, FlowChange
from pipeline.review.flow_words import told_changes


def compare_flows(
    before: Sequence[Spec], after: Sequence[Spec], statuses: Mapping[str, FlowStatus], *, base: str
) -> tuple[FlowChange, ...]:
    """Flows that were added or removed, or of which a part is not as it was; with pictures of both.

    `statuses`, by `spec.flow`, tell where `generated/` has not followed yet.
    """
    old, new = _flows(before), _flows(after)
    found = []
    for name in dict.fromkeys((*new, *old)):
        was, now = old.get(name), new.get(name)
        here = now or old[name]
        if was and now and was[1].flow == now[1].flow:
            continue
        parts = told_changes(was[1].flow, now[1].flow) if was and now else ()
        found.append(
            FlowChange(
                flow=name,
                edit="changed" if was and now else "added" if now else "removed",
                parts=parts,
                lag="; ".join(statuses[name].reasons) if name in statuses else "",
                place=str(here[1].place) if now else f"{base}:{here[1].place}",
                picture_before=_drawn(was, "before") if was else "",
                picture_after=_drawn(now, "now") if now else "",
            )
        )
    return tuple(found)


def lagging_flows(
    before: Mapping[str, FlowStatus], after: Mapping[str, FlowStatus], changed: Collection[str]
) -> list[str]:
    """Notes on flows that are as they were, but whose functions or contracts have moved on since they were judged."""
    return [
        f"the flow {name} is not judged again yet: {'; '.join(status.reasons)}"
        for name, status in after.items()
        if status.reasons and name not in changed and name in before and not before[name].reasons
    ]


def compare_decisions(
    before: Sequence[Spec], after: Sequence[Spec], *, base: str
) -> tuple[DecisionChange, ...]:
    """Decisions that have another answer, whoever gave it."""
    old, new = _decisions(before), _decisions(after)
    return tuple(
        DecisionChange(
            decision=name,
            question=(new.get(name) or old[name]).question,
            before=_answer(old.get(name)),
            after=_answer(new.get(name)),
            place=str(new[name].place) if name in new else f"{base}:{old[name].place}",
        )
        for name in dict.fromkeys((*new, *old))
        if _answer(old.get(name)) != _answer(new.get(name))
    )


def _flows(specs: Iterable[Spec]) -> dict[str, tuple[Spec, SpecFlow]]:
    return {f"{spec.name}.{each.flow.name}": (spec, each) for spec in specs for each in spec.flows}


def _decisions(specs: Iterable[Spec]) -> dict[str, DecisionRecord]:
    return {f"{each.home}.{each.name}": each for spec in specs for each in spec.decisions}


def _answer(decision: DecisionRecord | None) -> str:
    return "" if decision is None else decision.choice or ""


def _drawn(placed: tuple[Spec, SpecFlow], when: str) -> str:
    """A picture with ids of its own: the one of then and the one of now stand on one page."""
    picture = picture_flow(placed[0], placed[1].flow)
    return render_svg(picture.model_copy(update={"name": f"{when}-{picture.name}"}))
