"""The commands by which a repository takes drystone up: what each takes, and what it calls."""

from pathlib import Path

import click

from pipeline import options
from pipeline.ending import command, finish, say


@click.command()
@click.argument("function", metavar="SPEC.FUNCTION")
@options.as_json
@command
def explain(function: str, *, as_json: bool) -> int:
    """Tell why a function is fresh or stale: its chain of digests, what changed, and who would be asked."""
    from pipeline.adoption import explaining
    from pipeline.outcome import Outcome

    found = explaining.explain(options.project_settings(), function)
    if isinstance(found, Outcome):
        return finish(found, as_json=as_json)
    say(
        found.model_dump_json(indent=2) if as_json else "\n".join(explaining.explanation_lines(found)),
    )
    return 0


@click.command()
@click.option(
    "--online", is_flag=True, help="Also ask servers whether models are served; asks nothing that costs."
)
@options.sandbox
@options.as_json
@command
def doctor(*, online: bool, sandbox: str | None, as_json: bool) -> int:
    """Look this machine and this project over: isolation, keys, models, git, line ends; each with the fix.

    Exit code 2 if something would keep `drystone generate` from working.
    """
    from pipeline.adoption import doctor
    from pipeline.settings import find_root

    found = doctor.examine(find_root(Path.cwd()), online=online, sandbox=sandbox)
    say(found.model_dump_json(indent=2) if as_json else "\n".join(doctor.checkup_lines(found)))
    return found.exit_code


COMMANDS = (explain, doctor)
"""What `drystone` offers beside its own."""
