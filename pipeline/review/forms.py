"""The forms of a review, by name, and the file one of them goes to."""

import json
from pathlib import Path

from pipeline import disk
from pipeline.errors import SettingsError
from pipeline.outgoing import scrub
from pipeline.review.changes import Review
from pipeline.review.markdown import render_markdown
from pipeline.review.page import render_page
from pipeline.review.words import render_terminal


def render(review: Review, form: str, *, most_characters: int) -> str:
    """A review as `terminal`, `markdown` (of at most so many characters), `html` or `json`."""
    match form:
        case "json":
            return (
                json.dumps({**review.model_dump(mode="json"), "exit_code": 0, "error": None}, indent=2) + "\n"
            )
        case "markdown":
            return render_markdown(review, most=most_characters)
        case "html":
            return render_page(review)
    return render_terminal(review)


def check_path(path: Path, root: Path) -> None:
    """Raise SettingsError if no report can or should be written there; `root` is the project's."""
    for folder, what in (("generated", "what drystone generates"), ("specs", "what people promise")):
        if path.resolve().is_relative_to((root / folder).resolve()):
            raise SettingsError(f"{path}: {folder}/ holds {what}; write reports elsewhere")
    if path.is_dir():
        raise SettingsError(f"{path}: is a folder; name a file in it")
    if trouble := disk.obstacle(path.absolute().parent):
        raise SettingsError(f"{path} cannot be written: {trouble}")


def write(text: str, path: Path) -> None:
    """Put a report into a file; of a credential in it no more than its first characters."""
    disk.write_text(path, scrub(text))
