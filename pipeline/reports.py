"""What a run does about the functions of its specs, as records that flow to whoever prints them. All are frozen."""

from typing import Literal

from pipeline.definitions import Record
from pipeline.records import Contract, Finding, Isolation, Judgement, Place


class Rung(Record):
    """One step of the ladder: a model and how many independent samples it may give."""

    entry: str
    """`provider:model`."""
    samples: int = 1


class Attempt(Record):
    """One candidate that did not make it, and why, in one line."""

    model: str
    reason: str


class Accepted(Record):
    """A candidate that keeps its contract, as it will land."""

    contract: Contract
    source: str
    judgement: Judgement
    model: str
    attempts: tuple[Attempt, ...] = ()
    """What was refused before it."""


class Rejected(Record):
    """The ladder of models is used up, or the contract was called insufficient."""

    contract: Contract
    attempts: tuple[Attempt, ...]


Action = Literal[
    "fresh", "stale", "edited", "planned", "landed", "changed", "held", "waiting", "failed", "blocked"
]
"""`changed`: accepted but not written, because only the difference was asked for. `held`: accepted but not written,
because its spec lands whole or not at all. `waiting`: a person has not answered yet, or nobody
may be asked. `blocked`: a callee failed.
`edited`: a person's change, or a file that is not drystone's, is in the way."""


class Most(Record):
    """What calls can come to: every prompt, every reply as long as it may be, every repair, nothing from a cache."""

    tokens: int
    usd: float
    """Of the models whose price is known."""
    unpriced_tokens: int
    """Of the models whose price is not."""

    @property
    def free(self) -> bool:
        """Whether nobody takes money for it: the embedded model, people, servers whose price is said to be 0."""
        return not self.usd and not self.unpriced_tokens


class FunctionReport(Record):
    """What a run did about one function."""

    function: str
    """`spec.function`."""
    action: Action
    place: Place | None = None
    """Where its spec says it, as far as that is told."""
    reasons: tuple[str, ...] = ()
    """Why it was not fresh, or what it waits for."""
    model: str | None = None
    attempts: tuple[Attempt, ...] = ()
    refused_proposals: tuple[str, ...] = ()
    """What the architect proposed and the person's words did not bear out."""
    calls: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    prompt_tokens_estimate: int | None = None
    """Of the first implementer prompt, when only the plan was asked for."""
    most: Most | None = None
    """What the architect and the whole ladder can come to, when only the plan was asked for."""


class FlowReport(Record):
    """What a run did about one flow."""

    flow: str
    """`spec.flow`."""
    action: Action
    place: Place | None = None
    """Where its spec says it, as far as that is told."""
    reasons: tuple[str, ...] = ()
    """Why it was not fresh, or what its functions broke together."""
    walks: int = 0
    counterexample: str | None = None
    """The shortest walk that breaks it, as a scenario to paste into the spec."""


class Spent(Record):
    """What the calls about one subject cost."""

    subject: str
    """`spec.function`; or a spec and who was asked about the whole of it: `spec (reviewer)`."""
    calls: int = 0
    """Those that were answered, and paid for where the model costs anything."""
    stored: int = 0
    """Questions whose answer was in the store; they cost nothing and are in no other number."""
    lost: int = 0
    """Calls without a whole reply that may have been charged all the same; they count with the most they can cost."""
    attempts: int = 0
    """Of the calls, those that asked for a candidate."""
    tokens_in: int = 0
    """Of prompts, not from a provider's cache."""
    tokens_cached: int = 0
    """Of prompts, from a provider's cache."""
    tokens_out: int = 0
    usd: float = 0.0
    """Of the calls whose price is known."""
    unpriced_tokens: int = 0
    """In and out, of models whose price nobody knows: not in `usd`."""


class Spending(Record):
    """What a run cost."""

    subjects: tuple[Spent, ...] = ()
    total: Spent
    unpriced: tuple[str, ...] = ()
    """The models whose price nobody knows."""


class Tried(Record):
    """What one model made of one contract."""

    function: str
    """`spec.function`."""
    model: str
    sample: int = 1
    kept: bool
    """Whether one of its candidates keeps the contract."""
    attempts: int
    """How many candidates it took, or how many were refused."""
    reason: str = ""
    """Why the first one was refused, if none was accepted."""
    behaviour: str = ""
    """Digest of what the accepted one answers; equal for functions that behave alike on every input tried."""
    like: Literal["landed", "majority", "neither", "unknown"] = "unknown"
    """Whether it behaves as the function that has landed, or where none has, as most of the accepted ones do."""


class Compared(Record):
    """How one model did on all contracts it was asked about."""

    model: str
    tried: int
    kept_at_once: int
    """By the first candidate."""
    kept: int
    """By the first candidate or a repair of it."""
    agreed: int
    """Of those kept, how many behave like the landed function, or like the majority where none has landed."""
    comparable: int
    """Of those kept, for how many there is something to compare with."""
    calls: int
    """Replies, in the store before or not; what this run itself paid is in `spending`."""
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    usd: float | None
    """What these replies cost, at the full price; null where the price is not known."""
    median_seconds: float | None
    """For a reply, as it was waited for; null where the store answered everything."""
    p90_seconds: float | None


class Comparison(Record):
    """How models do on one's own contracts. Nothing of it lands."""

    models: tuple[Compared, ...]
    tries: tuple[Tried, ...]


class Report(Record):
    """What a run found and did, whole."""

    functions: tuple[FunctionReport, ...] = ()
    flows: tuple[FlowReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    """Files written or removed beside the functions, and whatever else a person may want to know."""
    strangers: tuple[str, ...] = ()
    """Files in `generated/` that belong to no function of the specs, each with what to do about it."""
    models: tuple[str, ...] = ()
    """Who would be asked, when only the plan was asked for; empty if everything is fresh."""
    most: Most | None = None
    """What all of them can come to, reviews and open decisions included, when only the plan was asked for."""
    ceilings: str = ""
    """Those in force, for people, when only the plan was asked for."""
    diff: str = ""
    """Unified diff of what would be written, when only that was asked for."""
    comparison: Comparison | None = None
    """How models did, when only that was asked for."""
    spending: Spending | None = None
    """What was asked and what it cost, failures included; null if nobody was asked."""
    sandbox: Isolation | None = None
    """What unread code was kept in; None if nothing was judged."""
