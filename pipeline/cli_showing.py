"""The commands that show something: what each takes, and what it calls."""

from pathlib import Path

import click

from pipeline import options
from pipeline.ending import command, finish, say
from pipeline.options import project_settings


@click.command()
@click.argument("which", type=click.Choice(["spec", "shared", "contract"]), default="spec")
@command
def schema(which: str) -> int:
    """Print the JSON Schema of specs (default), of what they share or of contracts, for editors and other tools."""
    from importlib import resources

    text = resources.files("pipeline").joinpath("schemas", f"{which}.schema.json").read_text("utf-8")
    say(text, nl=False)
    return 0


@click.command()
@click.argument("topic", required=False)
@command
def docs(topic: str | None) -> int:
    """Print the reference on a TOPIC as Markdown; without one, list the topics."""
    from pipeline import manual

    if topic is None:
        for name, title in manual.topics().items():
            say(f"{name:<15}{title}")
    else:
        say(manual.read_topic(topic), nl=False)
    return 0


@click.command("show-prompt")
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
    shown = show(project_settings(), function, role)
    if not isinstance(shown, (str, bytes)):
        return finish(shown, as_json=False)
    say(shown, nl=False)
    return 0


@click.command()
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
        project_settings(),
        specs or None,
        flows=flows,
        contracts=contracts,
        as_svg=form == "svg",
        output=output,
    )
    if not isinstance(drawn, str):
        return finish(drawn, as_json=False)
    say(drawn, nl=False)
    return 0


@click.command(epilog=options.EPILOG)
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
    from pipeline import disk, explaining, reviewing
    from pipeline.review import forms
    from pipeline.review.changes import Review

    settings = project_settings(explainer=explainer, offline=offline, sandbox=sandbox, **ceilings)
    if output is not None:
        disk.check_target(output, settings.root)
    with options.watching() as progress:
        found = reviewing.review(settings, specs or None, progress, base=base)
        if isinstance(found, Review):
            found = explaining.explain(found, settings, progress)
    if not isinstance(found, Review):
        return finish(found, as_json=as_json or form == "json")
    text = forms.render(found, "json" if as_json else form, most_characters=max_characters)
    if output is None:
        say(text, nl=False, painted=form == "terminal" and not as_json)
    else:
        forms.write(text, output)
        say(f"wrote {output.as_posix()}")
    return 0


COMMANDS = (schema, docs, show_prompt, graph, review)
"""What `drystone` shows."""
