"""The forms of a review, by name, and the file one of them goes to."""

import json
from pathlib import Path

from pipeline import disk
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


def write(text: str, path: Path) -> None:
    """Put a report into a file; of a credential in it no more than its first characters."""
    disk.write_text(path, scrub(text))
