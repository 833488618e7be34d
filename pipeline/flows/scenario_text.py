"""Text of a walk as an item of `scenarios:` in a spec's YAML, ready to paste. Every value is JSON, which YAML reads."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pipeline.flows.records import Scenario, ScenarioStep

_UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000))


def render_scenario(scenario: Scenario) -> str:
    """The scenario as one item of a list: its keys as a person would write them, its values in flow style."""
    head = {"given": scenario.given, "at": scenario.at, "memory": scenario.memory}
    lines = [f"- name: {_flow(scenario.name)}"]
    lines += [f"  {key}: {_flow(value)}" for key, value in head.items() if value not in (None, {})]
    if "given" not in "".join(line[:8] for line in lines):
        lines.insert(1, f"  given: {_flow(scenario.given)}")
    lines.append("  steps:")
    for step in scenario.steps:
        written = _step(step)
        lines += [
            f"    {'-' if not number else ' '} {key}: {_flow(value)}"
            for number, (key, value) in enumerate(written)
        ]
    return "\n".join(lines) + "\n"


def render_duration(duration: timedelta) -> str:
    """A duration as specs write it: `24h` where it is whole, otherwise ISO 8601 to the microsecond."""
    microseconds = duration // timedelta(microseconds=1)
    for unit, size in _UNITS:
        if microseconds % size == 0:
            whole = microseconds // size
            if unit == "d" and whole < 3:
                continue
            return f"{whole}{unit}"
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"PT{seconds}.{rest:06d}S"


def _step(step: ScenarioStep) -> list[tuple[str, Any]]:
    wait = render_duration(step.wait) if step.wait or step.call is None else None
    written: dict[str, Any] = {
        "wait": wait, "call": step.call, "with": step.given, "ports": step.ports, "raises": step.raises,
        "state": step.state, "ensures": list(step.ensures),
    }  # fmt: skip
    return [(key, value) for key, value in written.items() if value not in (None, {}, [])]


def _flow(value: Any) -> str:
    """A value in YAML's flow style."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{_flow(str(key))}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str():
            return value if _is_plain(value) else _quoted(value)
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    """Whether a text is a word that no reader of YAML takes for anything else."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) is not None and text.lower() not in _WORDS


_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in quoted)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
