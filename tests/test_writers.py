"""Who wrote a function, as a reader is told."""

import pytest

from pipeline.writers import made_by, told_writer


@pytest.mark.parametrize(
    ("model", "writer", "maker"),
    [
        ("openai:gpt-x", "written by openai:gpt-x", "by openai:gpt-x at attempt 2"),
        ("local", "written by the embedded model (local)", "by the embedded model (local) at attempt 2"),
        ("manual", "written by a person (adopted)", "by a person (adopted)"),
        ("mcp", "handed in by a coding agent (mcp)", "by a coding agent (mcp) at attempt 2"),
        (
            "handoff:ada",
            "handed in by a person or an agent who was given the prompt (handoff:ada)",
            "by a person or an agent who was given the prompt (handoff:ada) at attempt 2",
        ),
    ],
)
def test_who_wrote_it_is_said_in_words(model: str, writer: str, maker: str) -> None:
    """What a verdict records is kept beside it; only a person has no attempts."""
    assert (writer, maker) == (told_writer(model), made_by(model, 2))
