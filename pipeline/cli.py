"""The command line: what each command takes, and what it calls."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline import __version__, options
from pipeline.ending import command, finish, leave, print_broken, say
from pipeline.errors import SettingsError, WeightsError

if TYPE_CHECKING:
    from pipeline.settings import Settings

EPILOG = """\b
Exit codes:
  0 clean                  4 a function failed its contract
  1 findings in specs      5 a model could not be asked
  2 usage, configuration   6 no sandbox at the required level
  3 stale or edited files  7 a ceiling of the budget was reached
                           70 a bug in drystone   130 interrupted
"""


class _Main(click.Group):
    """Gives a wrong command line a report as well, where a report in JSON was asked for."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().main(*arguments, **{**options, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            if "--json" in sys.argv:
                print_broken(SettingsError(error.format_message()))
            leave(error.exit_code)
        except click.Abort:
            leave(130)


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

    settings = _settings(
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
    with _progress() as progress:
        outcome = run.generate(settings, wanted, progress)
    return finish(outcome, as_json=as_json)


@main.command(epilog=EPILOG)
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
    settings = _settings(
        architect="none",
        implementer=entries,
        reviewer="none",
        jobs=jobs,
        offline=offline,
        sandbox=sandbox,
        **ceilings,
    )
    with _progress() as progress:
        outcome = comparing.compare(settings, wanted, progress, samples=samples)
    return finish(outcome, as_json=as_json)


@main.command(epilog=EPILOG)
@options.specs
@click.option("--no-judge", is_flag=True, help="Compare digests only; do not run any function.")
@options.sandbox
@options.as_json
@command
def check(specs: tuple[str, ...], *, no_judge: bool, sandbox: str | None, as_json: bool) -> int:
    """Tell whether generated/ is what its specs say. Reads only; needs no key and no network.

    Finds stale functions, files edited by hand, orphans and strangers, and judges every landed function again.
    """
    from pipeline import reading

    with _progress() as progress:
        outcome = reading.check(_settings(sandbox=sandbox), specs or None, progress, judge_again=not no_judge)
    return finish(outcome, as_json=as_json)


@main.command(epilog=EPILOG)
@options.specs
@options.as_json
@command
def lint(specs: tuple[str, ...], *, as_json: bool) -> int:
    """Check specs: form, names, rules, and whether examples and rules agree with one another."""
    from pipeline import reading

    with _progress() as progress:
        outcome = reading.lint(_settings(), specs or None, progress)
    return finish(outcome, as_json=as_json)


@main.command()
@click.argument("which", type=click.Choice(["spec", "shared", "contract"]), default="spec")
@command
def schema(which: str) -> int:
    """Print the JSON Schema of specs (default), of what they share or of contracts, for editors and other tools."""
    from importlib import resources

    text = resources.files("pipeline").joinpath("schemas", f"{which}.schema.json").read_text("utf-8")
    say(text, nl=False)
    return 0


@main.command("show-prompt")
@click.argument("function", metavar="SPEC.FUNCTION")
@click.option(
    "--role", type=click.Choice(["implementer", "architect"]), default="implementer", show_default=True
)
@click.option("--wire", is_flag=True, help="Print the exact bytes that would leave: the body of the request.")
@command
def show_prompt(function: str, *, role: str, wire: bool) -> int:
    """Print the exact text a model is sent first about a function: the system prompt, then the message."""
    from pipeline import reading

    show = reading.show_wire if wire else reading.show_prompt
    shown = show(_settings(), function, role)
    if not isinstance(shown, (str, bytes)):
        return finish(shown, as_json=False)
    say(shown, nl=False)
    return 0


@main.command()
@options.specs
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
@command
def graph(
    specs: tuple[str, ...], *, contracts: bool, flows: tuple[str, ...], form: str, output: Path | None
) -> int:
    """Draw specs: functions with what they use and ask of ports, and every flow as a state machine."""
    from pipeline import picturing

    drawn = picturing.graph(
        _settings(), specs or None, flows=flows, contracts=contracts, as_svg=form == "svg", output=output
    )
    if not isinstance(drawn, str):
        return finish(drawn, as_json=False)
    say(drawn, nl=False)
    return 0


@main.command(epilog=EPILOG)
@options.specs
@click.option(
    "--base", metavar="REF",
    help="Commit, branch or tag to compare with; by default where this branch left the default branch.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["terminal", "markdown", "html", "json"]), default="terminal",
    show_default=True, help="Markdown fits a comment of GitHub; HTML is one page that needs nothing else.",
)  # fmt: skip
@click.option(
    "--max-characters", type=click.IntRange(2000), default=65_000, show_default=True,
    help="The most that Markdown may have; 1000000 for a step summary.",
)  # fmt: skip
@click.option(
    "--output", metavar="PATH", type=click.Path(path_type=Path), help="File to write the report to."
)
@options.explainer
@options.offline
@options.ceilings
@options.sandbox
@options.as_json
@command
def review(
    specs: tuple[str, ...],
    *,
    base: str | None,
    form: str,
    max_characters: int,
    output: Path | None,
    explainer: str | None,
    offline: bool,
    sandbox: str | None,
    as_json: bool,
    **ceilings: float | None,
) -> int:
    """Tell what changed since a git ref: contracts in words, code, and behaviour.

    Old and new functions run side by side in the sandbox; inputs on which they answer differently are shown small.
    What behaves differently although no clause of the spec changed is the first line. Writes nothing but replies
    of the explainer to the store.
    """
    from pipeline import explaining, reviewing
    from pipeline.review import forms
    from pipeline.review.changes import Review

    settings = _settings(explainer=explainer, offline=offline, sandbox=sandbox, **ceilings)
    with _progress() as progress:
        found = reviewing.review(settings, specs or None, progress, base=base)
        if isinstance(found, Review):
            found = explaining.explain(found, settings, progress)
    if not isinstance(found, Review):
        return finish(found, as_json=as_json or form == "json")
    text = forms.render(found, "json" if as_json else form, most_characters=max_characters)
    if output is None:
        say(text, nl=False)
    else:
        forms.write(text, output, settings.generated)
        say(f"wrote {output.as_posix()}")
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


def _settings(**given: Any) -> "Settings":
    from pipeline.settings import find_root, read_settings

    return read_settings(find_root(Path.cwd()), **given)


def _progress() -> Any:
    from pipeline.progress import watch

    return watch()
