"""What waves of questions need of a provider's batch API, whatever provider it is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Line:
    """One question as it is sent."""

    id: str
    """64 hex digits that depend on all that is asked, and on nothing else."""
    body: dict[str, Any]
    """What a call of its own would send, as JSON."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call of its own would have been answered."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a batch is."""

    ended: bool
    """However it ended: completed, failed, expired or cancelled."""
    answered: int
    why: str = ""
    """What the provider says of a batch that did not complete."""


class BatchApi(Protocol):
    """A provider's batch API. Every method lets out what the SDK raises; for one thread."""

    def send(self, wave: str, lines: Sequence[Line]) -> str:
        """Create a batch of questions to one model, once; returns its id."""
        ...

    def find(self, wave: str, *, size: int, begun: float, known: Collection[str]) -> str | None:
        """The id of a batch that `send` may have created before it was cut off, at `begun` in Unix time.

        It may be one of somebody else's where the API keeps no name; its answers tell. `known` is not looked at.
        """
        ...

    def look(self, batch: str) -> Standing:
        """How far a batch is."""
        ...

    def answers(self, batch: str, ids: Collection[str]) -> dict[str, Answer]:
        """What came of a batch that has ended, by line; lines that are missing were not answered, and not paid."""
        ...

    def cancel_command(self, batch: str) -> str:
        """A command that ends a batch, for a person to run."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...
