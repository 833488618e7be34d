"""What a network and a busy provider do to calls, in a fixed share and a fixed order."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from servers import Answer, Asked


def in_a_moment() -> str:
    """A date as HTTP writes it, one to two seconds from now."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


FAULTS: dict[str, Callable[[], Answer]] = {
    "429 in seconds": lambda: Answer("slow down", status=429, headers={"retry-after": "1"}),
    "429 until a date": lambda: Answer("slow down", status=429, headers={"retry-after": in_a_moment()}),
    "500": lambda: Answer("oops", status=500, headers={}),
    "529": lambda: Answer("overloaded", status=529, headers={}),
    "dropped": lambda: Answer(damage="dropped"),
    "reset": lambda: Answer("```python\n", damage="reset"),
    "truncated": lambda: Answer("```python\n", damage="truncated"),
    "malformed": lambda: Answer(body='{"choices": [{"message": {"content": "```pyt'),
    "empty": lambda: Answer(body=""),
    "wrong content type": lambda: Answer(body="<html>Hello</html>", headers={"content-type": "text/html"}),
    "slow drip": lambda: Answer("```python\n", damage="drip"),
}


class Weather:
    """Meets a share of all calls with one fault or another, the same ones every time."""

    def __init__(self, share: float, *, seed: int = 7) -> None:
        self._share = share
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.met: list[str] = []
        """The faults so far."""

    def __call__(self, asked: Asked) -> Answer | None:
        with self._lock:
            if self._random.random() >= self._share:
                return None
            name = self._random.choice(sorted(FAULTS))
            self.met.append(name)
        return FAULTS[name]()
