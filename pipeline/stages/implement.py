"""Contract -> Accepted or Rejected. One bounded function, asked of a ladder of models, judged before it counts."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline import bounds, prompts, render
from pipeline.bounds.names import allowed_imports
from pipeline.digest import digest_text
from pipeline.llm.port import STOPPED, Message, Reply, Request
from pipeline.records import Clause, Contract, Judgement
from pipeline.reports import Accepted, Attempt, Rejected, Rung
from pipeline.stages.port import Ask

MAX_TOKENS = 8192
"""Of one reply, a reasoning model's thoughts included."""
REPAIRS = 2
MOST_COMPLAINT = 4096
"""Tokens of what a repair says beside the reply it is about, as far as a plan is concerned."""
SAMPLING_TEMPERATURE = 0.8
REPAIR_TEMPERATURE = 0.4


@dataclass(frozen=True, slots=True)
class Step:
    """One candidate, for whoever watches."""

    rung: Rung
    number: int
    refused: str | None = None
    """None while it is being judged, then why it is refused."""


Watch = Callable[[Step], None]
JudgeSource = Callable[[str], Judgement]


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why a reply is refused: for people in one line, and for the model that is to repair it."""

    reason: str
    complaint: str


def first_messages(contract: Contract) -> tuple[str, str]:
    """System and user text of the first request for a contract: what `show-prompt` shows."""
    system = prompts.render_prompt("implementer.system.md.j2", imports=allowed_imports(contract.bounds))
    return system, prompts.render_implementer(contract)


def first_requests(contract: Contract, rung: Rung) -> tuple[Request, ...]:
    """What a rung is asked about a contract whatever it answers: every sample, or the one first question."""
    system, first = first_messages(contract)
    return tuple(_request(rung, system, (Message("user", first),), number) for number in range(rung.samples))


def every_request(contract: Contract, rung: Rung) -> Iterator[tuple[Request, int]]:
    """All that a rung can come to be asked, with how many tokens its repairs can make each prompt longer."""
    for number, request in enumerate(first_requests(contract, rung)):
        yield request, 0
        if rung.samples == 1:
            yield from [
                (replace(request, seed=number + 2 + repair), MAX_TOKENS + MOST_COMPLAINT)
                for repair in range(REPAIRS)
            ]


def _request(rung: Rung, system: str, messages: tuple[Message, ...], number: int) -> Request:
    repaired = REPAIR_TEMPERATURE if len(messages) > 1 else 0.0
    return Request(
        model=rung.entry,
        system=system,
        messages=messages,
        max_tokens=MAX_TOKENS,
        temperature=SAMPLING_TEMPERATURE if rung.samples > 1 else repaired,
        seed=number + 1,
    )


def implement(
    contract: Contract, *, ladder: Sequence[Rung], asks: Mapping[str, Ask], judge: JudgeSource, watch: Watch
) -> Accepted | Rejected:
    """Ask the models of the ladder in turn for the function until one keeps its contract.

    A rung of one sample may repair its answer twice from one counterexample each; a rung of several draws
    independent ones. A failing provider is an exception (`ProviderError`), never an attempt.
    """
    attempts: list[Attempt] = []
    seen: dict[str, _Refused] = {}
    for rung in ladder:
        conversation = _Conversation(contract, rung, asks[rung.entry], seen)
        for number, reply in enumerate(conversation.replies(), start=1):
            watch(Step(rung, number))
            outcome = conversation.consider(reply, judge)
            if isinstance(outcome, Accepted):
                return outcome.model_copy(update={"attempts": tuple(attempts)})
            attempts.append(Attempt(model=rung.entry, reason=outcome))
            watch(Step(rung, number, outcome))
    return Rejected(contract=contract, attempts=tuple(attempts))


@dataclass(frozen=True, slots=True)
class Unfit:
    """A candidate that does not make it: why, for people in one line, and what its author is told."""

    reason: str
    complaint: str


def consider(contract: Contract, rung: Rung, reply: Reply, judge: JudgeSource) -> Accepted | Unfit:
    """What becomes of one reply that nobody asked for; its author is told what a model would be told for a repair."""
    conversation = _Conversation(contract, rung, _nobody, {})
    outcome = conversation.consider(reply, judge)
    if isinstance(outcome, Accepted):
        return outcome
    return Unfit(outcome, conversation.told or outcome)


def _nobody(request: Request) -> Reply:
    raise AssertionError(request)


class _Conversation:
    """One rung's exchange about one contract."""

    def __init__(self, contract: Contract, rung: Rung, ask: Ask, seen: dict[str, _Refused]) -> None:
        self._contract = contract
        self._rung = rung
        self._ask = ask
        self._seen = seen
        """Functions of every rung that were judged, by digest."""
        self._replies: set[str] = set()
        """Texts and functions of this rung."""
        self._system, first = first_messages(contract)
        self._first = Message("user", first)
        self._repair: tuple[Message, ...] = ()
        self._ended = False

    def replies(self) -> Iterator[Reply]:
        """Independent samples, or one answer and its repairs; stops when asking again is no use."""
        several = self._rung.samples > 1
        for number in range(self._rung.samples if several else 1 + REPAIRS):
            if self._ended:
                return
            repaired = () if several else self._repair
            yield self._ask(_request(self._rung, self._system, (self._first, *repaired), number))

    @property
    def told(self) -> str:
        """The last request for a repair; empty if there is none."""
        return self._repair[-1].text if self._repair else ""

    def consider(self, reply: Reply, judge: JudgeSource) -> Accepted | str:
        """The accepted candidate, or in one line why it is refused."""
        if reply.stop != "end":
            why = STOPPED[reply.stop].replace("it ", "the reply ")
            return self._refuse(reply, _unusable(why), said_before=reply.text)
        found = bounds.check_reply(reply.text, self._contract)
        if isinstance(found, bounds.Insufficient):
            self._ended = True
            return f"contract insufficient: {found.reason}"
        if isinstance(found, bounds.Refusal):
            return self._refuse(reply, _unusable(found.reason), said_before=reply.text)
        source = render.render_function(self._contract, found)
        digest = digest_text(source)
        if digest not in self._seen:
            judgement = judge(source)
            if judgement.passed:
                return Accepted(
                    contract=self._contract, source=source, judgement=judgement, model=self._rung.entry
                )
            self._seen[digest] = _broken(judgement, self._contract)
        return self._refuse(reply, self._seen[digest], said_before=digest)

    def _refuse(self, reply: Reply, refused: _Refused, said_before: str) -> str:
        """The reason; an answer that this rung gave before ends it, for asking once more would bring it again."""
        if said_before in self._replies:
            self._ended = self._rung.samples == 1
            return "the same answer as before"
        self._replies.add(said_before)
        repair = prompts.render_prompt(
            "repair.md.j2", complaint=refused.complaint, function=self._contract.function
        )
        self._repair = (Message("assistant", reply.text.strip() or "(empty)"), Message("user", repair))
        return refused.reason


def _unusable(reason: str) -> _Refused:
    return _Refused(reason, f"That reply cannot be used: {reason}.")


def _broken(judgement: Judgement, contract: Contract) -> _Refused:
    worst = min(judgement.failures, key=lambda clause: clause.hidden)
    return _Refused(_one_line(f"{worst.clause}: {worst.message}"), _for_model(worst, contract))


def _one_line(text: str) -> str:
    return "\\n".join(text.split("\n"))


def _for_model(clause: Clause, contract: Contract) -> str:
    """One counterexample of what may be shown; of what is held back, only that there is one."""
    if clause.hidden:
        return "That function breaks its contract on an input that is not shown. Read the contract again, word by word."
    number = re.fullmatch(r"ensures\[(\d+)\]", clause.clause)
    rule = f" (rule: {contract.ensures[int(number[1])].rule})" if number else ""
    return f"That function breaks its contract: {clause.message}{rule}."
