"""Digests and canonical JSON: the one way this project turns values into comparable bytes."""

import hashlib
import json
from typing import Any


def digest_text(text: str) -> str:
    """SHA-256 of `text` as UTF-8 with LF line ends, as `sha256:<64 hex digits>`."""
    return "sha256:" + hashlib.sha256(text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")).hexdigest()


def digest_json(value: Any) -> str:
    """Digest of a JSON value; equal values have equal digests whatever the order of their keys."""
    return digest_text(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def canonical_json(value: Any) -> str:
    """A JSON value on one line, keys sorted, for people to read and compare."""
    return _compact(value)


def render_json(value: dict[str, Any]) -> str:
    """A JSON object as it lands: keys sorted, an item a line, so that a difference is a line as well."""
    lines = [f"  {_compact(key)}: {_block(value[key])}" for key in sorted(value)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _block(value: Any) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"    {_compact(item)}" for item in value) + "\n  ]"
    if isinstance(value, dict) and value:
        return (
            "{\n"
            + ",\n".join(f"    {_compact(key)}: {_compact(value[key])}" for key in sorted(value))
            + "\n  }"
        )
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
