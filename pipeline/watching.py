"""What a run tells whoever watches it."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.asking import Usage
from pipeline.reports import Attempt, FlowReport, FunctionReport, Tried


class Progress(Protocol):
    """Whoever watches a run. Called from several threads."""

    def announce(self, text: str) -> None: ...

    def start(self, functions: Sequence[str], verb: str) -> None: ...

    def batch(self, batch: str, text: str | None) -> None: ...

    def stage(self, function: str, text: str, usage: Usage) -> None: ...

    def refused(self, function: str, attempt: Attempt) -> None: ...

    def done(self, report: FunctionReport) -> None: ...

    def tried(self, label: str, tried: Tried) -> None: ...

    def flow(self, report: FlowReport) -> None: ...
