"""A review as one HTML page that asks for nothing else: it works from a file, without a network.

Everything from code, values and models is escaped, and no script runs but the page's own: its digest is in the policy.
"""

import base64
import difflib
import hashlib
import re
from collections.abc import Iterator
from typing import Any

from pipeline import render
from pipeline.review.changes import FlowChange, FunctionChange, Review
from pipeline.review.words import (
    BY_A_MODEL,
    kinds_in_words,
    told_basis,
    told_behaviour,
    told_clause,
    told_flow,
    told_size,
    visible,
)

FILTERS = {
    "silent": "not asked for",
    "loosened": "loosened",
    "contract": "contract",
    "behaviour": "behaviour",
    "code": "code",
    "renamed": "renamed",
    "added": "added",
    "removed": "removed",
    "stale": "not generated",
    "flow": "flows",
    "decision": "decisions",
}
"""Kind of change -> what its button says."""


def render_page(review: Review) -> str:
    """The report as one HTML document, dark and light, for the keyboard, for readers of screens, and for paper."""
    script = render.render_template("templates/review.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    functions = [_function(number, change) for number, change in enumerate(review.functions)]
    counts = {kind: sum(kind in each["tags"] for each in functions) for kind in FILTERS}
    counts |= {"flow": len(review.flows), "decision": len(review.decisions)}
    return render.render_template(
        "templates/review.html.j2",
        headline=visible(review.headline),
        alarming=any("silent" in change.kinds for change in review.functions),
        size=visible(told_size(review)),
        notes=[visible(note) for note in review.notes],
        functions=functions,
        filters=[(kind, FILTERS[kind], count) for kind, count in counts.items() if count],
        flows=[_flow(number, flow) for number, flow in enumerate(review.flows)],
        decisions=[_shown(each.model_dump()) for each in review.decisions],
        sandbox=review.sandbox.level if review.sandbox else "",
        by_a_model=BY_A_MODEL,
        style=render.render_template("templates/review.css"),
        script=script,
        digest=digest,
    )


def _function(number: int, change: FunctionChange) -> dict[str, Any]:
    behaviour = change.behaviour
    return {
        **_shown(change.model_dump(include={"function", "place", "why", "explanation"})),
        "id": f"change-{number}",
        "tags": [*change.kinds, *["loosened"] * bool(change.loosened)],
        "kinds": [(kind, FILTERS[kind], visible(words)) for kind, words in _kinds(change)],
        "clauses": [
            {"effect": each.effect, "words": visible(told_clause(each)), "place": visible(each.place)}
            for each in change.clauses
        ],
        "behaviour": visible(told_behaviour(behaviour)) if behaviour else "",
        "differs": bool(behaviour and behaviour.differing),
        "differences": _shown([each.model_dump() for each in behaviour.differences]) if behaviour else [],
        "basis": "" if "removed" in change.kinds else visible(told_basis(change.basis)),
        "rows": list(_rows(visible(change.code_before), visible(change.code_after))) if change.diff else [],
    }


def _kinds(change: FunctionChange) -> Iterator[tuple[str, str]]:
    """What stands behind a function's name; that whoever calls it may rely on less is a kind of its own here."""
    yield from kinds_in_words(change)
    if change.loosened:
        yield "loosened", f"{change.loosened} clause{'s' * (change.loosened != 1)} loosened"


def _flow(number: int, flow: FlowChange) -> dict[str, Any]:
    pictures = [("before", flow.picture_before), ("now", flow.picture_after)]
    return {
        **_shown(flow.model_dump()),
        "parts": [visible(part) for part in told_flow(flow)],
        "id": f"flow-{number}",
        "pictures": [(when, picture) for when, picture in pictures if picture],
    }


def _shown(value: Any) -> Any:
    """The same with nothing in it that a reader would not see."""
    match value:
        case str():
            return visible(value)
        case dict():
            return {key: _shown(item) for key, item in value.items()}
        case list() | tuple():
            return [_shown(item) for item in value]
    return value


def _rows(before: str, after: str) -> Iterator[dict[str, Any]]:
    """Lines side by side: those that are gone, those that are new, and what changed within them."""
    old, new = before.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, start, end, begin, stop in matcher.get_opcodes():
        for place in range(max(end - start, stop - begin)):
            left = old[start + place] if start + place < end else None
            right = new[begin + place] if begin + place < stop else None
            parts = _parts(left, right) if tag != "equal" else ([(False, left)], [(False, right)])
            yield {
                "changed": tag != "equal",
                "left": None if left is None else start + place + 1,
                "right": None if right is None else begin + place + 1,
                "left_parts": parts[0],
                "right_parts": parts[1],
            }


_Parts = list[tuple[bool, str]]


def _parts(left: str | None, right: str | None) -> tuple[_Parts, _Parts]:
    """Two lines in pieces, those that differ marked."""
    if left is None or right is None:
        return [(False, left or "")], [(False, right or "")]
    old, new = (re.findall(r"\w+|\s+|[^\w\s]", line) for line in (left, right))
    found: tuple[_Parts, _Parts] = ([], [])
    for tag, start, end, begin, stop in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for parts, pieces in zip(found, (old[start:end], new[begin:stop]), strict=True):
            if pieces:
                parts.append((tag != "equal", "".join(pieces)))
    return found
