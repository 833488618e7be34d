"""Contracts -> contradictions between them. A model reads them side by side; what it cannot quote does not count."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from pipeline import prompts, render
from pipeline.llm.port import STOPPED, Message, Request
from pipeline.records import Case, Contract, Finding, Place
from pipeline.stages.port import Ask
from pipeline.structured import object_schema, one_line, parse_reply

MAX_TOKENS = 8192
"""Of one reply, a reasoning model's thoughts included."""
MOST_TOGETHER = 48_000
"""Characters of the contracts in one request."""
MOST_TYPES = 12_000
"""Characters of the types that stand above them."""
MOST_OF_ONE = 6_000
MOST_EXAMPLES = 3
LEAST_QUOTED = 4
"""Characters; less than that occurs anywhere."""

_SCHEMA = object_schema(
    {
        "contradictions": {
            "type": "array",
            "items": object_schema(
                {key: {"type": "string"} for key in ("first", "first_quote", "second", "second_quote", "why")}
            ),
        }
    }
)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two contracts that cannot both be kept, or not together, and a passage of each that shows it."""

    first: str
    """`spec.function`."""
    first_quote: str
    second: str
    second_quote: str
    why: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a reviewer found in a set of contracts."""

    findings: tuple[Contradiction, ...] = ()
    unverified: int = 0
    """How many it named without passages that are really there; they are dropped."""
    notes: tuple[str, ...] = ()
    """Why a reply could not be used."""


def requests(contracts: Sequence[Contract], *, model: str) -> tuple[Request, ...]:
    """What is asked about a set of contracts: one request, or so many that each two of a large set are seen together."""
    shown = {contract.id: _render(contract) for contract in contracts}
    system = prompts.render_prompt("review.system.md.j2")
    return tuple(
        Request(
            model=model,
            system=system,
            messages=(Message("user", _prompt([c for c in contracts if c.id in group], shown)),),
            max_tokens=MAX_TOKENS,
            schema=_SCHEMA,
            temperature=0.0,
            seed=1,
        )
        for group in _groups({name: len(text) for name, text in shown.items()})
    )


def review(contracts: Sequence[Contract], *, model: str, ask: Ask) -> Reviewed:
    """Have a model look for contracts that contradict one another.

    A finding counts only if both functions exist, differ, and are quoted word for word. A reply that cannot be used
    is a note, not an error. A failing provider is an exception (`ProviderError`).
    """
    shown = {contract.id: _folded(_render(contract)) for contract in contracts}
    findings: list[Contradiction] = []
    notes: list[str] = []
    unverified = 0
    for request in requests(contracts, model=model):
        reply = ask(request)
        if reply.stop != "end":
            notes.append(STOPPED[reply.stop])
            continue
        try:
            named = parse_reply(reply.text, _SCHEMA)["contradictions"]
        except ValueError as error:
            notes.append(one_line(str(error), 300))
            continue
        verified = [found for item in named if (found := _verified(item, shown))]
        unverified += len(named) - len(verified)
        # Two contracts may be in several requests; what the first of these brought out is enough.
        known = {frozenset((found.first, found.second)) for found in findings}
        findings += [
            found for found in dict.fromkeys(verified) if frozenset((found.first, found.second)) not in known
        ]
    return Reviewed(
        tuple(findings), unverified, tuple(f"the reviewer's reply cannot be used: {why}" for why in notes)
    )


def as_findings(reviewed: Reviewed, places: Mapping[str, Place]) -> tuple[Finding, ...]:
    """Each contradiction at the place of the first of its functions, by place; both are named. For `block`.

    `places`: where each `spec.function` was written.
    """
    found = [Finding(place=places[each.first], message=_told(each, places)) for each in reviewed.findings]
    return tuple(
        sorted(found, key=lambda each: (each.place.path, each.place.line, each.place.column, each.message))
    )


def as_notes(reviewed: Reviewed, places: Mapping[str, Place]) -> tuple[str, ...]:
    """The same as lines that end nothing. For `warn`."""
    return tuple(f"{finding} (said by the reviewer)" for finding in as_findings(reviewed, places))


def remarks(reviewed: Reviewed) -> tuple[str, ...]:
    """What else to tell of a review, whether it warns or blocks: replies of no use, and findings nothing bears out."""
    count = reviewed.unverified
    dropped = (
        (f"the reviewer named {count} more that the contracts do not bear out; left out",) if count else ()
    )
    return reviewed.notes + dropped


def _told(found: Contradiction, places: Mapping[str, Place]) -> str:
    first, second = found.first.partition(".")[2], found.second.partition(".")[2]
    if first == second:
        first, second = found.first, found.second
    return (
        f"{first} and {second} contradict each other: {found.why} [{first}: {found.first_quote!r}; "
        f"{second}, {places[found.second]}: {found.second_quote!r}]"
    )


def _groups(sizes: Mapping[str, int]) -> Iterator[frozenset[str]]:
    """Sets of names that fit into one request each; every two names are together in one of them."""
    if len(sizes) < 2:
        return
    if sum(sizes.values()) <= MOST_TOGETHER:
        yield frozenset(sizes)
        return
    blocks: list[list[str]] = [[]]
    for name, size in sizes.items():
        if sum(sizes[other] for other in blocks[-1]) + size > MOST_TOGETHER // 2:
            blocks.append([])
        blocks[-1].append(name)
    for one, other in combinations(blocks, 2):
        yield frozenset((*one, *other))


def _prompt(contracts: Sequence[Contract], shown: Mapping[str, str]) -> str:
    together = contracts[0].model_copy(
        update={
            "types": {name: kind for contract in contracts for name, kind in contract.types.items()},
            "errors": {name: text for contract in contracts for name, text in contract.errors.items()},
            "ports": {name: port for contract in contracts for name, port in contract.ports.items()},
        }
    )
    return prompts.render_prompt(
        "review.md.j2",
        types=render.render_stub_types(together)[:MOST_TYPES],
        contracts=[shown[contract.id] for contract in contracts],
    )


def _render(contract: Contract) -> str:
    """A contract in short."""
    text = prompts.render_prompt(
        "review.contract.md.j2",
        contract=contract,
        signature=render.signature(contract),
        examples=[_example(case) for case in contract.cases[:MOST_EXAMPLES]],
    )
    return text[:MOST_OF_ONE]


def _example(case: Case) -> str:
    outcome = f"raises {case.raises}" if case.raises else f"returns {_json(case.returns)}"
    return f"{one_line(_json(case.given), 300)} {one_line(outcome, 300)}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _folded(text: str) -> str:
    return " ".join(text.split())


def _verified(item: Mapping[str, str], shown: Mapping[str, str]) -> Contradiction | None:
    """A contradiction as it may be told, the earlier function first, if both exist and their passages occur."""
    first, second = _function(item["first"], shown), _function(item["second"], shown)
    if first is None or second is None or first == second:
        return None
    quotes = [_quote(item["first_quote"], shown[first]), _quote(item["second_quote"], shown[second])]
    if quotes[0] is None or quotes[1] is None or quotes[0] == quotes[1]:
        return None  # one and the same sentence cannot contradict itself
    why = one_line(item["why"], 400)
    found = Contradiction(first, quotes[0], second, quotes[1], why)
    if list(shown).index(first) > list(shown).index(second):
        found = Contradiction(second, quotes[1], first, quotes[0], why)
    return found if why else None


def _function(name: str, shown: Mapping[str, str]) -> str | None:
    """`spec.function` of a name as the model writes it; None for one that is not there, or could be two."""
    name = name.strip().strip("`")
    found = [known for known in shown if name in {known, known.partition(".")[2]}]
    return found[0] if len(found) == 1 else None


def _quote(text: str, shown: str) -> str | None:
    folded = _folded(text)
    for quote in (folded, folded.strip("`'\"“”… ")):
        if len(quote) >= LEAST_QUOTED and quote in shown:
            return one_line(quote, 300)
    return None
