"""Generated inputs as they are recorded: drawn once for a contract, tried on every candidate, shown to no model.

Drawing costs a hundred times what trying does. What is recorded may be lost at any time: the same is drawn again.
"""

import functools
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pipeline.digest import digest_text
from pipeline.records import Bounds, Contract

Item = TypeVar("Item")
Wired = list[Any]
"""The arguments of one call, as tagged JSON."""


def bare_text(contract: Contract) -> str:
    """A contract without what says nothing of its inputs: prose, seals, what a model may write."""
    prose = dict.fromkeys(("summary", "derived_from", "seal"), "")
    bare = {"approach": None, "constraints": (), "decisions": (), "bounds": Bounds(), **prose}
    silent: dict[str, Any] = dict.fromkeys(("homes", "is_async", "handles", "assumes"), True)
    if not contract.ports:
        silent |= {"ports": True, "calls": True, "cases": {"__all__": {"calls"}}}
    return contract.model_copy(update=bare).model_dump_json(exclude=silent)


def recording_key(contract: Contract) -> str:
    """Digest of all that the inputs of a contract depend on."""
    return digest_text(_generator() + bare_text(contract))


@functools.cache
def _generator() -> str:
    """Digest of what draws: the version of Hypothesis and the modules that tell it what to draw."""
    folder = Path(__file__).parent
    modules = (
        "answers.py",
        "boundaries.py",
        "corpus.py",
        "doubles.py",
        "inputs.py",
        "moments.py",
        "rarely.py",
        "judging.py",
        "recording.py",
        "../rules.py",
        "../scripts.py",
        "../values.py",
    )
    texts = [(folder / name).read_text("utf-8") for name in modules]
    return digest_text("\n".join([importlib.metadata.version("hypothesis"), *texts]))


class Recording:
    """The inputs of one contract by purpose."""

    def __init__(self, text: str | None = None) -> None:
        self._by_purpose: dict[str, list[Wired]] = _read(text) if text else {}
        self.grown = False
        """Whether something was drawn that was not there."""

    def inputs(
        self, purpose: str, draw: Callable[[], list[Wired]], read: Callable[[list[Wired]], list[Item]]
    ) -> list[Item]:
        """What `read` makes of the inputs recorded for a purpose; drawn now if there are none that can be read."""
        if purpose in self._by_purpose:
            try:
                return read(self._by_purpose[purpose])
            except (TypeError, ValueError):
                pass
        self._by_purpose[purpose] = draw()
        self.grown = True
        return read(self._by_purpose[purpose])

    def render(self) -> str:
        inputs = json.dumps(self._by_purpose, separators=(",", ":"))
        return f"{digest_text(inputs)}\n{inputs}\n"


def _read(text: str) -> dict[str, list[Wired]]:
    """What a recording holds; nothing if it was damaged: the same is drawn again."""
    digest, _, inputs = text.removesuffix("\n").partition("\n")
    try:
        found = json.loads(inputs) if digest_text(inputs) == digest else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
