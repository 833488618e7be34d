"""Replies in JSON: the schema that asks for one, in the subset every provider takes, and the reading of what came."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any


def object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema of an object with exactly these properties, all of them required."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def parse_reply(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON object of a reply, fenced or not; raises ValueError with the reason when there is none."""
    import jsonschema  # a run that asks nobody for JSON does not pay for it

    fenced = re.search(r"\A[^{]*```(?:json)?\s*\n(.*)```", text, re.DOTALL)
    try:
        document = json.loads(fenced[1] if fenced else text, parse_constant=_no_number, parse_float=_float)
        json.dumps(document, ensure_ascii=False).encode()  # a half of a surrogate pair is no text
        jsonschema.validate(document, schema)
    except jsonschema.ValidationError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "the reply"
        raise ValueError(f"{where}: {' '.join(error.message.split())[:200]}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from None
    assert isinstance(document, dict)
    return document


def one_line(text: str, most: int) -> str:
    """What a model says, as one line of at most so many characters that a terminal and a file can take."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(plain.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _float(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else _no_number(text)
