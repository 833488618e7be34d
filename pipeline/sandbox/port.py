"""What the judge may ask of a sandbox: load a program, call it with plain data, observe what comes back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Level = Literal["process", "kernel"]
"""How far unread code is kept apart: `process` is a limited child with a bare environment, `kernel` is enforced."""


@dataclass(frozen=True, slots=True)
class Limits:
    call_cpu_seconds: float = 2.0
    """Processor time of one call, where the sandbox can tell."""
    batch_wall_seconds: float = 60.0
    """How long a child may be silent, and a batch take besides what its calls may; generous: machines are shared."""
    memory_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Program:
    """The modules a candidate needs: `types`, its callees, itself."""

    modules: Mapping[str, str]
    """Module -> source, in the order in which they are loaded: `apply_tax` of the package itself, `money.types` of a
    package beside it."""
    limits: Limits = Limits()
    package: str = "generated.spec"
    """Dotted name of the package they are loaded as; the one they will have, or code could tell the difference."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a port's method does when it is called: returns a value as tagged JSON, or raises an error of the spec."""

    value: Any = None
    raises: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a port's method, as it was answered."""

    method: str
    """`mailer.send`: the parameter that holds the port, and the method."""
    arguments: tuple[Any, ...]
    """As tagged JSON, in the order of the method's parameters. Nothing in here is trusted."""
    answer: Answer | None
    """None: it must not be made, and the call was lost."""


class Double(Protocol):
    """Stands in for the ports of one call. It lives in the decider; unread code only sees its answers."""

    refusal: str
    """Why the last call had no answer, as it goes on after "asked for mailer.send"."""

    def answer(self, method: str, arguments: tuple[Any, ...]) -> Answer | None:
        """What becomes of a call of `mailer.send`; None for one that must not be made: the call is lost."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as tagged JSON (see `wire`). A port's argument is `{"$": "port", ...}`."""

    function: str
    """`apply_tax`, or `money.apply_tax` for one of a package beside the program's own."""
    arguments: tuple[Any, ...]
    double: Callable[[], Double] | None = None
    """Makes a double of the ports among its arguments, afresh each time the call is made."""
    is_async: bool = False
    """The function must be async, and is driven to its end; it may wait for its ports alone."""


Outcome = Literal["returned", "raised", "lost"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one call did. Nothing in here is trusted: it is what unread code made its process say."""

    outcome: Outcome
    value: Any = None
    """The returned value as tagged JSON."""
    error: str = ""
    """Name of the raised exception, bare for built-in ones and the spec's own, or why the call was lost."""
    message: str = ""
    arguments_after: tuple[Any, ...] | None = None
    """The arguments after the call, if it changed any."""
    asked: tuple[Asked, ...] = ()
    """What it asked of its ports, in order; recorded where they were answered, not where they were asked."""


class Session(Protocol):
    """One process that holds one program."""

    def observe(self, calls: Sequence[Call]) -> list[Observation]:
        """One observation a call, in order. Once a call is lost, so is everything after it."""
        ...

    def close(self) -> bool:
        """End the process; True if it ended cleanly, having said nothing but its observations."""
        ...


class Sandbox(Protocol):
    level: Level
    layers: tuple[str, ...]
    """The locks in force, by name."""

    @property
    def processes(self) -> Sequence[int]:
        """Ids of the servers that start what runs a program; none where there are no servers."""
        return ()

    def open(self, program: Program, *, hash_seed: int) -> Session:
        """Start a fresh process and load the program in it.

        A program that does not load is an observation ("lost") of its first call, not an error. Raises
        SandboxError if the process cannot be started at all.
        """
        ...

    def close(self) -> None:
        """End everything that was started for sessions."""
        ...
