"""The records of a review: what changed of each function, flow and decision since a git ref. All are frozen."""

from typing import Literal

from pydantic import Field

from pipeline.definitions import Record
from pipeline.records import Behaviour, Isolation, Origin
from pipeline.reports import Spending

Edit = Literal["added", "removed", "changed", "renamed"]
Effect = Literal["loosened", "tightened", "changed"]
"""`loosened`: whoever calls the function may rely on less than before; `tightened`: on no less, and on more; `changed`:
neither can be told for certain."""
Kind = Literal["silent", "removed", "renamed", "contract", "behaviour", "code", "stale", "added"]
"""`silent`: it behaves differently although no clause of the spec changed. `renamed`: it is compared with a function that
is gone, whose code or contract it has. `stale`: its spec changed, and it has not been generated again."""


class ClauseChange(Record):
    """One clause of a contract that is not what it was."""

    clause: str
    """`requires[0]`, `raises[TooMany]`, `ensures[0]`, `examples[ten]`, `types[Amount]`, `decisions[rounding]`, ..."""
    edit: Edit
    effect: Effect
    words: str
    """What that means, in a sentence."""
    origin: Origin = "spec"
    before: str = ""
    after: str = ""
    place: str = ""
    """Where a person wrote it: `specs/money.yaml:12:7`; for what was removed, as of the base."""


class Basis(Record):
    """What the verdict of a function rests on."""

    clauses: int
    """How many were judged; all were kept."""
    cases_of_spec: int
    cases_of_architect: int
    inputs: int
    sandbox: str
    """Level of isolation in which it was judged."""
    model: str
    """Who wrote the function."""


class Explanation(Record):
    """What a model says a function does, from its code alone: it has not seen the contract."""

    text: str
    model: str


class FunctionChange(Record):
    """What changed of one function."""

    function: str
    """`spec.function`."""
    kinds: tuple[Kind, ...]
    """The gravest first."""
    was: str = ""
    """`spec.function` that it perhaps had as its name; empty where it has kept its own."""
    place: str = ""
    """Where the spec has it; for one that was removed, where it had it."""
    why: tuple[str, ...] = ()
    """The chain from what a person wrote to what is different."""
    clauses: tuple[ClauseChange, ...] = ()
    """What was loosened comes first."""
    code_before: str = ""
    code_after: str = ""
    diff: str = ""
    """Unified diff of the code, without the header of its file."""
    behaviour: Behaviour | None = None
    """None where there are no two versions that differ in their code or in what they call."""
    basis: Basis | None = None
    """None where it has no verdict."""
    explanation: Explanation | None = None
    """None without an explainer."""

    @property
    def loosened(self) -> int:
        return sum(change.effect == "loosened" for change in self.clauses)


class FlowChange(Record):
    """What changed of one flow."""

    flow: str
    """`spec.flow`."""
    edit: Edit
    parts: tuple[str, ...] = ()
    """What is not as it was, in words that follow on `the flow ...`: `waits 25 hours in `paid` where it waited 24 hours`."""
    lag: str = ""
    """Why `generated/` has not followed the spec yet; empty where it has."""
    place: str = ""
    picture_before: str = Field(default="", exclude=True)
    """SVG, for the forms of a report that show pictures."""
    picture_after: str = Field(default="", exclude=True)


class DecisionChange(Record):
    """A question that has another answer than before."""

    decision: str
    """`spec.decision`."""
    question: str
    before: str
    """Empty where there was none."""
    after: str
    place: str = ""


class Review(Record):
    """What changed since a git ref, whole."""

    base: str
    """The ref, as it was asked for or chosen."""
    commit: str
    chosen: str = ""
    """Why this one, where nobody named it."""
    headline: str
    """The first line of every form of the report: behaviour that changed although no clause of the spec did."""
    functions: tuple[FunctionChange, ...] = ()
    """What nobody asked for comes first, then what was loosened."""
    flows: tuple[FlowChange, ...] = ()
    decisions: tuple[DecisionChange, ...] = ()
    unchanged: int = 0
    """Functions of which nothing changed."""
    notes: tuple[str, ...] = ()
    spending: Spending | None = None
    """What explanations cost; null if nobody was asked."""
    sandbox: Isolation | None = None
    """What both versions were run in; null if nothing was run."""
