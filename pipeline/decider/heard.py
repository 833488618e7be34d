"""What one call asked of its ports: held against the methods, as rules see it, and in words."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.decider.doubles import Stage
from pipeline.sandbox import wire
from pipeline.sandbox.port import Answer, Asked
from pipeline.showing import show
from pipeline.values import Types

_MOST_TOLD = 3


class Heard:
    """The calls of ports that one call made, checked. What unread code passed to them is looked at here alone."""

    def __init__(self, stage: Stage, asked: Sequence[Asked]) -> None:
        self._stage = stage
        self._asked = asked
        self.misfit = ""
        """The first call that no port takes, and why; empty if all are sound."""
        self.calls: list[tuple[Any, ...]] = []
        """As rules see them, `("mailer.send", to, body)`; up to the first that is unsound."""
        for each in asked:
            method, problem = stage.method(each.method), stage.forbidden(each.method, each.arguments)
            found = stage.conformed(method, each.arguments) if method and not problem else problem
            if isinstance(found, str):
                self.misfit = f"{each.method}{found}"
                return
            self.calls.append((each.method, *found.values()))

    @property
    def refused(self) -> bool:
        """Whether its last call was one for which its script had no answer left."""
        return not self.misfit and bool(self._asked) and self._asked[-1].answer is None

    def unused(self) -> Iterator[tuple[str, int, int]]:
        """Methods that were called less often than their scripts say: how often, and how often they say."""
        for param, script in self._stage.scripts.items():
            for name, replies in script.replies.items():
                called = sum(each.method == f"{param}.{name}" for each in self._asked)
                if called < len(replies):
                    yield f"{param}.{name}", called, len(replies)

    def always_raised(self) -> Iterator[tuple[str, str]]:
        """Methods that were called and raised the same error each time."""
        answers: dict[str, set[str | None]] = {}
        for each in self._asked:
            answers.setdefault(each.method, set()).add(each.answer.raises if each.answer else None)
        for method, raised in answers.items():
            (error, *others) = raised
            if error is not None and not others:
                yield method, error


def show_calls(calls: Sequence[tuple[Any, ...]]) -> str:
    """Calls of ports as Python text: `mailer.send('a@b.c', 'Hello'), then clock.read()`."""
    shown = [f"{method}({', '.join(map(show, arguments))})" for method, *arguments in calls[:_MOST_TOLD]]
    more = [f"{len(calls) - _MOST_TOLD} more"] if len(calls) > _MOST_TOLD else []
    return ", then ".join(shown + more) or "nothing"


def show_answers(asked: Sequence[Asked], types: Types) -> str:
    """What ports answered, as far as that matters: `mailer.send raising MailerDown, clock.read returning 3`."""
    answers: dict[str, list[str]] = {}
    for each in asked:
        if each.answer is not None:
            answers.setdefault(each.method, []).append(_show_answer(each.answer, types))
    return ", ".join(
        f"{method} {', then '.join(_shortened(told))}"
        for method, told in answers.items()
        if set(told) != {"returning None"}
    )


def _show_answer(answer: Answer, types: Types) -> str:
    if answer.raises is not None:
        return f"raising {answer.raises}"
    return f"returning {show(wire.decode(answer.value, types.classes))}"


def _shortened(told: list[str]) -> list[str]:
    if len(set(told)) == 1:
        return told[:1]
    return told[:_MOST_TOLD] + ["..."] * (len(told) > _MOST_TOLD)
