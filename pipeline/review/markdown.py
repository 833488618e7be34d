"""A review as Markdown that GitHub and GitLab show: long parts folded, and no longer than it may be.

Code, values and a model's words are hostile here: they can neither end a block, nor mention anybody, nor link.
"""

import html
import re
from collections.abc import Sequence

from pipeline.review.changes import FunctionChange, Review
from pipeline.review.words import (
    BY_A_MODEL,
    short,
    told_basis,
    told_behaviour,
    told_clause,
    told_flow,
    told_kinds,
    told_size,
    visible,
)

COMMENT_CHARACTERS = 65_000
"""A comment on GitHub may have 65,536 characters; a step summary a megabyte of them as UTF-8."""
LEAST_CHARACTERS = 2_000
_MOST_NAMED = 40
_GAP = "\u200b"
"""Stands between the characters of what would become a mention or a link."""


def render_markdown(review: Review, *, most: int = COMMENT_CHARACTERS) -> str:
    """The report as Markdown of at most so many characters, each counted as often as it has bytes; the headline first.

    Where it would be longer, the longest code diffs and explanations go first, then whole functions from the end; what
    was left out is named.
    """
    head = _head(review)
    tail = _tail(review)
    full = [_function(change, whole=True) for change in review.functions]
    brief = [_function(change, whole=False) for change in review.functions]
    room = most - _size(head) - 400
    tail = (
        tail
        if _size(tail) < room // 2
        else "\nChanges of flows and decisions are left out here for their length.\n"
    )
    shown = _fitted(full, brief, room - _size(tail))
    left = [change.function for change in review.functions[len(shown) :]]
    text = head + "".join(shown) + _left_out(left) + tail
    return text.encode()[:most].decode(errors="ignore")


def _size(*texts: str) -> int:
    return sum(len(text.encode()) for text in texts)


def _fitted(full: Sequence[str], brief: Sequence[str], room: int) -> list[str]:
    shown = list(full)
    by_gain = sorted(range(len(full)), key=lambda number: _size(brief[number]) - _size(full[number]))
    for number in by_gain:
        if _size(*shown) <= room:
            return shown
        shown[number] = brief[number]
    while shown and _size(*shown) > room - 2_000 * (len(shown) < len(full)):
        shown.pop()
    return shown


def _head(review: Review) -> str:
    lines = [f"**{prose(review.headline)}**", "", f"{prose(told_size(review))}.", ""]
    lines += [f"- {prose(short(note))}" for note in review.notes]
    return "\n".join(lines) + "\n"


def _function(change: FunctionChange, *, whole: bool) -> str:
    lines = [
        f"### {code(change.function)}",
        "",
        f"{told_kinds(change)} — {code(change.place)}",
        "",
    ]
    if change.behaviour is not None:
        lines += [f"Behaviour: {prose(told_behaviour(change.behaviour))}.", ""]
        for one in change.behaviour.differences:
            lines += [f"- {code(one.call)}", f"  - before: {code(one.before)}", f"  - now: {code(one.after)}"]
        lines.append("")
    for each in change.clauses:
        effect = f"**{each.effect}**" if each.effect == "loosened" else each.effect
        lines.append(f"- {effect}: {prose(told_clause(each))}")
    lines += ["", *(f"- why: {prose(short(line))}" for line in change.why), ""]
    if "removed" not in change.kinds:
        lines += [f"{prose(told_basis(change.basis))}.", ""]
    if whole and change.explanation is not None:
        title = f"{BY_A_MODEL} ({change.explanation.model})"
        lines += _folded(title, [f"> {prose(line)}" for line in change.explanation.text.splitlines()])
    if change.diff:
        block = _block(change.diff, "diff")
        lines += _folded("Code", block) if whole else ["The code diff is left out here for its length.", ""]
    return "\n".join(lines) + "\n"


def _tail(review: Review) -> str:
    lines = []
    for flow in review.flows:
        lines += [f"### Flow {code(flow.flow)}", "", f"{flow.edit} — {code(flow.place)}", ""]
        lines += [f"- {prose(part)}" for part in told_flow(flow)]
        lines.append("")
    for each in review.decisions:
        answers = f"{code(each.before or 'nothing')} became {code(each.after or 'nothing')}"
        lines += [
            f"### Decision {code(each.decision)}",
            "",
            f"{prose(each.question)} {answers} — {code(each.place)}",
            "",
        ]
    if review.sandbox is not None:
        lines.append(f"Both versions ran in a sandbox of level {review.sandbox.level}.")
    return "\n".join(lines) + "\n" if lines else ""


def _left_out(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    named = ", ".join(code(name[:80]) for name in names[:_MOST_NAMED])
    return f"Left out here for their length: {named}{more}. `drystone review` shows them.\n"


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return [
        "<details>",
        f"<summary>{_apart(html.escape(' '.join(visible(title).split())))}</summary>",
        "",
        *lines,
        "",
        "</details>",
        "",
    ]


def _block(text: str, language: str) -> list[str]:
    """A fenced block that its content cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", visible(text), fence]


def code(text: str) -> str:
    """A piece of code within a line, whatever is in it."""
    shown = " ".join(visible(text).split("\n"))
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def prose(text: str) -> str:
    """Words as they are, whatever Markdown or HTML would make of them."""
    shown = " ".join(visible(text).split())
    shown = re.sub(r"([\\`*_{}\[\]()<>#+!|~&$-])", r"\\\1", shown)
    return _apart(shown)


def _apart(text: str) -> str:
    return re.sub(r"(@|://|www(?=\.))", rf"\1{_GAP}", text)
