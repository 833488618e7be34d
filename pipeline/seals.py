"""Seals: one header line whose digest covers the rest of a file, so a hand edit shows in the file alone."""

import re
from typing import Literal

from pipeline.digest import digest_text

_SEAL = re.compile(r"\S{1,3} sealed (sha256:[0-9a-f]{64})")


def seal(text: str, comment_prefix: str = "#") -> str:
    """`text` with a seal line at the end of its opening comment lines; an older seal is replaced."""
    lines = text.replace("\r\n", "\n").split("\n")
    place, _ = _find_seal(lines)
    if place is not None:
        del lines[place]
    end = next((i for i, line in enumerate(lines) if not line.startswith(comment_prefix)), len(lines))
    lines.insert(end, f"{comment_prefix} sealed {digest_text(chr(10).join(lines))}")
    return "\n".join(lines)


def read_seal(text: str) -> Literal["sealed", "edited", "foreign"]:
    """Whether the file is as it was sealed, was edited since, or never had a seal."""
    lines = text.replace("\r\n", "\n").split("\n")
    place, digest = _find_seal(lines)
    if place is None:
        return "foreign"
    del lines[place]
    return "sealed" if digest == digest_text("\n".join(lines)) else "edited"


def _find_seal(lines: list[str]) -> tuple[int | None, str]:
    """Only the opening comment lines can hold the seal: a body may hold any text."""
    prefix = lines[0].split(" ", 1)[0] if lines else ""
    for place, line in enumerate(lines):
        if not prefix or not line.startswith(prefix):
            break
        if match := _SEAL.fullmatch(line):
            return place, match[1]
    return None, ""
