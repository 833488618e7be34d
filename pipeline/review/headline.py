"""The first line of a review: behaviour that changed though no clause of the spec did, and how flows run now."""

from collections.abc import Sequence

from pipeline.review.changes import FlowChange, FunctionChange

_MOST_PARTS = 2
_MOST_FLOWS = 3
_MOST_FUNCTIONS = 20


def headline(functions: Sequence[FunctionChange], flows: Sequence[FlowChange], base: str) -> str:
    """Which functions behave differently although no clause of the spec changed, and what changed of which flow."""
    of_flows = _flows(flows)
    silent = [_named(each) for each in functions if "silent" in each.kinds]
    if len(silent) > _MOST_FUNCTIONS:
        silent[_MOST_FUNCTIONS:] = [f"and {len(silent) - _MOST_FUNCTIONS} more"]
    if silent:
        return "; ".join(
            [f"Behaviour changed although no clause of the spec did: {', '.join(silent)}", *of_flows]
        )
    unknown = [each.function for each in functions if each.behaviour is not None and each.behaviour.note]
    since = "" if unknown else f" since {base}"
    of_functions = (
        f"no function was seen to behave differently{since} without a clause of the spec"
        if flows
        else f"no behaviour was seen to change{since} without a clause of the spec"
    )
    told = "; ".join(
        [*of_flows, of_functions, *[f"not compared whole: {', '.join(unknown)}"] * bool(unknown)]
    )
    return told[0].upper() + told[1:]


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
