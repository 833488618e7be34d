"""What a name stands for where functions of several specs meet: every type, error and port has one meaning."""

from collections.abc import Iterable, Mapping

from pipeline.records import Contract, Finding, Place
from pipeline.specs.draft import Draft
from pipeline.specs.shape import SHARED

Meanings = Mapping[str, str]
"""Type, error or port -> the spec that defines it."""
_SECTIONS = ("types", "errors", "ports")


def home_of_names(draft: Draft) -> dict[str, str]:
    """What the names of a spec stand for, those it imports included."""
    return {name: draft.home(each, name).name for each in _SECTIONS for name in draft.names(each)}


def meanings_of(contract: Contract, callees: Iterable[Meanings]) -> dict[str, str]:
    """What the names stand for that a function's contract holds, and those of all that it calls."""
    held = (*contract.types, *contract.errors, *contract.ports)
    found = {name: contract.homes.get(name, contract.spec) for name in held}
    for each in callees:
        found = {**each, **found}
    return found


def check_meanings(draft: Draft, name: str, callees: Mapping[str, Meanings]) -> Iterable[Finding]:
    """Findings about names that mean one thing in this spec, or in one function it uses, and another in a second."""
    meant = home_of_names(draft)
    for index, used in enumerate(draft.file.functions[name].uses):
        for word, home in sorted(callees[used].items()):
            first = meant.setdefault(word, home)
            if first != home:
                message = (
                    f"'{word}' means two things here: {_place(draft, first, word)} and, for '{used}', "
                    f"{_place(draft, home, word)}; rename one, or define it once in specs/_shared.yaml"
                )
                yield draft.at("functions", name, "uses", index, message=message)


def _place(draft: Draft, home: str, name: str) -> Place | str:
    """Where a spec that can be seen from `draft` defines a name."""
    holder = draft.shared if home == SHARED else draft.others.get(home)
    found = [each for each in _SECTIONS if holder is not None and name in holder.own(each)]
    return holder.document.key(found[0], name) if holder is not None and found else home
