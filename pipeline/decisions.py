"""What was chosen where a spec left it open: what stands, its way into contracts, and `decisions.json`, where people review it."""

import json
from collections.abc import Iterable
from typing import Literal

from pydantic import ValidationError

from pipeline.contract_file import is_edited
from pipeline.definitions import Record
from pipeline.digest import digest_json, render_json
from pipeline.records import Contract, DecisionRecord, Place, Spec

FILE = "decisions.json"


class Choice(Record):
    """One answer to a question of a spec, as it was put."""

    name: str
    """Of the decision."""
    home: str
    """The spec that asks; `_shared` for a question of many."""
    question: str
    choice: str
    meaning: str
    by: Literal["person", "architect"]
    reason: str | None = None
    """Why the architect chose so."""
    asked: str
    """Digest of question and options: the answer counts only as long as these are the same."""


class _File(Record):
    decisions: Literal[1] = 1
    """Version of this format."""
    spec: str
    choices: dict[str, dict[str, str]]
    """Name of the decision -> the fields of a choice, without what stands elsewhere."""
    asked: dict[str, str]
    seal: str


class DecisionsFileError(ValueError):
    """A text that is not as drystone wrote it; the message names the file and what to do."""


def choose(decision: DecisionRecord, choice: str, reason: str) -> Choice:
    """The architect's answer to a decision, one of its options."""
    return Choice(
        name=decision.name,
        home=decision.home,
        question=decision.question,
        choice=choice,
        meaning=decision.options[choice],
        by="architect",
        reason=reason,
        asked=_asked(decision),
    )


def open_decisions(spec: Spec, choices: Iterable[Choice] = ()) -> tuple[DecisionRecord, ...]:
    """The decisions of a spec that nobody has made, neither in the spec nor among `choices`."""
    known = tuple(choices)
    return tuple(each for each in spec.decisions if each.choice is None and _standing(each, known) is None)


def with_choices(spec: Spec, choices: Iterable[Choice]) -> Spec:
    """A spec whose contracts hold the answers to its open decisions, each with the reason.

    Of two that answer the same question the first counts, so that a question of many specs has one answer. What a
    person chose in the spec stays, whatever was chosen before.
    """
    known = tuple(choices)
    standing = {
        decision.name: found
        for decision in spec.decisions
        if decision.choice is None and (found := _standing(decision, known))
    }
    functions = tuple(
        function.model_copy(update={"contract": _filled(function.contract, standing)})
        for function in spec.functions
    )
    return spec.model_copy(update={"functions": functions}) if standing else spec


def render_decisions(spec: Spec, recorded: Iterable[Choice]) -> str | None:
    """A spec's decisions as they land: every one that is made, and by whom; None if there is none."""
    known = tuple(recorded)
    made = [_chosen_by_person(each) if each.choice else _standing(each, known) for each in spec.decisions]
    if not any(made):
        return None
    choices = {each.name: each for each in made if each}
    document = {
        "decisions": 1,
        "spec": spec.name,
        "choices": {
            name: each.model_dump(exclude={"name", "asked"}, exclude_none=True)
            for name, each in choices.items()
        },
        "asked": {name: each.asked for name, each in choices.items()},
    }
    return render_json({**document, "seal": digest_json(document)})


def parse_decisions(path: str, text: str) -> tuple[Choice, ...]:
    """What a file says was chosen, by name. Whether it still counts, the spec decides.

    Raises DecisionsFileError for a file that a person changed, or that is another's.
    """
    try:
        document = json.loads(text)
        json.dumps(document, ensure_ascii=False).encode()  # half a character could not be written again
        file = _File.model_validate(document)
        choices = tuple(
            Choice.model_validate({**fields, "name": name, "asked": file.asked.get(name)})
            for name, fields in file.choices.items()
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DecisionsFileError(f"{path}: {where}: {first['msg']}; {_WAY_OUT}") from None
    except json.JSONDecodeError as error:
        place = Place(path=path, line=error.lineno, column=error.colno)
        raise DecisionsFileError(f"{place}: {error.msg}; {_WAY_OUT}") from None
    except (ValueError, RecursionError):
        raise DecisionsFileError(f"{path}: holds no decisions; {_WAY_OUT}") from None
    if is_edited(text):
        raise DecisionsFileError(f"{path}: edited by hand; {_WAY_OUT}")
    return choices


_WAY_OUT = "your own answer belongs into the spec: put `choose:` under the decision there, then restore or delete this file"


def _asked(decision: DecisionRecord) -> str:
    return digest_json([decision.question, decision.options])


def _standing(decision: DecisionRecord, choices: Iterable[Choice]) -> Choice | None:
    """The recorded answer to a question, if it was this question."""
    wanted = decision.home, decision.name, _asked(decision)
    return next(
        (
            each
            for each in choices
            if each.by == "architect"
            and (each.home, each.name, each.asked) == wanted
            and each.choice in decision.options
        ),
        None,
    )


def _chosen_by_person(decision: DecisionRecord) -> Choice:
    assert decision.choice is not None
    return choose(decision, decision.choice, "").model_copy(update={"by": "person", "reason": None})


def _filled(contract: Contract, standing: dict[str, Choice]) -> Contract:
    decisions = tuple(
        each.model_copy(update={"choice": made.choice, "meaning": made.meaning, "reason": made.reason})
        if (made := standing.get(each.name))
        else each
        for each in contract.decisions
    )
    return contract.model_copy(update={"decisions": decisions})
