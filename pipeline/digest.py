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


def render_json(value: Any) -> str:
    """A JSON value as it lands: sorted keys, two spaces, UTF-8, one line end at the end."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
