"""What changed of whole specs: their flows, and the answers to their decisions."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pipeline.drawing.graph import picture_flow
from pipeline.drawing.svg import render_svg
from pipeline.flows.records import Flow
from pipeline.records import DecisionRecord, Spec, SpecFlow
from pipeline.review.changes import DecisionChange, FlowChange


def compare_flows(before: Sequence[Spec], after: Sequence[Spec]) -> tuple[FlowChange, ...]:
    """Flows that were added or removed, or of which a part is not as it was; with pictures of both."""
    old, new = _flows(before), _flows(after)
    found = []
    for name in dict.fromkeys((*new, *old)):
        was, now = old.get(name), new.get(name)
        here = now or old[name]
        if was and now and was[1].flow == now[1].flow:
            continue
        found.append(
            FlowChange(
                flow=name,
                edit="changed" if was and now else "added" if now else "removed",
                parts=tuple(_parts(was[1].flow, now[1].flow)) if was and now else (),
                place=str(here[1].place),
                picture_before=_drawn(was, "before") if was else "",
                picture_after=_drawn(now, "now") if now else "",
            )
        )
    return tuple(found)


def compare_decisions(before: Sequence[Spec], after: Sequence[Spec]) -> tuple[DecisionChange, ...]:
    """Decisions that have another answer, whoever gave it."""
    old, new = _decisions(before), _decisions(after)
    return tuple(
        DecisionChange(
            decision=name,
            question=(new.get(name) or old[name]).question,
            before=_answer(old.get(name)),
            after=_answer(new.get(name)),
            place=str((new.get(name) or old[name]).place),
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


def _parts(before: Flow, after: Flow) -> Iterator[str]:
    """In words, which parts of a flow are gone and which are new."""
    for name in Flow.model_fields:
        was, now = getattr(before, name), getattr(after, name)
        if was == now or name == "summary":
            continue
        if isinstance(was, tuple):
            gone = [_told(item) for item in was if item not in now]
            come = [_told(item) for item in now if item not in was]
            yield from (f"{name}: no longer {text}" for text in gone)
            yield from (f"{name}: new {text}" for text in come)
            if not gone and not come:
                yield f"{name}: in another order"
        elif isinstance(was, dict):
            for key in dict.fromkeys((*was, *now)):
                if was.get(key) != now.get(key):
                    yield f"{name}: {key}: {was.get(key, 'nothing')} became {now.get(key, 'nothing')}"
        else:
            yield f"{name}: {was} became {now}"


def _told(item: Any) -> str:
    if isinstance(item, str):
        return f"`{item}`"
    if hasattr(item, "name"):
        return f"'{item.name}'"
    said = item.model_dump(mode="json", exclude_defaults=True)
    return ", ".join(f"{key} {'/'.join(v) if isinstance(v, list) else v}" for key, v in said.items())
