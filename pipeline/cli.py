"""Arguments, printing, exit codes. The only module that prints, and the only one that ends the process."""

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from pipeline import __version__
from pipeline.errors import DrystoneError, InternalError, SettingsError, WeightsError

if TYPE_CHECKING:
    from pipeline.run import Outcome
    from pipeline.settings import Settings

EPILOG = """\b
Exit codes:
  0 clean                  4 a function failed its contract
  1 findings in specs      5 a model could not be asked
  2 usage, configuration   6 no sandbox at the required level
  3 stale or edited files  70 a bug in drystone   130 interrupted
"""

INTERRUPTED = "drystone: interrupted; what had landed stays, the next run goes on from there"

_specs = click.argument("specs", nargs=-1, metavar="[SPEC]...")
_json = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on standard output.")

_sandbox = click.option(
    "--sandbox", type=click.Choice(["process", "kernel"]),
    help="Isolation that must at least be reached; the strongest there is is used in any case.",
)  # fmt: skip


class _Main(click.Group):
    """Gives a wrong command line a report as well, where a report in JSON was asked for."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().main(*arguments, **{**options, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            if "--json" in sys.argv:
                _print_broken(SettingsError(error.format_message()))
            _leave(error.exit_code)
        except click.Abort:
            _leave(130)


def _command(function: Callable[..., int]) -> Callable[..., None]:
    """Turns what a command returns, or what broke it, into an exit code and a message on standard error."""

    @wraps(function)
    def run(*arguments: Any, **options: Any) -> None:
        as_json = bool(options.get("as_json"))
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a console that lacks a character gets its number
                stream.reconfigure(errors="backslashreplace")
        warnings.showwarning = lambda message, *_, **__: click.echo(f"drystone: {message}", err=True)
        try:
            code = function(*arguments, **options)
        except DrystoneError as error:
            click.echo(f"drystone: {error}", err=True)
            code = _print_broken(error) if as_json else error.exit_code
        except KeyboardInterrupt:
            code = _print_interrupted(as_json=as_json)
        except BrokenPipeError:
            code = 1  # whoever read standard output has gone
        except Exception as error:  # noqa: BLE001 - no traceback reaches a user who did not ask for one
            _report_bug(error)
            bug = InternalError(f"{type(error).__name__}: {error}")
            code = _print_broken(bug) if as_json else bug.exit_code
        _leave(code)

    return run


def _leave(code: int) -> NoReturn:
    """End at once: threads may still wait for a model that nobody needs any more."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def _print_broken(error: DrystoneError) -> int:
    """The report of a run that broke before there was anything to report."""
    from pipeline.reports import Report
    from pipeline.run import Outcome

    return _print_json(Outcome(Report(), error))


def _print_json(outcome: "Outcome") -> int:
    from pipeline import summary

    with contextlib.suppress(BrokenPipeError):
        click.echo(summary.render_json_report(outcome))
    return summary.exit_code(outcome)


def _print_interrupted(*, as_json: bool) -> int:
    from pipeline.reports import Report
    from pipeline.run import Outcome

    click.echo(INTERRUPTED, err=True)
    _left_behind()
    return _print_json(Outcome(Report(), interrupted=True)) if as_json else 130


def _left_behind() -> None:
    """Say which batches go on without this run."""
    from pipeline.llm.wave import under_way
    from pipeline.settings import find_root

    for line in under_way(find_root(Path.cwd()) / ".drystone" / "batches"):
        click.echo(f"drystone: {line}", err=True)


def _report_bug(error: Exception) -> None:
    import traceback  # only a bug needs it

    click.echo(
        f"drystone: this is a bug in drystone {__version__}: {type(error).__name__}: {error}", err=True
    )
    if os.environ.get("DRYSTONE_DEBUG"):
        traceback.print_exc()
    else:
        click.echo("drystone: set DRYSTONE_DEBUG=1 for the traceback to report", err=True)


@click.group(
    cls=_Main,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(__version__, prog_name="drystone")
def main() -> None:
    """Interface specs in, verified Python functions out.

    Specs in specs/*.yaml become contracts; models write one function to each contract; what keeps its contract in
    a sandbox lands in generated/. Start with `drystone lint`, then `drystone generate --plan`.
    """


@main.command(epilog=EPILOG)
@_specs
@click.option(
    "--fresh", is_flag=True, help="Regenerate everything selected, fresh or not, and ask every model anew."
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="Print what would be regenerated and why; ask nobody."
)
@click.option(
    "--diff", "only_diff", is_flag=True, help="Generate, but print the difference instead of writing it."
)
@click.option(
    "--batch", is_flag=True,
    help="Ask through the providers' batch APIs: half the price, answers within a day. Stop it and run it again as "
    "you like.",
)  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 64), help="Functions to work on at once.")
@click.option(
    "--architect", metavar="MODEL", help="Who completes contracts: provider:model, local, handoff, or none."
)
@click.option(
    "--implementer", "implementers", metavar="MODEL", multiple=True,
    help="Who writes functions: provider:model, or 'local x8' for eight samples. Repeat it for a ladder.",
)  # fmt: skip
@click.option(
    "--reviewer",
    metavar="MODEL",
    help="Who looks for contracts that contradict one another; none for nobody.",
)
@click.option(
    "--wait/--no-wait", default=None,
    help="Wait for answers to prompts that were handed off, or end; by default it waits on a terminal.",
)  # fmt: skip
@_sandbox
@_json
@_command
def generate(
    specs: tuple[str, ...],
    *,
    fresh: bool,
    only_plan: bool,
    only_diff: bool,
    batch: bool,
    jobs: int | None,
    architect: str | None,
    implementers: tuple[str, ...],
    reviewer: str | None,
    wait: bool | None,
    sandbox: str | None,
    as_json: bool,
) -> int:
    """Bring generated/ up to its specs.

    SPEC selects by name (text), by file (specs/text.yaml) or by pattern; without one, all specs are meant. Functions
    that are fresh cost nothing: no model is asked and no byte is written.
    """
    from pipeline import reading, run  # --help must not wait for them

    settings = _settings(
        architect=architect,
        implementer=implementers,
        reviewer=reviewer,
        wait=sys.stderr.isatty() if wait is None else wait,
        batch=batch,
        jobs=jobs,
        sandbox=sandbox,
    )
    wanted = run.Wanted(selection=specs or None, fresh=fresh, only_diff=only_diff)
    if only_plan:
        return _finish(reading.plan(settings, wanted), as_json=as_json)
    with _progress() as progress:
        outcome = run.generate(settings, wanted, progress)
    return _finish(outcome, as_json=as_json)


@main.command(epilog=EPILOG)
@_specs
@click.option("--no-judge", is_flag=True, help="Compare digests only; do not run any function.")
@_sandbox
@_json
@_command
def check(specs: tuple[str, ...], *, no_judge: bool, sandbox: str | None, as_json: bool) -> int:
    """Tell whether generated/ is what its specs say. Reads only; needs no key and no network.

    Finds stale functions, files edited by hand, orphans and strangers, and judges every landed function again.
    """
    from pipeline import reading

    with _progress() as progress:
        outcome = reading.check(_settings(sandbox=sandbox), specs or None, progress, judge_again=not no_judge)
    return _finish(outcome, as_json=as_json)


@main.command(epilog=EPILOG)
@_specs
@_json
@_command
def lint(specs: tuple[str, ...], *, as_json: bool) -> int:
    """Check specs: form, names, rules, and whether examples and rules agree with one another."""
    from pipeline import reading

    with _progress() as progress:
        outcome = reading.lint(_settings(), specs or None, progress)
    return _finish(outcome, as_json=as_json)


@main.command()
@click.argument("which", type=click.Choice(["spec", "shared", "contract"]), default="spec")
@_command
def schema(which: str) -> int:
    """Print the JSON Schema of specs (default), of what they share or of contracts, for editors and other tools."""
    from importlib import resources

    text = resources.files("pipeline").joinpath("schemas", f"{which}.schema.json").read_text("utf-8")
    click.echo(text, nl=False)
    return 0


@main.command("show-prompt")
@click.argument("function", metavar="SPEC.FUNCTION")
@click.option(
    "--role", type=click.Choice(["implementer", "architect"]), default="implementer", show_default=True
)
@_command
def show_prompt(function: str, *, role: str) -> int:
    """Print the exact text a model is sent first about a function: the system prompt, then the message."""
    from pipeline import reading

    shown = reading.show_prompt(_settings(), function, role)
    if not isinstance(shown, str):
        return _finish(shown, as_json=False)
    click.echo(shown, nl=False)
    return 0


@main.command()
@_specs
@click.option("--contracts", is_flag=True, help="Only contracts, and the flows named.")
@click.option("--flow", "flows", metavar="NAME", multiple=True, help="Only this flow; repeat it for more.")
@click.option(
    "--format", "form", type=click.Choice(["mermaid", "svg"]), default="mermaid", show_default=True,
    help="Mermaid in Markdown, as GitHub shows it, or SVG files that need nothing else.",
)  # fmt: skip
@click.option(
    "--output", metavar="PATH", type=click.Path(path_type=Path),
    help="Folder to write to, or a file (.md, .svg). Without it, one document goes to standard output, and "
    "several SVG to drystone-graph/.",
)  # fmt: skip
@_command
def graph(
    specs: tuple[str, ...], *, contracts: bool, flows: tuple[str, ...], form: str, output: Path | None
) -> int:
    """Draw specs: functions with what they use and ask of ports, and every flow as a state machine."""
    from pipeline import picturing

    drawn = picturing.graph(
        _settings(), specs or None, flows=flows, contracts=contracts, as_svg=form == "svg", output=output
    )
    if not isinstance(drawn, str):
        return _finish(drawn, as_json=False)
    click.echo(drawn, nl=False)
    return 0


@main.group()
def model() -> None:
    """The embedded model: a small code model that runs on this machine without a key."""


@model.command()
@_command
def pull() -> int:
    """Fetch the embedded model's weights (1.1 GB), verified by SHA-256, into the user's cache.

    An interrupted download goes on where it stopped.
    """
    from pipeline.llm import weights
    from pipeline.progress import download

    if weights.is_pulled():
        click.echo(f"already here: {weights.weights_path()}")
        return 0
    with download() as show:
        path = weights.pull(show)
    click.echo(f"verified: {path}")
    return 0


@model.command("path")
@_command
def model_path() -> int:
    """Print where the weights are; exit with 5 if they are not here."""
    from pipeline.llm import weights

    if not weights.is_pulled():
        raise WeightsError("the embedded model's weights are not here; fetch them with: drystone model pull")
    click.echo(weights.weights_path())
    return 0


def _settings(**given: Any) -> "Settings":
    from pipeline.settings import find_root, read_settings

    return read_settings(find_root(Path.cwd()), **given)


def _progress() -> Any:
    from pipeline.progress import watch

    return watch()


def _finish(outcome: "Outcome", *, as_json: bool) -> int:
    """Print what a run found and did; returns its exit code."""
    from pipeline import summary

    report = outcome.report
    if as_json:
        _print_json(outcome)
    else:
        for finding in report.findings:
            click.echo(str(finding))
        if report.diff:
            click.echo(report.diff, nl=False)
        for line in summary.summary_lines(report):
            click.echo(line, err=bool(report.diff))
    if outcome.interrupted:
        click.echo(INTERRUPTED, err=True)
    elif outcome.error is not None:
        click.echo(f"drystone: {outcome.error}", err=True)
    if outcome.interrupted or outcome.error is not None:
        _left_behind()
    return summary.exit_code(outcome)
