"""A report as lines, as JSON and as an exit code."""

import json

import pytest

from pipeline import summary
from pipeline.errors import BudgetError, OutputError, RateLimitError, SandboxError, SettingsError
from pipeline.outcome import Outcome
from pipeline.records import Finding, Isolation, Place
from pipeline.reports import Attempt, FunctionReport, Most, Report, Spending, Spent


def function(action: str, name: str = "s.f", **more) -> FunctionReport:
    return FunctionReport(function=name, action=action, **more)


FINDING = Finding(place=Place(path="specs/s.yaml", line=3, column=5), message="unknown type 'Emial'")


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome(Report()), 0),
        (Outcome(Report(functions=(function("fresh"), function("landed")))), 0),
        (Outcome(Report(functions=(function("changed"), function("planned")))), 0),
        (Outcome(Report(findings=(FINDING,))), 1),
        (Outcome(Report(), SettingsError("x")), 2),
        (Outcome(Report(functions=(function("stale"), function("failed")))), 3),
        (Outcome(Report(functions=(function("edited"),))), 3),
        (Outcome(Report(strangers=("x",))), 3),
        (Outcome(Report(), OutputError("x")), 3),
        (Outcome(Report(functions=(function("failed"), function("landed")))), 4),
        (Outcome(Report(functions=(function("blocked"),))), 4),
        (Outcome(Report(functions=(function("failed"),)), RateLimitError("x")), 5),
        (Outcome(Report(), SandboxError("x")), 6),
        (Outcome(Report(functions=(function("failed"),)), BudgetError("x", "s.f")), 7),
        (Outcome(Report(functions=(function("failed"),)), RateLimitError("x"), interrupted=True), 130),
    ],
)
def test_every_outcome_has_its_exit_code(outcome: Outcome, code: int) -> None:
    """The most basic trouble wins; the JSON report says the same."""
    assert summary.exit_code(outcome) == code
    assert json.loads(summary.render_json_report(outcome))["exit_code"] == code


def test_json_is_ascii_and_names_the_error() -> None:
    """Fit for any terminal and any log."""
    text = summary.render_json_report(Outcome(Report(notes=("ü\u2028",)), SettingsError("line 1\nline 2")))
    assert text.isascii()
    document = json.loads(text)
    assert document["error"] == {"type": "SettingsError", "message": "line 1\nline 2"}
    assert document["notes"] == ["ü\u2028"]


def test_a_person_reads_what_is_not_simply_fresh() -> None:
    """Each function on its line, attempts below it, one line of counts at the end."""
    report = Report(
        functions=(
            function("fresh", "s.a"),
            function("landed", "s.b", model="p:m", reasons=("it is new",), attempts=(Attempt(model="p:m", reason="bad"),)),
            function("failed", "s.c", attempts=(Attempt(model="p:m", reason="ensures[0]: no"), Attempt(model="q:m", reason="bounds: no"))),
            function("blocked", "s.d", reasons=("it uses s.c, which did not land",), refused_proposals=("case 'x': no",)),
        ),
        notes=("wrote generated/s/types.py",),
        strangers=("generated/s/x: not written by drystone",),
        sandbox=Isolation(level="process"),
    )  # fmt: skip
    assert list(summary.summary_lines(report)) == [
        "s.b: landed, by p:m at attempt 2 (it is new)",
        "s.c: failed",
        "  1. p:m: ensures[0]: no",
        "  2. q:m: bounds: no",
        "s.d: blocked: it uses s.c, which did not land",
        "  architect: refused case 'x': no",
        "generated/s/x: not written by drystone",
        "wrote generated/s/types.py",
        "1 landed; 1 fresh; 1 failed; 1 blocked; sandbox: process",
    ]


def test_what_was_spent_is_a_table() -> None:
    """A row for each function and for whoever was asked about a whole spec; what is not known is a question mark."""
    spent = (
        Spent(subject="s (reviewer)", calls=1, tokens_in=12_000, tokens_out=5, unpriced_tokens=12_005),
        Spent(subject="s.f", calls=3, stored=1, attempts=2, tokens_in=900, tokens_cached=70, usd=0.01234),
    )
    total = Spent(subject="total", calls=4, stored=1, lost=2, attempts=2, tokens_in=12_900, tokens_cached=70,
        tokens_out=5, usd=0.01234, unpriced_tokens=12_005)  # fmt: skip
    report = Report(spending=Spending(subjects=spent, total=total, unpriced=("p:m",)))
    assert list(summary.summary_lines(report)) == [
        "              calls  from store  tokens in  cached  out         USD  attempts",
        "s (reviewer)      1           0     12,000       0    5           ?         0",
        "s.f               3           1        900      70    0      0.0123         2",
        "total             4           1     12,900      70    5  0.0123 + ?         2",
        "2 calls brought no whole reply; counted with the most they can have cost",
        "? 12,005 tokens of unknown price: p:m",
    ]
    document = json.loads(summary.render_json_report(Outcome(report)))
    assert document["spending"]["total"]["usd"] == 0.01234
    assert [each["subject"] for each in document["spending"]["subjects"]] == ["s (reviewer)", "s.f"]


def test_the_locks_in_force_are_named() -> None:
    """How far unread code was kept apart, and by what."""
    report = Report(
        functions=(function("fresh"),),
        sandbox=Isolation(level="kernel", layers=("namespaces", "landlock 6", "seccomp")),
    )
    assert list(summary.summary_lines(report)) == [
        "1 fresh; sandbox: kernel (namespaces, landlock 6, seccomp)"
    ]


def test_what_stands_in_the_way_of_isolation_is_said() -> None:
    """A person reads why there is no more, and what to do, after everything else."""
    report = Report(
        functions=(function("fresh"),),
        sandbox=Isolation(level="process", trouble="seccomp is refused", remedy="allow it"),
    )
    assert list(summary.summary_lines(report)) == [
        "1 fresh; sandbox: process",
        "no kernel isolation here: seccomp is refused. To have it: allow it.",
    ]


def test_json_says_why_isolation_is_no_more() -> None:
    """The whole record: level, locks, what stood in the way, and what to do about it."""
    isolation = Isolation(level="process", trouble="refused", remedy="allow it")
    document = json.loads(summary.render_json_report(Outcome(Report(sandbox=isolation))))
    assert document["sandbox"] == {
        "level": "process",
        "layers": [],
        "trouble": "refused",
        "remedy": "allow it",
    }


def test_a_plan_says_how_long_the_prompts_are() -> None:
    """And why it is not fresh."""
    planned = function("planned", reasons=("it is new",), prompt_tokens_estimate=123)
    assert "s.f: it is new; first prompt about 123 tokens" in list(
        summary.summary_lines(Report(functions=(planned,)))
    )


def test_findings_are_counted() -> None:
    """Nothing at all is said to be nothing."""
    assert list(summary.summary_lines(Report(findings=(FINDING, FINDING)))) == ["2 findings"]
    assert list(summary.summary_lines(Report())) == ["no findings"]


PLANS = {
    "embedded": ((0.0, 0), ("local",), "costs nothing", "in all: runs on this machine, costs nothing"),
    "asked of people": ((0.0, 0), ("handoff", "local"), "costs nothing", "in all: costs nothing"),
    "paid": (
        (0.5, 0),
        ("openai:m", "local"),
        "at most 1,234 tokens, 0.50 USD",
        "in all at most 1,234 tokens, 0.50 USD; no more than the ceilings: 5 USD a run",
    ),
    "of unknown price": (
        (0.0, 34),
        ("fake:m",),
        "at most 1,234 tokens, 0.00 USD and 34 of unknown price",
        "in all at most 1,234 tokens, 0.00 USD and 34 of unknown price; no more than the ceilings: 5 USD a run",
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_has_figures_for_what_is_paid_and_says_what_costs_nothing(name: str) -> None:
    """No number of tokens alarms a person whose own machine does the work."""
    (usd, unpriced), models, each, whole = PLANS[name]
    most = Most(tokens=1234, usd=usd, unpriced_tokens=unpriced)
    planned = function("planned", reasons=("it is new",), prompt_tokens_estimate=7, most=most)
    report = Report(functions=(planned,), models=models, most=most, ceilings="5 USD a run")
    lines = list(summary.summary_lines(report))
    assert [f"s.f: it is new; first prompt about 7 tokens; {each}", whole] == lines[:2]
