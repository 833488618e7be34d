"""What lies in `generated/`: whose it is, whether a person changed it, and whether it is fresh."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from pipeline import contract_file, disk, seals
from pipeline.digest import digest_json, digest_text, render_json
from pipeline.records import Contract, Spec, SpecFunction, Verdict

TYPES, FLOWS, DECISIONS = "types.py", "flows.py", "decisions.json"
MECHANICAL = (TYPES, FLOWS, DECISIONS)
"""Files of a whole spec, which follow from it alone."""
SUFFIXES = (".contract.json", ".verdict.json", ".py")
FLOW_SUFFIX = ".flow.json"
_IGNORED = {"__init__.py", "__pycache__", "py.typed"}
_OF_THE_SPEC = ("spec", "function", "params", "returns", "types", "errors", "uses")
"""What other files rest on, so that an edit of the contract alone cannot change it."""


@dataclass(frozen=True, slots=True)
class Landed:
    """The three files of one function, as far as they exist."""

    folder: Path
    function: str
    contract_text: str | None
    source_text: str | None
    verdict_text: str | None

    @property
    def contract_path(self) -> Path:
        return self.folder / f"{self.function}.contract.json"

    @property
    def source_path(self) -> Path:
        return self.folder / f"{self.function}.py"

    @property
    def verdict_path(self) -> Path:
        return self.folder / f"{self.function}.verdict.json"

    def contract(self) -> Contract | None:
        """The contract on disk; raises ContractFileError if the file is none."""
        if self.contract_text is None:
            return None
        return contract_file.parse_contract(self.contract_path.as_posix(), self.contract_text)

    def verdict(self) -> Verdict | None:
        """The verdict on disk; None if there is none, or not as it was written."""
        try:
            found = Verdict.model_validate_json(self.verdict_text) if self.verdict_text else None
        except ValidationError:
            return None
        return None if contract_file.is_edited(self.verdict_text or "") else found

    @property
    def adopted(self) -> str:
        """The command that judges what a person made of the function, and keeps it if it passes."""
        return f"drystone adopt {self.folder.name}.{self.function}"

    def broken_link(self) -> str | None:
        """Where the chain verdict -> source -> contract is broken, in words; None if it holds."""
        verdict = self.verdict()
        if self.source_text is None:
            return "its function file is missing"
        if seals.read_seal(self.source_text) != "sealed":
            return (
                f"{self.source_path.name} was edited by hand; to keep the edit if it passes: {self.adopted}"
            )
        if verdict is None:
            return "its verdict is missing"
        if verdict.source_digest != digest_text(self.source_text):
            return "its verdict speaks of another source"
        if self.contract_text is None or verdict.contract_digest != digest_text(self.contract_text):
            return "its verdict speaks of another contract"
        return None


@dataclass(frozen=True, slots=True)
class Status:
    """How one function of a spec stands. Fresh if there is neither a reason nor a conflict."""

    function: SpecFunction
    landed: Landed
    derived_digest: str
    reasons: tuple[str, ...] = ()
    """Why it must be regenerated."""
    conflicts: tuple[str, ...] = ()
    """Files a person must look at first; nothing of this function is written while there are any."""
    kept_contract: Contract | None = None
    """The contract on disk, where it still stands for what the spec says."""

    @property
    def contract_edited(self) -> bool:
        """Whether a person changed the contract on disk."""
        return self.landed.contract_text is not None and contract_file.is_edited(self.landed.contract_text)

    @property
    def fresh(self) -> bool:
        return not self.reasons and not self.conflicts


@dataclass(slots=True)
class Strangers:
    """Files in `generated/` that belong to no function of the specs."""

    orphans: list[Path] = field(default_factory=list)
    """Ours and untouched: their function is gone, so they may go."""
    edited: list[Path] = field(default_factory=list)
    """Ours and changed by hand, and their function is gone."""
    foreign: list[Path] = field(default_factory=list)
    """Not ours: never touched."""


def read_landed(folder: Path, function: str) -> Landed:
    contract, verdict, source = (disk.read_plain(folder / f"{function}{suffix}") for suffix in SUFFIXES)
    return Landed(folder, function, contract, source, verdict)


def derived_digests(specs: Iterable[Spec]) -> dict[str, str]:
    """`spec.function` -> digest of what its spec gives for it, the promises of its callees included."""
    contracts = {f.contract.id: f.contract for spec in specs for f in spec.functions}
    promises: dict[str, str] = {}

    def promised(name: str) -> str:
        if name not in promises:
            callees = [promised(callee) for callee in contracts[name].callee_ids]
            promises[name] = contract_file.promise_digest(contracts[name], callees)
        return promises[name]

    return {
        name: contract_file.derived_digest(contract, [promised(callee) for callee in contract.callee_ids])
        for name, contract in contracts.items()
    }


def check_spec(generated: Path, spec: Spec, digests: Mapping[str, str]) -> tuple[Status, ...]:
    """The status of every function of a spec, in the order of the spec; `digests` as `derived_digests` gives them."""
    return tuple(
        check_function(function, read_landed(generated / spec.name, function.contract.function), digests)
        for function in spec.functions
    )


def check_mechanical(path: Path, text: str | None) -> tuple[str | None, str | None]:
    """Why a file that follows from its spec must be written or removed, and what stands in the way; None for either."""
    found = disk.read_plain(path)
    if found == text:
        return None, None
    if found is None:
        return "it is missing", None
    match _seal_of(path, found):
        case "foreign":
            return None, _foreign(path)
        case "edited":
            return None, _edited(path)
    return "its spec changed", None


def _seal_of(path: Path, text: str) -> str:
    if path.suffix == ".json":
        return "edited" if contract_file.is_edited(text) else "sealed"
    return seals.read_seal(text)


def find_strangers(
    generated: Path, specs: Sequence[Spec], *, whole: bool, known: Collection[Path] = ()
) -> Strangers:
    """Files that belong to no function or flow of `specs`. `whole`: these are all the specs there are.

    `known` are the files that follow from a whole spec.
    """
    strangers = Strangers()
    functions = {spec.name: _names_of(spec) for spec in specs}
    functions |= {path.parent.name: set() for path in known if path.parent.name not in functions}
    folders = sorted(generated.iterdir()) if generated.is_dir() else []
    for folder in folders:
        if folder.name.startswith(".") or folder.name in _IGNORED:
            continue
        if not folder.is_dir():
            strangers.foreign.append(folder)
        elif whole or folder.name in functions:
            _sort_folder(folder, functions.get(folder.name, set()), known, strangers)
    return strangers


def _names_of(spec: Spec) -> set[str]:
    """Names of the files that its functions and flows land as."""
    files = {f"{f.contract.function}{suffix}" for f in spec.functions for suffix in SUFFIXES}
    return files | {f"{each.flow.name}{FLOW_SUFFIX}" for each in spec.flows}


def render_verdict(verdict: Verdict) -> str:
    document = verdict.model_dump(mode="json", exclude={"seal"})
    return render_json({**document, "seal": digest_json(document)})


def _sort_folder(folder: Path, names: set[str], known: Collection[Path], strangers: Strangers) -> None:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _IGNORED or path.name in names or path in known:
            continue
        suffixes = (*SUFFIXES, FLOW_SUFFIX, DECISIONS)
        suffix = next((suffix for suffix in suffixes if path.name.endswith(suffix)), None)
        if suffix is None or not path.is_file():
            strangers.foreign.append(path)
        else:
            {"sealed": strangers.orphans, "edited": strangers.edited, "foreign": strangers.foreign}[
                _whose(path, suffix)
            ].append(path)


def _whose(path: Path, suffix: str) -> str:
    text = disk.read_text(path) or ""
    if suffix == ".py":
        return seals.read_seal(text)
    if suffix in {FLOW_SUFFIX, DECISIONS}:
        return "foreign" if contract_file.is_edited(text) else "sealed"
    if suffix == ".contract.json":
        try:
            contract_file.parse_contract(path.as_posix(), text)
        except contract_file.ContractFileError:
            return "foreign"
        return "edited" if contract_file.is_edited(text) else "sealed"
    landed = Landed(path.parent, path.name.removesuffix(suffix), None, None, text)
    return "sealed" if landed.verdict() else "foreign"


def check_function(function: SpecFunction, landed: Landed, digests: Mapping[str, str]) -> Status:
    """The status of one function by the texts of its files; `digests` as `derived_digests` gives them."""
    digest = digests[function.contract.id]
    conflicts = list(_conflicts(landed))
    contract: Contract | None = None
    if not conflicts:
        try:
            contract = landed.contract()
        except contract_file.ContractFileError as error:
            conflicts.append(f"{error}; restore it, or delete it to have it derived again")
    if contract is not None and landed.contract_text and contract_file.is_edited(landed.contract_text):
        changed = [
            name for name in _OF_THE_SPEC if getattr(contract, name) != getattr(function.contract, name)
        ]
        if contract.derived_from != digest:
            conflicts.append(
                f"{landed.contract_path}: edited by hand, and its function in the spec has changed since; move what "
                "you want to keep into the spec and delete this file"
            )
        elif changed:
            conflicts.append(
                f"{landed.contract_path}: edited by hand, but {', '.join(changed)} must be as in the spec; change "
                "the spec, and restore or delete this file"
            )
    if conflicts:
        return Status(function, landed, digest, conflicts=tuple(conflicts))
    kept = contract if contract is not None and contract.derived_from == digest else None
    return Status(
        function,
        landed,
        digest,
        reasons=tuple(_reasons(function, landed, contract, kept)),
        kept_contract=kept,
    )


def _conflicts(landed: Landed) -> Iterable[str]:
    if landed.source_text is not None:
        match seals.read_seal(landed.source_text):
            case "foreign":
                yield f"{_foreign(landed.source_path)}; or, to have it taken over if it passes: {landed.adopted}"
            case "edited":
                yield f"{_edited(landed.source_path)}; or, to keep the edit if it passes: {landed.adopted}"
    if landed.verdict_text and landed.verdict() is None:
        yield _edited(landed.verdict_path)


def _edited(path: Path) -> str:
    return f"{path}: edited by hand; restore it (git restore {path}), or delete it to have it generated again"


def _foreign(path: Path) -> str:
    return f"{path}: not written by drystone, so it stays; move it out of the way"


def _reasons(
    function: SpecFunction, landed: Landed, contract: Contract | None, kept: Contract | None
) -> Iterable[str]:
    if landed.contract_text is None and landed.source_text is None:
        yield "it is new"
        return
    if contract is None:
        yield "its contract is missing"
    elif kept is None:
        yield _difference(function.contract, contract)
    if landed.source_text is None:
        yield "its function file is missing"
        return
    verdict = landed.verdict()
    if verdict is None:
        yield "its verdict is missing"
    elif verdict.source_digest != digest_text(landed.source_text):
        yield "its verdict speaks of another source"
    elif landed.contract_text is not None and verdict.contract_digest != digest_text(landed.contract_text):
        if kept is not None:
            yield "its contract was edited"
        else:
            return


def _difference(derived: Contract, landed: Contract) -> str:
    """Which parts of the spec function changed, by the contract that landed."""
    names = [
        name
        for name in Contract.model_fields
        if name not in {"approach", "derived_from", "seal"} and _said(derived, name) != _said(landed, name)
    ]
    return f"its spec changed: {', '.join(names)}" if names else "a function it uses changed"


def _said(contract: Contract, name: str) -> object:
    """A part of a contract as a person said it: without what an architect added."""
    value = getattr(contract, name)
    if name == "cases":
        return [
            (case.name, digest_json(case.given), digest_json(case.returns), case.raises)
            for case in value
            if case.origin == "spec"
        ]
    if name in {"requires", "raises", "ensures"}:
        return tuple(item for item in value if item.origin == "spec")
    return value
