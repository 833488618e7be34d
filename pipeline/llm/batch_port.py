"""What waves of questions need of a provider's batch API, whatever provider it is."""

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

BATCH_RETRIES = 2
"""Of an SDK that only looks: nothing is charged for that."""


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


class AnsweredLine(BaseModel):
    """One line of a file of answers."""

    custom_id: str

    @property
    def answer(self) -> Answer | None:
        """None where the batch ended before its turn came."""
        return None


def read_answers(content: bytes, kind: type[AnsweredLine], ids: Collection[str]) -> dict[str, Answer | None]:
    """The answers in a file, as `BatchApi.answers` has them; a line that cannot be read takes no other one with it."""
    lines: list[AnsweredLine] = []
    unreadable = 0
    for text in filter(bytes.strip, content.split(b"\n")):
        try:
            lines.append(kind.model_validate_json(text))
        except ValidationError:
            unreadable += 1
    answers = {line.custom_id: line.answer for line in lines if line.answer is not None}
    if not unreadable:
        return {**answers}
    warnings.warn(f"{unreadable} of the lines in a batch's answers cannot be read", stacklevel=1)
    told = {line.custom_id for line in lines}
    return {**answers, **{line: None for line in ids if line not in told}}


class BatchApi(Protocol):
    """A provider's batch API. Every method lets out what the SDK raises; for one thread."""

    names_waves: bool
    """Whether it keeps the name of a wave; where it does not, what `find` finds may be somebody else's."""

    def send(self, wave: str, lines: Sequence[Line]) -> str:
        """Create a batch of questions to one model, once; returns its id."""
        ...

    def find(self, wave: str, *, size: int, begun: float, known: Collection[str]) -> str | None:
        """The id of a batch that `send` may have created before it was cut off, at `begun` in Unix time.

        `known` is not looked at.
        """
        ...

    def look(self, batch: str) -> Standing:
        """How far a batch is."""
        ...

    def answers(self, batch: str, ids: Collection[str]) -> dict[str, Answer | None]:
        """What came of a batch that has ended, by line; lines that are missing were not answered, and not paid.

        None where an answer may have come, and been charged for, that cannot be read.
        """
        ...

    def cancel_command(self, batch: str) -> str:
        """A command that ends a batch, for a person to run."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...
