"""How a command ends: what it prints, and its exit code. The only module that prints, and the only one that ends the process."""

import contextlib
import io
import os
import re
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from pipeline import __version__
from pipeline.errors import DrystoneError, InternalError

if TYPE_CHECKING:
    from pipeline.outcome import Outcome

_COLOURS = {
    r"(  \| )?\+": "green", r"(  \| )?-": "red", r"(  \| )?@@": "cyan",
    r" +before: ": "red", r" +now: ": "green", r"  LOOSENED: |Behaviour changed although": "yellow",
}  # fmt: skip
"""How a line of a report or of a diff begins -> its colour on a terminal."""
INTERRUPTED = "drystone: interrupted; what had landed stays, the next run goes on from there"


def command(function: Callable[..., int]) -> Callable[..., None]:
    """Turns what a command returns, or what broke it, into an exit code and a message on standard error."""

    @wraps(function)
    def run(*arguments: Any, **options: Any) -> None:
        as_json = options.get("as_json") or options.get("form") == "json"
        form = "json" if as_json else str(options.get("report_form", "text"))
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a console that lacks a character gets its number
                stream.reconfigure(errors="backslashreplace")
        warnings.showwarning = lambda message, *_, **__: say(f"drystone: {message}", err=True)
        try:
            code = function(*arguments, **options)
        except DrystoneError as error:
            say(f"drystone: {error}", err=True)
            code = print_broken(error, form)
        except KeyboardInterrupt:
            code = _print_interrupted(form)
        except BrokenPipeError:
            code = 1  # whoever read standard output has gone
        except Exception as error:  # noqa: BLE001 - no traceback reaches a user who did not ask for one
            _report_bug(error)
            code = print_broken(InternalError(f"{type(error).__name__}: {error}"), form)
        leave(code)

    return run


def say(text: str | bytes | Path, *, err: bool = False, nl: bool = True, painted: bool = False) -> None:
    """The one way out to a terminal or a file: of a credential no more than its first characters.

    Bytes go out as they are: those of a request, which is not shown if there is a credential in it. What is `painted`
    has the lines of a diff in colours, on a terminal alone, and not where NO_COLOR is set (no-color.org).
    """
    from pipeline.outgoing import scrub

    if not isinstance(text, bytes):
        text = scrub(str(text))
        text = _painted(text) if painted and not os.environ.get("NO_COLOR") else text
    click.echo(text, err=err, nl=nl)


def _painted(text: str) -> str:
    lines = text.split("\n")
    for number, line in enumerate(lines):
        colour = next((colour for start, colour in _COLOURS.items() if re.match(start, line)), None)
        if colour is not None:
            lines[number] = click.style(line, fg=colour)
    return "\n".join(lines)


def leave(code: int) -> NoReturn:
    """End at once: threads may still wait for a model that nobody needs any more."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def print_broken(error: DrystoneError, form: str) -> int:
    """The report of a run that broke before there was anything to report, but for people, who have been told."""
    from pipeline.outcome import Outcome
    from pipeline.reports import Report

    return _print_report(Outcome(Report(), error), form) if form != "text" else error.exit_code


def _print_report(outcome: "Outcome", form: str) -> int:
    """The report as `json`, `sarif`, or `github`: annotations and the log."""
    from pipeline import problems, summary

    prefix = problems.prefix_of(_root())
    with contextlib.suppress(BrokenPipeError):
        match form:
            case "json":
                say(summary.render_json_report(outcome))
            case "sarif":
                say(problems.render_sarif(outcome, prefix))
            case _:
                lines = [*map(str, outcome.report.findings), *summary.summary_lines(outcome.report)]
                say(problems.render_annotations(outcome, lines, prefix))
    return summary.exit_code(outcome)


def _print_interrupted(form: str) -> int:
    from pipeline.outcome import Outcome
    from pipeline.reports import Report

    say(INTERRUPTED, err=True)
    _left_behind()
    return _print_report(Outcome(Report(), interrupted=True), form) if form != "text" else 130


def _left_behind() -> None:
    """Say which batches go on without this run."""
    from pipeline.llm.wave import under_way

    for line in under_way(_root() / ".drystone" / "batches"):
        say(f"drystone: {line}", err=True)


def _root() -> Path:
    from pipeline.settings import find_root

    return find_root(Path.cwd())


def _report_bug(error: Exception) -> None:
    import traceback  # only a bug needs it

    say(f"drystone: this is a bug in drystone {__version__}: {type(error).__name__}: {error}", err=True)
    if os.environ.get("DRYSTONE_DEBUG"):
        say(traceback.format_exc(), err=True)
    else:
        say("drystone: set DRYSTONE_DEBUG=1 for the traceback to report", err=True)


def finish(outcome: "Outcome", *, as_json: bool, form: str = "text") -> int:
    """Print what a run found and did, for people or in a form for tools; returns its exit code."""
    from pipeline import summary

    report = outcome.report
    if as_json or form != "text":
        _print_report(outcome, "json" if as_json else form)
    else:
        for finding in report.findings:
            say(str(finding))
        if report.diff:
            say(report.diff, nl=False, painted=True)
        for line in summary.summary_lines(report):
            say(line, err=bool(report.diff))
    if outcome.interrupted:
        say(INTERRUPTED, err=True)
    elif outcome.error is not None:
        say(f"drystone: {outcome.error}", err=True)
    if outcome.interrupted or outcome.error is not None:
        _left_behind()
    return summary.exit_code(outcome)
