"""How many tokens a call took: what the server says, where that can be true, and an estimate where it cannot."""

from pipeline.llm.port import Request


def prompt_text(request: Request) -> str:
    """What went in, as one text."""
    return request.system + "".join(turn.text for turn in request.messages)


def counted(told: int | None, text: str, *, besides: int = 0) -> int:
    """The tokens of a text. A server that says nothing, less than none, or none for a text, does not make it free.

    `besides`: tokens of it that are counted elsewhere.
    """
    if told is None or told < 0 or (text and not told + besides):
        return len(text) // 3 + 1
    return told
