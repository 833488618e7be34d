"""The command line: what each command takes, and what it calls."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from pipeline import __version__, cli_adoption, cli_showing, options
from pipeline.ending import command, finish, leave, print_broken, say
from pipeline.errors import SettingsError, WeightsError
from pipeline.options import project_settings


class _Main(click.Group):
    """Gives a wrong command line a report as well, where a report in JSON was asked for."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().main(*arguments, **{**options, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            if "--json" in sys.argv:
                print_broken(SettingsError(error.format_message()), "json")
            leave(error.exit_code)
        except click.Abort:
            leave(130)


@click.group(
    cls=_Main,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=options.EPILOG,
)
@click.version_option(__version__, prog_name="drystone")
@click.option(
    "-C", "--directory", metavar="PATH", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Run as if started there: one of several projects in a repository.",
)  # fmt: skip
def main(directory: Path | None) -> None:
    """Interface specs in, verified Python functions out.

    Specs in specs/*.yaml become contracts; models write one function to each contract; what keeps its contract in
    a sandbox lands in generated/. Start with `drystone init`, then `drystone lint` and `drystone generate --plan`.
    """
    if directory is not None:
        os.chdir(directory)


for each in (*cli_adoption.COMMANDS, *cli_showing.COMMANDS):
    main.add_command(each)


@main.command(epilog=options.EPILOG)
@options.specs
@click.option(
    "--fresh", is_flag=True, help="Regenerate everything selected, fresh or not, and ask every model anew."
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="Print what would be regenerated and why; ask nobody."
)
@click.option(
    "--diff", "only_diff", is_flag=True, help="Generate, but print the difference instead of writing it."
)
@options.jobs
@options.roles
@options.batch
@options.offline
@options.ceilings
@options.sandbox
@options.as_json
@command
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
    offline: bool,
    sandbox: str | None,
    as_json: bool,
    **ceilings: float | None,
) -> int:
    """Bring generated/ up to its specs.

    SPEC selects by name (text), by file (specs/text.yaml) or by pattern; without one, all specs are meant. Functions
    that are fresh cost nothing: no model is asked and no byte is written.
    """
    from pipeline import reading, run  # --help must not wait for them
    from pipeline.outcome import Wanted

    settings = project_settings(
        architect=architect,
        implementer=implementers,
        reviewer=reviewer,
        wait=sys.stderr.isatty() if wait is None else wait,
        batch=batch,
        offline=offline,
        jobs=jobs,
        sandbox=sandbox,
        **ceilings,
    )
    wanted = Wanted(selection=specs or None, fresh=fresh, only_diff=only_diff)
    if only_plan:
        return finish(reading.plan(settings, wanted), as_json=as_json)
    with options.watching() as progress:
        outcome = run.generate(settings, wanted, progress)
    return finish(outcome, as_json=as_json)


@main.command(epilog=options.EPILOG)
@click.argument("wanted", nargs=-1, metavar="[SPEC|SPEC.FUNCTION]...")
@click.option(
    "--models", required=True, metavar="A,B,C", help="Who is compared: provider:model, local or handoff."
)
@click.option(
    "--samples", type=click.IntRange(1, 100), default=1, show_default=True, help="How often each is asked."
)
@options.jobs
@options.offline
@options.ceilings
@options.sandbox
@options.as_json
@command
def compare(
    wanted: tuple[str, ...],
    *,
    models: str,
    samples: int,
    jobs: int | None,
    offline: bool,
    sandbox: str | None,
    as_json: bool,
    **ceilings: float | None,
) -> int:
    """Ask several models for functions of your own contracts, and tell how they do. Nothing lands.

    Each is the only implementer, with the usual repairs: the share that keeps its contract, how often it behaves like
    the function that has landed (or like most of the others), what it cost, and how long it took. Flows are not judged.
    """
    from pipeline import comparing

    entries = tuple(filter(None, (entry.strip() for entry in models.split(","))))
    if not entries:
        raise SettingsError(
            "--models names nobody: write provider:model, local or handoff, with commas between"
        )
    settings = project_settings(
        architect="none",
        implementer=entries,
        reviewer="none",
        jobs=jobs,
        offline=offline,
        sandbox=sandbox,
        **ceilings,
    )
    with options.watching() as progress:
        outcome = comparing.compare(settings, wanted, progress, samples=samples)
    return finish(outcome, as_json=as_json)


@main.command(epilog=options.EPILOG)
@options.specs
@click.option("--no-judge", is_flag=True, help="Compare digests only; do not run any function.")
@options.sandbox
@options.as_json
@options.form
@command
def check(
    specs: tuple[str, ...], *, no_judge: bool, sandbox: str | None, as_json: bool, report_form: str
) -> int:
    """Tell whether generated/ is what its specs say. Reads only; needs no key and no network.

    Finds stale functions, files edited by hand, orphans and strangers, and judges every landed function again.
    """
    from pipeline import reading

    with options.watching() as progress:
        outcome = reading.check(
            project_settings(sandbox=sandbox), specs or None, progress, judge_again=not no_judge
        )
    return finish(outcome, as_json=as_json, form=report_form)


@main.command(epilog=options.EPILOG)
@options.specs
@options.as_json
@options.form
@command
def lint(specs: tuple[str, ...], *, as_json: bool, report_form: str) -> int:
    """Check specs: form, names, rules, and whether examples and rules agree with one another."""
    from pipeline import reading

    with options.watching() as progress:
        outcome = reading.lint(project_settings(), specs or None, progress)
    return finish(outcome, as_json=as_json, form=report_form)


@main.command()
@click.option("--land", is_flag=True, help="Let candidates that keep their contracts land in generated/.")
@options.sandbox
@command
def mcp(*, land: bool, sandbox: str | None) -> int:
    """Serve coding agents over standard input and output (Model Context Protocol); needs 'drystone[mcp]'.

    An agent lists the contracts that need a function, reads one, hands in a candidate and reads the verdict. Without
    --land nothing is written, whatever it hands in.
    """
    from pipeline import mcp_server
    from pipeline.submitting import Workshop

    with options.watching() as progress:
        workshop = Workshop(project_settings(sandbox=sandbox), progress, land=land)
        try:
            mcp_server.serve(workshop)
        finally:
            workshop.close()
    return 0


@main.group()
def model() -> None:
    """The embedded model: a small code model that runs on this machine without a key."""


@model.command()
@command
def pull() -> int:
    """Fetch the embedded model's weights (1.1 GB), verified by SHA-256, into the user's cache.

    An interrupted download goes on where it stopped.
    """
    from pipeline.llm import weights
    from pipeline.progress import download

    if weights.is_pulled():
        say(f"already here: {weights.weights_path()}")
        return 0
    with download() as show:
        path = weights.pull(show)
    say(f"verified: {path}")
    return 0


@model.command("path")
@command
def model_path() -> int:
    """Print where the weights are; exit with 5 if they are not here."""
    from pipeline.llm import weights

    if not weights.is_pulled():
        raise WeightsError("the embedded model's weights are not here; fetch them with: drystone model pull")
    say(weights.weights_path())
    return 0
