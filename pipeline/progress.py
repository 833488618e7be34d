"""What a person sees while a run works: a live table on a terminal, plain lines elsewhere. On standard error."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from pipeline.asking import Usage
from pipeline.outgoing import scrub
from pipeline.reports import Attempt, FlowReport, FunctionReport, Tried
from pipeline.writers import made_by


@contextmanager
def watch() -> Iterator["PlainView | LiveView"]:
    """The view that fits standard error."""
    console = Console(stderr=True, highlight=False, emoji=False)
    if not console.is_terminal:
        yield PlainView(console)
        return
    live = Progress(
        SpinnerColumn(), TextColumn("{task.fields[function]}", markup=False),
        TextColumn("{task.fields[stage]}", style="dim", markup=False),
        TextColumn("{task.fields[tokens]}", markup=False), TimeElapsedColumn(), console=console, transient=True,
    )  # fmt: skip
    with live:
        yield LiveView(live)


class PlainView:
    """A line for each thing worth knowing; fit for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._count = self._total = 0

    def announce(self, text: str) -> None:
        self._line(text)

    def start(self, functions: Sequence[str], verb: str) -> None:
        self._count, self._total = 0, len(functions)
        if functions:
            self._line(f"{verb}: {len(functions)} function{'s' * (len(functions) > 1)}")

    def stage(self, function: str, text: str, usage: Usage) -> None:
        self._line(
            f"{function}: {text}" + (f" ({usage.tokens_out} tokens so far)" if usage.tokens_out else "")
        )

    def batch(self, batch: str, text: str | None) -> None:
        self._line(f"{batch}: {text or 'ended'}")

    def refused(self, function: str, attempt: Attempt) -> None:
        self._line(f"{function}: refused: {_short(attempt.reason)}")

    def done(self, report: FunctionReport) -> None:
        self._count += 1
        self._line(f"[{self._count}/{self._total}] {done_line(report)}")

    def tried(self, label: str, tried: Tried) -> None:
        self._count += 1
        self._line(f"[{self._count}/{self._total}] {label}: {tried_line(tried)}")

    def flow(self, report: FlowReport) -> None:
        self._line(flow_line(report))

    def _line(self, text: str) -> None:
        with self._lock:
            self._console.print(
                f"{time.monotonic() - self._begun:6.1f} s  {scrub(text)}", markup=False, soft_wrap=True
            )


class LiveView:
    """A row for each function that is being worked on; what is done scrolls by above."""

    def __init__(self, live: Progress) -> None:
        self._live = live
        self._rows: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._count = self._total = 0

    def announce(self, text: str) -> None:
        self._print(text)

    def start(self, functions: Sequence[str], verb: str) -> None:
        self._count, self._total = 0, len(functions)
        if functions:
            self.announce(f"{verb}: {len(functions)} function{'s' * (len(functions) > 1)}")

    def stage(self, function: str, text: str, usage: Usage) -> None:
        tokens = f"{usage.tokens_out} tokens" if usage.tokens_out else ""
        with self._lock:
            if function not in self._rows:
                self._rows[function] = self._live.add_task(
                    "", total=None, function=function, stage="", tokens=""
                )
            self._live.update(self._rows[function], stage=scrub(text), tokens=tokens)

    def batch(self, batch: str, text: str | None) -> None:
        """A row of its own while it runs."""
        if text is not None:
            self.stage(batch, text, Usage())
            return
        with self._lock:
            if batch in self._rows:
                self._live.remove_task(self._rows.pop(batch))

    def refused(self, function: str, attempt: Attempt) -> None:
        self._print(f"{function}: refused: {_short(attempt.reason)}", "dim")

    def done(self, report: FunctionReport) -> None:
        with self._lock:
            self._count += 1
            if report.function in self._rows:
                self._live.remove_task(self._rows.pop(report.function))
        style = "red" if report.action in {"failed", "blocked"} else "green"
        self._print(f"[{self._count}/{self._total}] {done_line(report)}", style)

    def tried(self, label: str, tried: Tried) -> None:
        with self._lock:
            self._count += 1
            if label in self._rows:
                self._live.remove_task(self._rows.pop(label))
        line = f"[{self._count}/{self._total}] {label}: {tried_line(tried)}"
        self._print(line, "green" if tried.kept else "red")

    def flow(self, report: FlowReport) -> None:
        style = "red" if report.action in {"failed", "blocked"} else "green"
        self._print(flow_line(report), style)

    def _print(self, text: str, style: str = "") -> None:
        self._live.console.print(scrub(text), style=style, markup=False)


def flow_line(report: FlowReport) -> str:
    return f"{report.flow}: flow {report.action}" + (f", {report.walks} walks" if report.walks else "")


def tried_line(tried: Tried) -> str:
    return f"kept at attempt {tried.attempts}" if tried.kept else f"not kept: {_short(tried.reason)}"


def done_line(report: FunctionReport) -> str:
    parts = [f"{report.function}: {report.action}"]
    if report.model and report.action in {"landed", "changed", "held"}:
        parts.append(made_by(report.model, len(report.attempts) + 1))
    if report.tokens_out:
        parts.append(f"{report.tokens_out} tokens")
    return ", ".join(parts)


@contextmanager
def download() -> Iterator[Callable[[int, int, str], None]]:
    """A bar for a download on a terminal, a line every ten per cent elsewhere."""
    console = Console(stderr=True, highlight=False, emoji=False)
    if not console.is_terminal:
        told = [-1]

        def tell(done: int, total: int, source: str) -> None:
            tenth = done * 10 // total
            if tenth != told[0]:
                told[0] = tenth
                console.print(
                    f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB from {source}", markup=False, soft_wrap=True
                )

        yield tell
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as live:
        task = live.add_task("weights", total=None)
        yield lambda done, total, source: live.update(task, completed=done, total=total, description=source)


def _short(text: str) -> str:
    line = text.replace("\n", " ")
    return line if len(line) <= 200 else f"{line[:197]}..."
