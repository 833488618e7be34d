"""What a run found wrong, each with its place, as SARIF for code scanning and as annotations of a GitHub workflow."""

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pipeline import __version__, summary
from pipeline.adoption.git import outermost
from pipeline.definitions import Record
from pipeline.outcome import Outcome
from pipeline.records import Place
from pipeline.reports import FlowReport, FunctionReport

MOST = 10
"""Annotations of one kind that GitHub shows of a step; it drops the rest without a word."""
RULES = {
    "finding": (
        "A spec or a contract does not hold together.",
        "Change the spec at the place named; the message says what is wrong.",
    ),
    "stale": (
        "A function or a flow in generated/ is not what its spec says now.",
        "Run drystone generate and commit what it writes.",
    ),
    "edited": (
        "A file that drystone wrote was changed by hand.",
        "Restore it with git restore, or delete it and run drystone generate; drystone adopt takes over what passes.",
    ),
    "stranger": (
        "A file in generated/ belongs to no function of the specs, or does not match its spec.",
        "Move it elsewhere if it is yours; otherwise run drystone generate.",
    ),
    "failed": (
        "A landed function or flow does not keep its contract.",
        "Run drystone generate --fresh for its spec, or correct the spec if the promise is wrong.",
    ),
    "note": (
        "Worth knowing, and no flaw.",
        "Nothing has to be done; the message says what would close the gap.",
    ),
    "broken": (
        "The run could not be brought to its end.",
        "The message names what stands in the way; drystone docs exit-codes explains the code.",
    ),
}
"""Every kind of problem: what it means, and what to do about it."""
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_PLACED = re.compile(r"(?P<path>[^\s:]+)(?::(?P<line>\d+):(?P<column>\d+))?: (?P<message>.+)", re.DOTALL)


class Problem(Record):
    """One thing that a person must look at."""

    rule: Literal["finding", "stale", "edited", "stranger", "failed", "note", "broken"]
    message: str
    place: Place | None = None
    """None where it is about no file."""

    @property
    def level(self) -> Literal["error", "note"]:
        return "note" if self.rule == "note" else "error"


def problems(outcome: Outcome) -> tuple[Problem, ...]:
    """Everything a run of `lint` or `check` found, what broke it last; empty if all is well."""
    report = outcome.report
    found = [Problem(rule="finding", message=each.message, place=each.place) for each in report.findings]
    for function in report.functions:
        found += _of_function(function)
    for flow in report.flows:
        found += _of_flow(flow)
    found += [_placed("stranger", text) for text in report.strangers]
    found += [_placed("note", text) for text in report.notes]
    if outcome.interrupted:
        found.append(Problem(rule="broken", message="a person stopped the run"))
    elif outcome.error is not None:
        found.append(Problem(rule="broken", message=str(outcome.error)))
    return tuple(found)


def render_sarif(outcome: Outcome, prefix: str = "") -> str:
    """A SARIF 2.1.0 log of one run. `prefix` leads from the repository's root to the project's, as `tools/stones/`."""
    found = problems(outcome)
    rules = list(dict.fromkeys(each.rule for each in found))
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "drystone",
                "version": __version__,
                "rules": [_sarif_rule(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": outcome.error is None and not outcome.interrupted,
                "exitCode": summary.exit_code(outcome),
            }
        ],
        "results": [_sarif_result(each, rules, prefix) for each in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def render_annotations(outcome: Outcome, lines: Sequence[str], prefix: str = "") -> str:
    """Workflow commands that put problems beside the lines they are about, then `lines` for the log.

    Of each level as many as GitHub shows, the last one telling how many more the log has. While the log is written no
    commands are heard, so nothing in a spec or an answer can pass for one.
    """
    found = problems(outcome)
    silence = secrets.token_hex(16)
    return "\n".join(
        [
            *_commands([each for each in found if each.level == "error"], "error", prefix),
            *_commands([each for each in found if each.level == "note"], "notice", prefix),
            f"::stop-commands::{silence}",
            *lines,
            f"::{silence}::",
        ]
    )


def prefix_of(root: Path) -> str:
    """How a repository's root leads to a project in it, with a slash at its end; empty if they are one, or there is none."""
    top = outermost(root)
    return "" if top is None or top == root else f"{root.relative_to(top).as_posix()}/"


def _of_function(report: FunctionReport) -> Iterator[Problem]:
    yield from _standing(report.function, report)
    if report.action == "failed":
        place = Place(path=f"generated/{report.function.replace('.', '/')}.py")
        for each in report.attempts:
            yield Problem(rule="failed", message=f"{report.function}: {each.reason}", place=place)


def _of_flow(report: FlowReport) -> Iterator[Problem]:
    yield from _standing(report.flow, report)
    if report.action == "failed":
        walk = f"\nThe shortest walk that shows it:\n{report.counterexample}" if report.counterexample else ""
        told = f"{report.flow}: its functions do not fit together: {'; '.join(report.reasons)}{walk}"
        yield Problem(rule="failed", message=told, place=report.place)


def _standing(name: str, report: FunctionReport | FlowReport) -> Iterator[Problem]:
    """What is wrong with what has landed, before anything is judged."""
    if report.action == "stale":
        message = f"{name} is stale: {'; '.join(report.reasons)}; run drystone generate"
        yield Problem(rule="stale", message=message, place=report.place)
    elif report.action == "edited":
        yield from (_placed("edited", text) for text in report.reasons)


def _placed(rule: Literal["edited", "stranger", "note"], text: str) -> Problem:
    """A complaint that begins with its place, as those about files do."""
    match = _PLACED.fullmatch(text)
    if match is None:
        return Problem(rule=rule, message=text)
    place = Place(path=match["path"], line=int(match["line"] or 1), column=int(match["column"] or 1))
    return Problem(rule=rule, message=match["message"], place=place)


def _sarif_rule(rule: str) -> dict[str, Any]:
    meaning, remedy = RULES[rule]
    return {
        "id": rule,
        "shortDescription": {"text": meaning},
        "fullDescription": {"text": meaning},
        "help": {"text": remedy},
    }


def _sarif_result(problem: Problem, rules: Sequence[str], prefix: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": problem.rule,
        "ruleIndex": rules.index(problem.rule),
        "level": problem.level,
        "message": {"text": problem.message},
    }
    if problem.place is not None:
        result["locations"] = [
            {
                "physicalLocation": {
                    "artifactLocation": {
                        "uri": quote(f"{prefix}{problem.place.path}"),
                        "uriBaseId": "%SRCROOT%",
                    },
                    "region": {"startLine": problem.place.line, "startColumn": problem.place.column},
                }
            }
        ]
    return result


def _commands(found: Sequence[Problem], verb: str, prefix: str) -> Iterator[str]:
    shown = found if len(found) <= MOST else found[: MOST - 1]
    for problem in shown:
        at = ""
        if problem.place is not None:
            path = _escaped(f"{prefix}{problem.place.path}", ":,")
            at = f"file={path},line={problem.place.line},col={problem.place.column},"
        yield f"::{verb} {at}title=drystone%3A {problem.rule}::{_escaped(problem.message)}"
    if len(shown) < len(found):
        yield f"::{verb} title=drystone::{len(found) - len(shown)} more; the log of this step has them all"


def _escaped(text: str, more: str = "") -> str:
    """As the runner reads it back: percent signs and line ends, and in a property what separates properties."""
    return "".join(f"%{ord(each):02X}" if each in f"%\r\n{more}" else each for each in text)
