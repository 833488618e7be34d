"""Arguments and options that commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.settings import Settings

Command = Callable[..., Any]
EPILOG = """\b
Exit codes:
  0 clean                  4 a function failed its contract
  1 findings in specs      5 a model could not be asked
  2 usage, configuration   6 no sandbox at the required level
  3 stale or edited files  7 a ceiling of the budget was reached
                           70 a bug in drystone   130 interrupted
"""

specs = click.argument("specs", nargs=-1, metavar="[SPEC]...")
as_json = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on standard output.")
form = click.option(
    "--format", "report_form", type=click.Choice(["text", "sarif", "github"]), default="text", show_default=True,
    help="SARIF 2.1.0 for code scanning, or annotations of a GitHub workflow, with the log.",
)  # fmt: skip
jobs = click.option("--jobs", type=click.IntRange(1, 64), help="Functions to work on at once.")
sandbox = click.option(
    "--sandbox", type=click.Choice(["process", "kernel"]),
    help="Isolation that must at least be reached; the strongest there is is used in any case.",
)  # fmt: skip
explainer = click.option(
    "--explainer", metavar="MODEL",
    help="Who says what each function does, from its code alone: provider:model, local, handoff, or none.",
)  # fmt: skip
batch = click.option(
    "--batch", is_flag=True,
    help="Ask through the providers' batch APIs: half the price, answers within a day. All functions "
    "that can be asked for are asked for at once, whatever --jobs says. Stop it and run it again as you like.",
)  # fmt: skip
offline = click.option(
    "--offline", is_flag=True,
    help="Ask nobody and need no key: use the replies that are stored, and name those that are missing.",
)  # fmt: skip


class _Limit(click.FloatRange):
    """A number from 0 on, `inf` included; `nan`, which no comparison keeps out, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def project_settings(**given: Any) -> "Settings":
    """The settings of the project that the current folder belongs to; what is given wins over its configuration."""
    from pipeline.settings import find_root, read_settings

    return read_settings(find_root(Path.cwd()), **given)


def ceilings(command: Command) -> Command:
    """What the run may cost; wins over the configuration."""
    return _all(
        command,
        click.option("--max-usd", type=_Limit(0), help="The most USD the run may cost; inf for no ceiling."),
        click.option("--max-tokens", type=click.IntRange(0), help="The most tokens it may cost, in and out."),
        click.option("--max-minutes", type=_Limit(0), help="Ask nobody any more after so many minutes."),
    )


def roles(command: Command) -> Command:
    """Who is asked; wins over the configuration."""
    return _all(
        command,
        click.option(
            "--architect", metavar="MODEL", help="Who completes contracts: provider:model, local, handoff, or none."
        ),
        click.option(
            "--implementer", "implementers", metavar="MODEL", multiple=True,
            help="Who writes functions: provider:model, or 'local x8' for eight samples. Repeat it for a ladder.",
        ),
        click.option(
            "--reviewer", metavar="MODEL",
            help="Who looks for contracts that contradict one another; none for nobody.",
        ),
        click.option(
            "--wait/--no-wait", default=None,
            help="Wait for answers to prompts that were handed off, or end; by default it waits on a terminal.",
        ),
    )  # fmt: skip


def _all(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def watching() -> Any:
    """A context whose value shows how a run gets on."""
    from pipeline.progress import watch

    return watch()
