"""pytest plugin: every `generated/SPEC/FUNCTION.contract.json` is a file of tests, one item a clause."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pipeline.landed import Landed
    from pipeline.records import Judgement
    from pipeline.stages.judge import Judge

SUFFIX = ".contract.json"
CHAIN = "chain"
"""The item that compares digests: the verdict speaks of this contract and this source, unedited."""

_judge = pytest.StashKey["Judge | Exception"]()


class BrokenClause(Exception):  # noqa: N818 - what a reader sees is a clause that broke
    """A landed function does not keep a clause of its contract."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "ContractFile | None":
    if file_path.name.endswith(SUFFIX) and file_path.parent.parent.name == "generated":
        return ContractFile.from_parent(parent, path=file_path)
    return None


def pytest_unconfigure(config: pytest.Config) -> None:
    judge = config.stash.get(_judge, None)
    if judge is not None and not isinstance(judge, Exception):
        judge.close()


class ContractFile(pytest.File):
    """One landed function: judged once, when its first clause is asked for."""

    _judgement: "Judgement | None" = None

    def collect(self) -> Iterator[pytest.Item]:
        from pipeline.contract_file import ContractFileError  # loaded with every pytest

        try:
            contract = self.landed().contract()
        except ContractFileError as error:
            raise self.CollectError(str(error)) from None
        assert contract is not None
        for clause in (CHAIN, *contract.clauses):
            yield ClauseItem.from_parent(self, name=clause)

    def landed(self) -> "Landed":
        from pipeline.landed import read_landed

        return read_landed(self.path.parent, self.path.name.removesuffix(SUFFIX))

    def judgement(self) -> "Judgement":
        from pipeline.reading import judge_landed

        if self._judgement is None:
            self._judgement = judge_landed(_judge_of(self.config), self.landed())
        return self._judgement


class ClauseItem(pytest.Item):
    """One clause of one contract."""

    parent: ContractFile

    def runtest(self) -> None:
        found = self.parent.landed()
        if found.source_text is None:
            raise BrokenClause(f"{found.source_path.name} is missing; run drystone generate")
        if self.name == CHAIN:
            complaint = found.broken_link()
            if complaint:
                raise BrokenClause(complaint)
            return
        clauses = {clause.clause: clause for clause in self.parent.judgement().clauses}
        clause = clauses.get(self.name)
        if clause is None:
            failed = next(clause for clause in clauses.values() if not clause.passed)
            raise BrokenClause(f"not judged, because {failed.clause} is broken: {failed.message}")
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
