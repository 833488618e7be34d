"""Explanations: what an explainer is shown, and which of its replies can be used."""

import pytest

from pipeline.llm.port import Reply, Request, Stop
from pipeline.review.changes import Explanation
from pipeline.stages import explain

CODE = '''from __future__ import annotations

from .types import Limit


def cut(text: str, limit: Limit) -> str:
    """Keep whole words only.

    Raises:
        TooLong: if the first word does not fit
    """
    said = "it's \\"\\"\\" here"
    return text[:limit] + said
'''


def replying(text: str, stop: Stop = "end", seen: list[Request] | None = None):
    """A model that always says the same."""

    def ask(request: Request) -> Reply:
        if seen is not None:
            seen.append(request)
        return Reply(text=text, stop=stop, tokens_in=1, tokens_cached=0, tokens_out=1)

    return ask


def test_it_sees_the_code_and_nothing_of_the_contract() -> None:
    """The docstring was written from the contract, so it is left out; the code is whole."""
    seen: list[Request] = []
    explain.explain(CODE, model="m", ask=replying("It cuts.", seen=seen))
    (prompt,) = (request.messages[0].text for request in seen)
    assert "Keep whole words" not in prompt
    assert "TooLong" not in prompt
    assert 'said = "it\'s \\"\\"\\" here"\n    return text[:limit] + said' in prompt


def test_what_it_says_is_an_explanation_with_its_model() -> None:
    """Word for word."""
    assert explain.explain(CODE, model="m", ask=replying(" It cuts.\n")) == Explanation(
        text="It cuts.", model="m"
    )


@pytest.mark.parametrize(
    ("text", "stop", "why"),
    [("It", "length", "it is cut off"), ("", "refusal", "the model refused"), (" ", "end", "it is empty")],
)
def test_a_reply_that_cannot_be_used_says_why(text: str, stop: Stop, why: str) -> None:
    """It is no explanation."""
    assert explain.explain(CODE, model="m", ask=replying(text, stop)) == why


def test_an_explanation_is_no_longer_than_people_read() -> None:
    """However much a model says."""
    found = explain.explain(CODE, model="m", ask=replying("word " * 9999))
    assert isinstance(found, Explanation)
    assert len(found.text) == explain.MOST_CHARACTERS
