"""The decider's process: takes jobs as lines of JSON, asks for observations, answers with what it decided.

It holds rules and expected values and has no key, no network of its own making and no unread code.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pipeline.decider.clauses import Observe
from pipeline.decider.judging import judge
from pipeline.decider.soundness import unsound
from pipeline.decider.vetting import admit, vet
from pipeline.records import Case, Clause, Contract, Judgement
from pipeline.sandbox import wire
from pipeline.sandbox.port import Call, Observation

MEMORY_BYTES = 2 << 30


class Channel:
    """Frames to and from the parent; nothing else may write where frames go."""

    def __init__(self) -> None:
        self._in = os.fdopen(os.dup(0), "rb")
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def say(self, frame: dict[str, Any]) -> None:
        self._out.write(wire.dump_frame(frame))
        self._out.flush()

    def hear(self) -> Any:
        line = self._in.readline()
        return wire.load_own_frame(line) if line else None

    def note(self, clause: str) -> None:
        self.say({"at": clause})

    def observer(self, session: str) -> Observe:
        """A function that has the parent call the candidate in one of its two processes."""

        def observe(calls: Sequence[Call]) -> list[Observation]:
            self.say({"observe": session, "calls": [[call.function, call.arguments] for call in calls]})
            return [_observation(item) for item in self.hear()]

        return observe


def _observation(item: dict[str, Any]) -> Observation:
    after = item["arguments_after"]
    return Observation(**{**item, "arguments_after": None if after is None else tuple(after)})


def main() -> None:
    """Serve jobs until standard input ends."""
    _limit_memory()
    _hide_own_modules()
    channel = Channel()
    while (job := channel.hear()) is not None:
        try:
            channel.say({"done": _serve(channel, job)})
        except MemoryError:
            channel.say({"failed": "needs more memory than a rule may take"})
        except RecursionError:
            channel.say({"failed": "nests deeper than a rule may"})


def _serve(channel: Channel, job: dict[str, Any]) -> Any:
    contract = Contract.model_validate(job["contract"])
    problems = unsound(contract)
    match job["job"]:
        case "vet" if problems:
            return [asdict(problem) for problem in problems]
        case "admit" if problems:
            refused = [f"{problem.clause}: {problem.message}" for problem in problems]
            return {"cases": [], "rules": [], "refused": refused}
        case _ if problems:
            clauses = [
                Clause(clause=problem.clause, passed=False, message=problem.message) for problem in problems
            ]
            return Judgement(clauses=tuple(clauses)).model_dump(mode="json")
        case "vet":
            return [asdict(problem) for problem in vet(contract, channel.note)]
        case "admit":
            cases = [Case.model_validate(case) for case in job["cases"]]
            found = admit(contract, cases, job["rules"], independent=job["independent"], note=channel.note)
            return {
                "cases": [case.model_dump(mode="json") for case in found.cases],
                "rules": [rule.model_dump(mode="json") for rule in found.rules],
                "refused": list(found.refused),
            }
        case "judge":
            return judge(contract, channel.observer("first"), channel.observer("second")).model_dump(
                mode="json"
            )
    raise ValueError(job["job"])


def _limit_memory() -> None:
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _hide_own_modules() -> None:
    """Hypothesis draws from the constants of modules that are not installed; ours must not colour the inputs."""
    for name, module in list(sys.modules.items()):
        if name == "__main__" or name.split(".")[0] == "pipeline":
            module.__file__ = None


if __name__ == "__main__":
    main()
