"""The commands by which a repository takes drystone up: what each takes, and what it calls."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline import options
from pipeline.ending import command, finish, say

if TYPE_CHECKING:
    from pipeline.adoption.starting import Ci


@click.command()
@click.option("--ci", type=click.Choice(["github", "gitlab"]), help="Also the workflows of this platform.")
@options.as_json
@command
def init(*, ci: "Ci | None", as_json: bool) -> int:
    """Begin here: an example spec, configuration, sessions, hooks.

    Adds what is missing: files, and a table to pyproject.toml; changes no line that exists.
    In a folder of a larger repository, what belongs to the whole goes to its top and speaks of this folder.
    """
    from pipeline.adoption import starting

    written = starting.begin(Path.cwd(), ci=ci)
    document = json.dumps([each.model_dump() for each in written], indent=2)
    say(document if as_json else "\n".join(starting.written_lines(written)))
    return 0


@click.command()
@click.argument("function", metavar="SPEC.FUNCTION")
@options.as_json
@command
def explain(function: str, *, as_json: bool) -> int:
    """Tell why a function is fresh or stale: its chain of digests, what changed, and who would be asked."""
    from pipeline.adoption import why
    from pipeline.outcome import Outcome

    found = why.explain(options.project_settings(), function)
    if isinstance(found, Outcome):
        return finish(found, as_json=as_json)
    say(
        found.model_dump_json(indent=2) if as_json else "\n".join(why.explanation_lines(found)),
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


@click.command()
@click.argument("function", metavar="SPEC.FUNCTION")
@click.option("--dry-run", is_flag=True, help="Judge, and print the difference instead of writing it.")
@options.sandbox
@options.as_json
@command
def adopt(function: str, *, dry_run: bool, sandbox: str | None, as_json: bool) -> int:
    """Take over what a person made of a function's file in generated/, if it keeps its contract.

    It is judged as a model's function is, with its callers and flows; its verdict says that it is `manual`. When its
    contract changes, it is stale like any other and will be asked for again.
    """
    from pipeline.adoption import adopting

    return finish(
        adopting.adopt(options.project_settings(sandbox=sandbox), function, only_diff=dry_run),
        as_json=as_json,
    )


@click.command("draft-spec")
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option(
    "--tests", multiple=True, metavar="PATH", type=click.Path(path_type=Path, exists=True),
    help="File or folder of tests to take examples from; repeat it for more.",
)  # fmt: skip
@command
def draft_spec(function: str, *, tests: tuple[Path, ...]) -> int:
    """Propose a spec for a function that exists, from its signature, docstring and plain tests; nothing of it is run.

    The YAML goes to standard output, with a comment at everything a person must decide. Exit code 0 if `drystone lint`
    would accept it as it is, 1 if not; what lint would say is on standard error.
    """
    from pipeline.adoption import drafting

    drafted = drafting.draft_spec(options.project_settings(), function, tests)
    say(drafted.text, nl=False)
    for line in (*drafted.missing, *drafting.next_lines(drafted)):
        say(line, err=True)
    return 1 if drafted.missing else 0


COMMANDS = (adopt, draft_spec, init, doctor, explain)
"""What `drystone` offers beside its own."""
