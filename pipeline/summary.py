"""A run's report as lines for people, as JSON for tools, and as an exit code."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.outcome import Outcome
from pipeline.reports import (
    Action,
    Compared,
    Comparison,
    FlowReport,
    FunctionReport,
    Most,
    Report,
    Spending,
    Spent,
    Tried,
)
from pipeline.writers import made_by, who

_ORDER: tuple[Action, ...] = (
    "landed", "changed", "planned", "fresh", "stale", "edited", "held", "waiting", "failed", "blocked",
)  # fmt: skip


def exit_code(outcome: Outcome) -> int:
    """The most basic trouble wins: an interruption, a broken world or a ceiling, specs, stale files, failed functions."""
    if outcome.interrupted:
        return 130
    if outcome.error is not None:
        return outcome.error.exit_code
    if outcome.report.findings:
        return 1
    actions = {function.action for function in outcome.report.functions}
    actions |= {flow.action for flow in outcome.report.flows}
    if actions & {"stale", "edited"} or outcome.report.strangers:
        return 3
    return 4 if actions & {"failed", "blocked", "held"} else 0


def render_json_report(outcome: Outcome) -> str:
    """The report as one JSON document, with the exit code and the error in it."""
    document = outcome.report.model_dump(mode="json")
    error = None
    if outcome.interrupted:
        error = {"type": "Interrupted", "message": "a person stopped the run"}
    elif outcome.error is not None:
        error = {"type": type(outcome.error).__name__, "message": str(outcome.error)}
    return json.dumps({**document, "exit_code": exit_code(outcome), "error": error}, indent=2)


def summary_lines(report: Report) -> Iterator[str]:
    """What a person wants to know at the end; one line for each function that is not simply fresh."""
    yield from _finding_lines(report)
    for function in report.functions:
        yield from _function_lines(function)
    for flow in report.flows:
        yield from _flow_lines(flow)
    yield from report.strangers
    yield from report.notes
    if report.comparison:
        yield from comparison_lines(report.comparison)
    if report.spending:
        yield from spending_lines(report.spending)
    if report.most:
        yield _in_all(report, report.most)
    if not report.functions:
        return
    counted = Counter(function.action for function in report.functions)
    parts = [f"{counted[action]} {action}" for action in _ORDER if counted[action]]
    for flow_action in ("landed", "changed", "fresh", "failed", "blocked"):
        count = sum(flow.action == flow_action for flow in report.flows)
        if count:
            parts.append(f"{count} flow{'s' * (count > 1)} {flow_action}")
    if report.sandbox:
        layers = f" ({', '.join(report.sandbox.layers)})" if report.sandbox.layers else ""
        parts.append(f"sandbox: {report.sandbox.level}{layers}")
    yield "; ".join(parts)
    if report.sandbox and report.sandbox.trouble:
        yield f"no kernel isolation here: {report.sandbox.trouble}. To have it: {report.sandbox.remedy}."


def spending_lines(spending: Spending) -> Iterator[str]:
    """A table of what was asked and what it cost, one row for each function or whole spec."""
    head = ("", "calls", "from store", "tokens in", "cached", "out", "USD", "attempts")
    yield from _table([head, *(_spent(each) for each in (*spending.subjects, spending.total))])
    if spending.total.lost:
        yield f"{spending.total.lost} calls brought no whole reply; counted with the most they can have cost"
    if spending.total.unpriced_tokens:
        yield f"? {spending.total.unpriced_tokens:,} tokens of unknown price: {', '.join(spending.unpriced)}"


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """A table with a row for each model, and below it the functions on which they are not all alike."""
    head = ("", "kept", "at once", "alike", "calls", "tokens in", "cached", "out", "USD", "median s", "p90 s")
    yield from _table([head, *(_compared(each) for each in comparison.models)])
    for function in dict.fromkeys(each.function for each in comparison.tries):
        tries = [each for each in comparison.tries if each.function == function]
        if len({(each.kept, each.behaviour) for each in tries}) > 1 or {each.like for each in tries} == {
            "neither"
        }:
            yield f"{function}:"
            yield from (f"  {each.model}: {_tried(each)}" for each in tries)


def _tried(tried: Tried) -> str:
    if not tried.kept:
        return f"not kept: {tried.reason}"
    like = {"landed": "as landed", "majority": "as most", "neither": "answers differently", "unknown": ""}[
        tried.like
    ]
    return f"kept at attempt {tried.attempts}" + (f", {like}" if like else "")


def _compared(row: Compared) -> tuple[str, ...]:
    counts = (row.calls, row.tokens_in, row.tokens_cached, row.tokens_out)
    seconds = (row.median_seconds, row.p90_seconds)
    return (
        row.model, f"{row.kept} of {row.tried}", f"{row.kept_at_once} of {row.tried}",
        f"{row.agreed} of {row.comparable}", *(f"{count:,}" for count in counts),
        "?" if row.usd is None else f"{row.usd:.4f}", *("-" if each is None else f"{each:.1f}" for each in seconds),
    )  # fmt: skip


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows in columns: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *numbers in rows:
        cells = [text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True)]
        yield "  ".join([name.ljust(widths[0]), *cells]).rstrip()


def _in_all(report: Report, most: Most) -> str:
    if most.free:
        here = all(entry.partition(":")[0] == "local" for entry in report.models)
        return f"in all: {'runs on this machine, ' if here else ''}{_most(most)}"
    return f"in all {_most(most)}; no more than the ceilings: {report.ceilings}"


def _most(most: Most) -> str:
    if most.free:
        return "costs nothing"
    unknown = f" and {most.unpriced_tokens:,} of unknown price" if most.unpriced_tokens else ""
    return f"at most {most.tokens:,} tokens, {most.usd:.2f} USD{unknown}"


def _spent(spent: Spent) -> tuple[str, ...]:
    unknown = spent.unpriced_tokens > 0
    usd = "?" if unknown and not spent.usd else f"{spent.usd:.4f}{' + ?' if unknown else ''}"
    counts = (spent.tokens_in, spent.tokens_cached, spent.tokens_out)
    return (
        spent.subject, str(spent.calls), str(spent.stored), *(f"{count:,}" for count in counts), usd,
        str(spent.attempts),
    )  # fmt: skip


def _finding_lines(report: Report) -> Iterator[str]:
    if report.findings:
        count = len(report.findings)
        yield f"{count} finding{'s' * (count > 1)}"
    elif not (report.functions or report.strangers or report.spending or report.comparison):
        yield "no findings"


def _function_lines(function: FunctionReport) -> Iterator[str]:
    reasons = "; ".join(function.reasons)
    match function.action:
        case "fresh":
            return
        case "planned":
            most = f"; {_most(function.most)}" if function.most else ""
            yield (
                f"{function.function}: {reasons}; first prompt about {function.prompt_tokens_estimate} tokens{most}"
            )
        case "landed" | "changed":
            tries = len(function.attempts) + 1
            yield f"{function.function}: {function.action}, {made_by(function.model or '', tries)} ({reasons})"
        case "failed":
            yield f"{function.function}: failed" + (f" ({reasons})" if reasons else "")
            yield from (
                f"  {number}. {who(attempt.model)}: {attempt.reason}"
                for number, attempt in enumerate(function.attempts, 1)
            )
        case "edited":
            yield from function.reasons  # each names its file
        case "held":
            yield f"{function.function}: kept its contract, by {who(function.model or '')}; it lands with its whole spec ({reasons})"
        case "waiting":
            yield f"{function.function}: waiting for {reasons}"
        case _:
            yield f"{function.function}: {function.action}: {reasons}"
    yield from (f"  architect: refused {refused}" for refused in function.refused_proposals)


def _flow_lines(flow: FlowReport) -> Iterator[str]:
    reasons = "; ".join(flow.reasons)
    match flow.action:
        case "fresh":
            return
        case "landed" | "changed":
            yield f"{flow.flow}: {flow.action}, {flow.walks} walks ({reasons})"
        case "planned":
            yield f"{flow.flow}: its functions would be judged together: {reasons}"
        case "failed":
            yield f"{flow.flow}: its functions do not fit together, so none of its spec landed"
            yield from (f"  {reason}" for reason in flow.reasons)
            if flow.counterexample:
                yield "  The shortest walk that shows it, as a scenario of the spec:"
                yield from (f"  {line}" for line in flow.counterexample.rstrip().split("\n"))
        case "edited":
            yield from flow.reasons
        case _:
            yield f"{flow.flow}: {flow.action}: {reasons}"
