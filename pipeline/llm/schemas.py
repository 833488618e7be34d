"""A reply's JSON Schema for servers that cannot enforce one: asked for in words, read without its fence."""

import json
import re
from typing import Any

_FENCED = re.compile(r"\s*```(?:json)?[ \t]*\n(.*?)\n?```\s*", re.DOTALL | re.IGNORECASE)


def in_words(system: str, schema: dict[str, Any]) -> str:
    """The system prompt, and the wish for one JSON value that follows `schema`."""
    wish = "Reply with one JSON value that follows this JSON Schema, and with nothing else:"
    return f"{system}\n\n{wish}\n{json.dumps(schema, sort_keys=True)}".lstrip()


def without_fence(text: str) -> str:
    """What is in the fence if `text` is one fenced block and nothing else; otherwise `text` itself."""
    fenced = _FENCED.fullmatch(text)
    return fenced[1] if fenced else text
