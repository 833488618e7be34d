"""Generated answers of ports: scripts that go on for ever, some of a port that works and some of one that fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

from pipeline.definitions import Method
from pipeline.records import Contract
from pipeline.scripts import Reply, Script

_MOST = 3
"""Answers of one method before they begin again."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A method of a port that always raises one of its errors."""

    asked: str
    """`mailer.send`."""
    error: str


def callable_methods(contract: Contract) -> dict[str, dict[str, Method]]:
    """Parameter -> the methods that the function may call of the port it holds."""
    return {
        param: {method.name: method for method in port.methods if f"{param}.{method.name}" in contract.calls}
        for param, port in contract.port_params.items()
    }


def failings(contract: Contract) -> Iterator[Failing]:
    """Every way in which what a function may ask of its ports may fail."""
    for param, methods in callable_methods(contract).items():
        for method in methods.values():
            for error in method.raises:
                yield Failing(f"{param}.{method.name}", error)


def scripts(
    contract: Contract,
    param: str,
    values_of: Callable[[str], st.SearchStrategy[object]],
    failing: Failing | None,
) -> st.SearchStrategy[Script]:
    """Scripts for the port in one parameter; `failing` makes one of its methods fail, and all the others work."""
    replies = {}
    for name, method in callable_methods(contract)[param].items():
        succeed = values_of(method.returns).map(Reply)
        if failing is None:
            replies[name] = _replies(succeed, method)
        elif failing.asked == f"{param}.{name}":
            replies[name] = st.just((Reply(raises=failing.error),))
        else:
            replies[name] = _some_of(succeed)
    names = list(replies)
    return st.tuples(*replies.values()).map(
        lambda found: Script(dict(zip(names, found, strict=True)), cycled=True)
    )


def _replies(succeed: st.SearchStrategy[Reply], method: Method) -> st.SearchStrategy[tuple[Reply, ...]]:
    if not method.raises:
        return _some_of(succeed)
    fail = st.sampled_from(method.raises).map(lambda error: Reply(raises=error))
    always = fail.map(lambda reply: (reply,))
    return st.one_of(_some_of(succeed), _some_of(succeed), always, _some_of(succeed | fail))


def _some_of(reply: st.SearchStrategy[Reply]) -> st.SearchStrategy[tuple[Reply, ...]]:
    return st.lists(reply, min_size=1, max_size=_MOST).map(tuple)
