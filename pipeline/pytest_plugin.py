"""pytest plugin: every `generated/SPEC/*.contract.json` and `*.flow.json` is a file of tests, one item a clause."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pipeline.flows.records import FlowClause, FlowVerdict
    from pipeline.landed import Landed
    from pipeline.records import Clause
    from pipeline.stages.judge import Judge, Part

SUFFIX, FLOW_SUFFIX = ".contract.json", ".flow.json"
CHAIN = "chain"
"""The item that compares digests: the verdict speaks of this contract and this source, unedited."""

_judge = pytest.StashKey["Judge | Exception"]()


class BrokenClause(Exception):  # noqa: N818 - what a reader sees is a clause that broke
    """A landed function does not keep a clause of its contract."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "EvidenceFile | None":
    if file_path.parent.parent.name != "generated":
        return None
    if file_path.name.endswith(SUFFIX):
        return ContractFile.from_parent(parent, path=file_path)
    if file_path.name.endswith(FLOW_SUFFIX):
        return FlowFile.from_parent(parent, path=file_path)
    return None


def pytest_unconfigure(config: pytest.Config) -> None:
    judge = config.stash.get(_judge, None)
    if judge is not None and not isinstance(judge, Exception):
        judge.close()


class EvidenceFile(pytest.File):
    """What was promised in one file: judged once, when its first clause is asked for."""

    _judged: "dict[str, Clause | FlowClause] | None" = None

    @abstractmethod
    def broken_link(self) -> str | None:
        """Where the chain of digests is broken, in words."""

    @abstractmethod
    def judge(self, judge: "Judge") -> "tuple[Clause | FlowClause, ...]":
        """What a judge says of every clause."""

    def clause(self, name: str) -> "Clause | FlowClause":
        if self._judged is None:
            self._judged = {clause.clause: clause for clause in self.judge(_judge_of(self.config))}
        found = self._judged.get(name)
        if found is None:
            failed = next(clause for clause in self._judged.values() if not clause.passed)
            raise BrokenClause(f"not judged, because {failed.clause} is broken: {failed.message}")
        return found


class ContractFile(EvidenceFile):
    """One landed function."""

    def collect(self) -> Iterator[pytest.Item]:
        from pipeline.contract_file import ContractFileError  # loaded with every pytest

        try:
            contract = self._landed().contract()
        except ContractFileError as error:
            raise self.CollectError(str(error)) from None
        assert contract is not None
        for clause in (CHAIN, *contract.clauses):
            yield ClauseItem.from_parent(self, name=clause)

    def _landed(self) -> "Landed":
        from pipeline.landed import read_landed

        return read_landed(self.path.parent, self.path.name.removesuffix(SUFFIX))

    def broken_link(self) -> str | None:
        return self._present().broken_link()

    def judge(self, judge: "Judge") -> "tuple[Clause | FlowClause, ...]":
        from pipeline.reading import judge_landed

        return judge_landed(judge, self._present()).clauses

    def _present(self) -> "Landed":
        found = self._landed()
        if found.source_text is None:
            raise BrokenClause(f"{found.source_path.name} is missing; run drystone generate")
        return found


class FlowFile(EvidenceFile):
    """One flow of landed functions."""

    def collect(self) -> Iterator[pytest.Item]:
        verdict = self._verdict()
        if verdict is None:
            raise self.CollectError(f"{self.path}: edited by hand, or no verdict of a flow")
        for clause in (CHAIN, *verdict.clauses):
            yield ClauseItem.from_parent(self, name=clause)

    def _verdict(self) -> "FlowVerdict | None":
        from pipeline import disk
        from pipeline.landed_flows import read_flow_verdict

        return read_flow_verdict(disk.read_text(self.path))

    def _parts(self, verdict: "FlowVerdict") -> "dict[str, Part]":
        from pipeline.reading import flow_parts

        parts = flow_parts(self.path.parent.parent, verdict.sources)
        missing = sorted(set(verdict.sources) - set(parts))
        if missing:
            raise BrokenClause(f"{', '.join(missing)} did not land; run drystone generate")
        return parts

    def broken_link(self) -> str | None:
        from pipeline.landed_flows import source_digests

        verdict = self._verdict()
        assert verdict is not None
        now = source_digests({name: part.source for name, part in self._parts(verdict).items()})
        changed = sorted(name for name in now if now[name] != verdict.sources[name])
        return f"its verdict speaks of other sources: {', '.join(changed)}" if changed else None

    def judge(self, judge: "Judge") -> "tuple[Clause | FlowClause, ...]":
        verdict = self._verdict()
        assert verdict is not None
        return judge.judge_flow(verdict.spec, verdict.flow, self._parts(verdict)).clauses


class ClauseItem(pytest.Item):
    """One clause of one contract or flow."""

    parent: EvidenceFile

    def runtest(self) -> None:
        if self.name == CHAIN:
            complaint = self.parent.broken_link()
            if complaint:
                raise BrokenClause(complaint)
            return
        clause = self.parent.clause(self.name)
        if not clause.passed:
            raise BrokenClause(clause.message)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        from pipeline.errors import DrystoneError

        if isinstance(excinfo.value, BrokenClause | DrystoneError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


def _judge_of(config: pytest.Config) -> "Judge":
    """The judge of this run, tried out; what keeps it from judging is found out once."""
    from pipeline.errors import DrystoneError
    from pipeline.project import open_judge
    from pipeline.settings import find_root, read_settings

    if _judge not in config.stash:
        try:
            opened = open_judge(read_settings(find_root(config.rootpath)))
            config.stash[_judge] = opened
            assert opened.isolation
        except DrystoneError as error:
            config.stash[_judge] = error
    judge = config.stash[_judge]
    if isinstance(judge, Exception):
        raise judge
    return judge
