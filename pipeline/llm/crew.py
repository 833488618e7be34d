"""The threads of a run that asks in batches: when all that can ask have asked, a wave is complete."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SETTLE_SECONDS = 0.5
"""How long everybody must have waited: whoever has just been answered, or begun, may be about to ask."""
QUIET_SECONDS = 30.0
"""How long a wave stays open for those who are still at something else."""

Tell = Callable[[str, str | None], None]
"""Told the name of a batch and how far it is; None when it has ended."""


class Crew:
    """Who is at work in one run, and who of them waits for a batch. Safe to use from several threads."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        """`folder` holds what is known of the batches under way."""
        self.folder = folder
        self.tell = tell
        self.begun = time.time()
        self._lock = threading.Lock()
        self._working = self._waiting = 0
        self._changed = time.monotonic()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count this thread among those that may come to ask something."""
        self._count(working=1)
        try:
            yield
        finally:
            self._count(working=-1)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count this thread among those that have asked and wait for the answer."""
        self._count(waiting=1)
        try:
            yield
        finally:
            self._count(waiting=-1)

    def all_have_asked(self) -> bool:
        """Whether a wave would gain nothing, or not enough, by waiting for more questions."""
        with self._lock:
            still_seconds = time.monotonic() - self._changed
            patience = SETTLE_SECONDS if self._waiting >= self._working else QUIET_SECONDS
            return still_seconds >= patience

    def _count(self, *, working: int = 0, waiting: int = 0) -> None:
        with self._lock:
            self._working += working
            self._waiting += waiting
            self._changed = time.monotonic()
