"""Calls a function with plain inputs and says what came of each: run by `soundness.py` in a process of its own.

Reads `{"source", "function", "inputs"}` as JSON, prints a list of texts. Mutants are made of known references by
swapping operators, so this is no place for code that nobody knows.
"""

import json
import math
import resource
import signal
import sys
from typing import Any

from humaneval import load

CALL_SECONDS = 1
MEMORY_BYTES = 1 << 30


def main() -> None:
    """Answer the one request on standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, _expire)
    asked = json.load(sys.stdin)
    function = load(asked["source"], asked["function"])
    json.dump([_outcome(function, arguments) for arguments in asked["inputs"]], sys.stdout)


def _outcome(function: Any, arguments: list[Any]) -> str:
    signal.setitimer(signal.ITIMER_REAL, CALL_SECONDS)
    try:
        return _text(function(*arguments))
    except Exception as error:  # noqa: BLE001 - a fault may raise anything
        return type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _text(value: Any) -> str:
    """A value so that equal ones are equal texts; floats as near as the judge tells them apart."""
    match value:
        case float() if math.isfinite(value):
            return f"{value:.9g}"
        case list() | tuple():
            return f"{type(value).__name__}({', '.join(map(_text, value))})"
        case set() | frozenset():
            return f"set({', '.join(sorted(map(_text, value)))})"
    return repr(value)


def _expire(*_: object) -> None:
    raise TimeoutError


if __name__ == "__main__":
    main()
