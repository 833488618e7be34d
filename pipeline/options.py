"""Arguments and options that commands share."""

import math
from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]

specs = click.argument("specs", nargs=-1, metavar="[SPEC]...")
as_json = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on standard output.")
jobs = click.option("--jobs", type=click.IntRange(1, 64), help="Functions to work on at once.")
sandbox = click.option(
    "--sandbox", type=click.Choice(["process", "kernel"]),
    help="Isolation that must at least be reached; the strongest there is is used in any case.",
)  # fmt: skip
batch = click.option(
    "--batch", is_flag=True,
    help="Ask through the providers' batch APIs: half the price, answers within a day. Stop it and run it again as "
    "you like.",
)  # fmt: skip
offline = click.option(
    "--offline", is_flag=True,
    help="Ask nobody and need no key: use stored replies, also with --fresh, and name those that are missing.",
)  # fmt: skip


class _Limit(click.FloatRange):
    """A number from 0 on, `inf` included; `nan`, which no comparison keeps out, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


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
