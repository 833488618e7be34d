"""Scripts: what the methods of a port answer, call after call, as people and contracts write it and as Python values.

Knows values and their types only; who answers by a script is the decider's business.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.definitions import Method, Port

Problem = tuple[tuple[str | int, ...], str]
"""A path into a script, and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a port: a value, as Python, or the name of an error."""

    value: Any = None
    raises: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """Method -> its answers, one for each call of it in order."""

    replies: Mapping[str, tuple[Reply | None, ...]]
    """None stands for whatever the port's double answers by itself; no contract can say that, only a walk."""
    cycled: bool = False
    """From the beginning again when all were given; otherwise each is given once."""

    def reply(self, method: str, number: int) -> Reply | None:
        """The answer to the call of a method with this number, counted from 0; None where it has none."""
        replies = self.replies.get(method, ())
        if self.cycled and replies:
            number %= len(replies)
        return replies[number] if number < len(replies) else None


def read_script(
    port: Port, written: Any, decode: Callable[[str, Any], Any]
) -> tuple[Script | None, list[Problem]]:
    """A script as it stands in a spec or a contract, `{"send": [{"returns": "id-1"}, {"raises": "MailerDown"}]}`.

    `decode` reads the value of an annotation and raises an error with `problems` when it is none.
    """
    if not isinstance(written, dict):
        return None, [((), "a port is given as a script: its methods, and for each a list of answers")]
    problems: list[Problem] = []
    replies: dict[str, tuple[Reply, ...]] = {}
    for name, answers in written.items():
        method = port.method(name) if isinstance(name, str) else None
        if method is None:
            known = ", ".join(each.name for each in port.methods)
            problems.append(((str(name),), f"the port has no method '{name}'; it has {known}"))
        elif not isinstance(answers, list):
            problems.append(((name,), "a list of answers is wanted, one for each call in order"))
        else:
            replies[name] = _read_replies(method, answers, decode, problems)
    return (None if problems else Script(replies)), problems


def _read_replies(
    method: Method, answers: list[Any], decode: Callable[[str, Any], Any], problems: list[Problem]
) -> tuple[Reply, ...]:
    replies = []
    for number, answer in enumerate(answers):
        at = (method.name, number)
        match answer:
            case {"returns": value, **rest} if not rest:
                try:
                    replies.append(Reply(decode(method.returns, value)))
                except ValueError as error:
                    found = getattr(error, "problems", (((), str(error)),))
                    problems += [((*at, "returns", *path), message) for path, message in found]
            case {"raises": str(error_name), **rest} if not rest:
                if error_name not in method.raises:
                    can = ", ".join(method.raises) or "nothing"
                    problem = f"'{method.name}' does not raise '{error_name}'; it raises {can}"
                    problems.append(((*at, "raises"), problem))
                replies.append(Reply(raises=error_name))
            case _:
                problems.append((at, "an answer is either {returns: value} or {raises: Error}"))
    return tuple(replies)


def write_script(port: Port, script: Script, encode: Callable[[str, Any], Any]) -> dict[str, Any]:
    """A script in its canonical JSON form, methods in the order of the port; `read_script` takes it back."""
    return {
        method.name: [
            {"raises": reply.raises} if reply.raises else {"returns": encode(method.returns, reply.value)}
            for reply in script.replies[method.name]
            if reply is not None
        ]
        for method in port.methods
        if method.name in script.replies
    }
