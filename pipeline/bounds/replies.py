"""A model's reply, as text: which part of it is code, and what may come of it. Knows no Python."""

import re

from pipeline.definitions import Record

MAX_SOURCE_BYTES = 20_000


class FunctionText(Record):
    """The one function of a reply, as it may land; the tool writes everything around it."""

    body: str
    """Statements and comments, indented by four spaces, as formatted; without docstring or imports."""
    imports: tuple[str, ...]
    """Import statements of the standard library the body needs, sorted."""


class Refusal(Record):
    """The reply may not land."""

    reason: str
    """One line that a model and a person can act on."""


class Insufficient(Record):
    """The model says that the contract does not tell it enough."""

    reason: str


class RefusedError(Exception):
    """Ends the reading of a reply; never leaves `pipeline.bounds`, which turns it into a `Refusal`."""


_FENCE = re.compile(r"( {0,3})(`{3,})[^`]*")
_INSUFFICIENT = re.compile(
    r"[\s*_#>]*contract insufficient\s*:[\s*_]*(.*?)(?:\n\s*\n|\Z)", re.IGNORECASE | re.DOTALL
)


def parse_insufficient(reply: str) -> Insufficient | None:
    """The reply's complaint about its contract, if that is what it opens with."""
    match = _INSUFFICIENT.match(reply)
    if match is None:
        return None
    reason = " ".join(match[1].split())
    if not reason:
        raise RefusedError("says that the contract is insufficient, but not why")
    return Insufficient(reason=reason[:500])


def parse_code(reply: str) -> str:
    """The text of the reply's one code block; a reply without any fence is taken as code.

    Raises RefusedError for no block, several, one that does not end, or a text too large to read.
    """
    lines = reply.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks: list[list[str]] = []
    fence: re.Match[str] | None = None
    for line in lines:
        match = _FENCE.fullmatch(line.rstrip())
        if fence is None:
            if match is not None:
                fence = match
                blocks.append([])
        elif match is not None and line.strip() == match[2] and len(match[2]) >= len(fence[2]):
            fence = None
        else:
            blocks[-1].append(re.sub(f"^ {{0,{len(fence[1])}}}", "", line))
    if fence is not None:
        raise RefusedError("the reply is cut off: its code block does not end")
    if len(blocks) > 1:
        raise RefusedError(f"holds {len(blocks)} code blocks; give exactly one, with the whole function")
    code = "\n".join(blocks[0] if blocks else lines).strip("\n") + "\n"
    if not code.strip():
        raise RefusedError("the code block is empty" if blocks else "the reply is empty")
    if not blocks and not re.search(r"^(async )?def ", code, re.MULTILINE):
        raise RefusedError("holds no fenced code block")
    return code
