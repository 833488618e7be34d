"""What is kept on disk of questions that were sent together, so that no other run sends them again."""

import time
import uuid
from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline import disk

KEPT_SECONDS = 28 * 24 * 3600
"""Providers keep the answers of a batch for about a month."""


class Wave(BaseModel):
    """Questions of one model that were sent as one batch, less those whose answers are kept elsewhere by now."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern="^[0-9a-f]{32}$")
    provider: str
    server: str
    """Where it was sent: a batch of another server is not asked for here."""
    model: str
    begun: float = Field(default_factory=time.time)
    """Unix time."""
    batch: str | None = None
    """The provider's id; None while it is being created, or where that was cut off."""
    guessed: bool = False
    """Whether the batch may be somebody else's: only its answers tell."""
    cancel: str = ""
    """The command that cancels it; empty while it may be somebody else's."""
    size: int
    lines: set[str]

    def save(self, folder: Path) -> None:
        """Write it down, or remove it when there is nothing left to wait for."""
        path = folder / f"{self.name}.json"
        if self.lines:
            disk.hide_from_git(folder.parent)
            disk.write_text(path, self.model_dump_json())
        else:
            disk.remove_file(path)

    def drop(self, lines: Collection[str], folder: Path) -> None:
        """Forget lines here and in the file, from which another process may have dropped others."""
        self.lines -= set(lines)
        kept = _read(folder / f"{self.name}.json")
        if kept is not None:
            kept.lines &= self.lines
            kept.save(folder)


def read_waves(folder: Path) -> list[Wave]:
    """Every wave that may still hold an answer, the oldest first; what is too old, or damaged, is left out."""
    waves = [wave for path in folder.glob("*.json") if (wave := _read(path)) is not None]
    return sorted(waves, key=lambda wave: wave.begun)


def _read(path: Path) -> Wave | None:
    try:
        wave = Wave.model_validate_json(disk.read_text(path) or "")
    except ValidationError:
        return None
    return wave if wave.name == path.stem and wave.begun > time.time() - KEPT_SECONDS else None


def under_way(folder: Path) -> tuple[str, ...]:
    """A line for each batch that a run has left behind: what it holds, how to go on and how to end it."""
    return tuple(_told(wave) for wave in read_waves(folder) if wave.batch is not None)


def forget_unwanted(folder: Path, *, before: float) -> tuple[str, ...]:
    """Forget what was begun before a run, at a Unix time, that has all it wanted.

    Returns a line for each batch that still held questions.
    """
    lines = []
    for wave in read_waves(folder):
        if wave.begun >= before:
            continue
        if wave.batch is not None and not wave.guessed:
            lines.append(
                f"batch {wave.batch} at {wave.provider} holds {len(wave.lines)} questions that nobody asks any more, and is "
                f"forgotten; to cancel it: {wave.cancel}"
            )
        wave.drop(wave.lines, folder)
    return tuple(lines)


def _told(wave: Wave) -> str:
    who, goes_on = f"batch {wave.batch} at {wave.provider}", "`drystone generate --batch` goes on with it"
    if wave.guessed:
        return f"{who} may hold {len(wave.lines)} questions whose sending was cut off, or be somebody else's; {goes_on}"
    return f"{who} holds {len(wave.lines)} of {wave.size} questions; {goes_on}; to cancel it: {wave.cancel}"
