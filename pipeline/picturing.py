"""The verb `graph`: which pictures of a project are drawn, in which form, and where they go."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from pipeline import disk
from pipeline.drawing.graph import Picture, picture_contracts, picture_flow
from pipeline.drawing.mermaid import render_markdown
from pipeline.drawing.svg import render_svg
from pipeline.errors import SettingsError
from pipeline.outcome import Outcome
from pipeline.project import read_project
from pipeline.records import Spec
from pipeline.reports import Report
from pipeline.settings import Settings

FOLDER = "drystone-graph"
"""Where several SVG go unless told otherwise, in the current folder."""


def graph(
    settings: Settings,
    selection: tuple[str, ...] | None,
    *,
    flows: Sequence[str],
    contracts: bool,
    as_svg: bool,
    output: Path | None,
) -> str | Outcome:
    """Draw contracts and flows; returns what is to be printed: the one document, or which files were written.

    Without `flows` (names) and `contracts`, everything is drawn. An outcome instead if the specs have findings.
    """
    project = read_project(settings, selection)
    if project.findings:
        return Outcome(Report(findings=project.findings))
    pictures = _wanted(project.specs, flows, contracts=contracts)
    if not as_svg:
        files = {"graph.md": render_markdown(pictures)}
    else:
        files = {f"{picture.name}.svg": render_svg(picture) for picture in pictures}
    if output is None and len(files) == 1:
        return next(iter(files.values()))
    return _write(settings, files, output or Path(FOLDER))


def _wanted(specs: Sequence[Spec], flows: Sequence[str], *, contracts: bool) -> list[Picture]:
    known = {item.flow.name for spec in specs for item in spec.flows}
    for name in flows:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(sorted(known)) or 'none'}"
            )
            raise SettingsError(f"no flow '{name}' in the specs selected; {hint}")
    everything = not flows and not contracts
    pictures = []
    for spec in specs:
        if spec.functions and (everything or contracts):
            pictures.append(picture_contracts(spec))
        pictures += [
            picture_flow(spec, item.flow) for item in spec.flows if everything or item.flow.name in flows
        ]
    if not pictures:
        raise SettingsError("there is nothing to draw: no spec in specs/")
    return pictures


def _write(settings: Settings, files: dict[str, str], output: Path) -> str:
    """A path that ends as the files do is the one file, any other the folder they go to."""
    paths = [output / name for name in files]
    if output.suffix and all(path.suffix == output.suffix for path in paths):
        if len(paths) > 1:
            raise SettingsError(
                f"{output}: one file cannot hold {len(paths)} pictures; name a folder, or choose one picture with "
                "--contracts or --flow"
            )
        paths = [output]
    for path in paths:
        disk.check_target(path, settings.root)
    for path, text in zip(paths, files.values(), strict=True):
        disk.write_text(path, text)
    return "".join(f"wrote {path.as_posix()}\n" for path in paths)
