"""The first line of a review: behaviour that changed though no clause of the spec did, and how flows run now."""

from collections.abc import Sequence

from pipeline.review.changes import FlowChange, FunctionChange

_MOST_PARTS = 2
_MOST_FLOWS = 3
_MOST_FUNCTIONS = 20


def headline(
    functions: Sequence[FunctionChange], flows: Sequence[FlowChange], base: str, *, edited: Sequence[str] = ()
) -> str:
    """Which functions behave differently, first those of which no clause of the spec changed, and what changed of which flow."""
    by_hand = [f"edited by hand, and not compared: {_listed(edited)}"] if edited else []
    silent = [_named(each) for each in functions if "silent" in each.kinds]
    asked = [_named(each) for each in functions if "behaviour" in each.kinds and "silent" not in each.kinds]
    with_one = [f"where one changed: {_listed(asked)}"] if asked else []
    if silent:
        said = f"Behaviour changed although no clause of the spec did: {_listed(silent)}"
        return "; ".join([said, *with_one, *_flows(flows), *by_hand])
    unknown = [each.function for each in functions if each.behaviour is not None and each.behaviour.note]
    since = "" if unknown or edited else f" since {base}"
    calm = (
        f"no function was seen to behave differently{since} without a clause of the spec"
        if flows
        else f"no behaviour was seen to change{since} without a clause of the spec"
    )
    not_whole = [f"not compared whole: {_listed(unknown)}"] if unknown else []
    told = "; ".join([*by_hand, *_flows(flows), calm, *with_one, *not_whole])
    return told[0].upper() + told[1:]


def _listed(names: Sequence[str]) -> str:
    left = len(names) - _MOST_FUNCTIONS
    return ", ".join([*names[:_MOST_FUNCTIONS], *([f"and {left} more"] if left > 0 else [])])


def _named(change: FunctionChange) -> str:
    return f"{change.function} (perhaps renamed from {change.was})" if change.was else change.function


def _flows(flows: Sequence[FlowChange]) -> list[str]:
    told = [_flow(flow) for flow in flows[:_MOST_FLOWS]]
    left = len(flows) - _MOST_FLOWS
    return [*told, f"{left} more flow{'s' * (left != 1)} changed"] if left > 0 else told


def _flow(flow: FlowChange) -> str:
    """Of a flow the first changes, in one sentence."""
    parts = list(flow.parts[:_MOST_PARTS])
    left = len(flow.parts) - _MOST_PARTS
    more = f", and {left} more change{'s' * (left != 1)}" if left > 0 else ""
    what = {"added": "is new", "removed": "is gone"}.get(flow.edit, " and ".join(parts) + more)
    return f"the flow {flow.flow} {what}" + " (not generated again yet)" * bool(flow.lag)
