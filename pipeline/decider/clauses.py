"""What a contract's clauses say of one call: the comparison of what was promised with what was observed."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

from pipeline.decider import clock
from pipeline.decider.doubles import Stage
from pipeline.decider.heard import Heard, show_answers, show_calls
from pipeline.digest import digest_json
from pipeline.records import Case, Contract, PortCall
from pipeline.rules import calls_functions, compile_rule, namespace, rule_functions, speaks_of
from pipeline.sandbox import wire
from pipeline.sandbox.port import Call, Observation
from pipeline.showing import show
from pipeline.values import Types

Arguments = tuple[Any, ...]
Observe = Callable[[Sequence[Call]], list[Observation]]

MISSING = object()
"""Stands for a result that must not be looked at."""


class NeedsCodeError(Exception):
    """A rule calls a function of the spec, or speaks of `calls`, and there is no code that could have made them."""


class RuleCallError(Exception):
    """A function that a rule calls did not return."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A clause that one call broke."""

    clause: str
    message: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What a case promises: a value, or the name of an error; and what is asked of ports, if it says so."""

    value: Any = None
    raises: str | None = None
    calls: list[Any] | None = None
    """As rules see them: `("mailer.send", to, body)`."""


class Clauses:
    """The clauses of one contract, ready to be held against observations."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.types = Types(contract.types, contract.ports)
        self.names = [param.name for param in contract.params]
        self.callable = rule_functions(contract)
        """What rules may call -> what it is called in the program."""
        self.observe: Observe | None = None
        """How rules may call the functions of the spec; None where there is no code to call."""
        self._ports = {param.name: param.type for param in contract.params if param.type in contract.ports}
        self._async_callable = {contract.function} if contract.is_async else set()
        self._async_callable |= {
            callee.function.rpartition(".")[2]
            for callee in contract.uses
            if callee.signature.lstrip().startswith("async ")
        }
        calls = {name: self._caller(name) for name in self.callable}
        self._globals = namespace(self.types, calls)
        self._code: dict[str, Any] = {}
        self._speaks_of_calls: set[str] = set()

    def arguments(self, given: dict[str, Any]) -> Arguments:
        """The arguments of a case, decoded; raises ValuesError."""
        return tuple(self.types.decode(param.type, given[param.name]) for param in self.contract.params)

    def expected(self, case: Case) -> Expected:
        """What a case promises, decoded; raises ValuesError."""
        value = None if case.raises else self.types.decode(self.contract.returns, case.returns)
        if case.calls is None:
            return Expected(value, case.raises)
        stage = self.stage(())
        return Expected(
            value, case.raises, [stage.promised(call.method, call.arguments) for call in case.calls]
        )

    def canonical_call(self, call: PortCall) -> PortCall:
        """A promised call of a port with its values in the form every contract stores them in."""
        method = self.stage(()).method(call.method)
        assert method is not None
        values = {
            param.name: self.types.encode(
                param.type, self.types.decode(param.type, call.arguments[param.name])
            )
            for param in method.params
        }
        return call.model_copy(update={"arguments": values})

    def stage(self, arguments: Arguments) -> Stage:
        """What the ports among some arguments begin with: their scripts."""
        scripts = {n: a for n, a in zip(self.names, arguments, strict=False) if n in self._ports}
        calls = frozenset(self.contract.calls)
        return Stage(self._ports, self.contract.ports, self.types, scripts=scripts, calls=calls)

    def call(self, arguments: Arguments) -> Call:
        """The call with these arguments; ports answer by their scripts."""
        if not self._ports:
            wired = tuple(wire.encode(argument, self.types.classes) for argument in arguments)
            return Call(self.contract.function, wired, is_async=self.contract.is_async)
        stage = self.stage(arguments)
        wired = tuple(
            stage.placeholder(name) if name in self._ports else wire.encode(argument, self.types.classes)
            for name, argument in zip(self.names, arguments, strict=True)
        )
        return Call(self.contract.function, wired, stage, is_async=self.contract.is_async)

    def holds(
        self, rule: str, arguments: Arguments, result: Any = MISSING, calls: list[Any] | None = None
    ) -> bool:
        """Whether a rule is true of a call. Raises whatever the rule raises.

        NeedsCodeError where it speaks of what was asked of ports and nobody says.
        """
        if rule not in self._code:
            self._code[rule] = compile_rule(rule, clock.FRAME + rule)
            if self._ports and speaks_of(rule, "calls"):
                self._speaks_of_calls.add(rule)
        scope = dict(zip(self.names, arguments, strict=True))
        if result is not MISSING:
            scope["result"] = result
        if rule in self._speaks_of_calls:
            if calls is None:
                raise NeedsCodeError("calls")
            scope["calls"] = calls
        clock.start()
        try:
            return bool(eval(self._code[rule], {**self._globals, **scope}))  # noqa: S307 - parsed against the whitelist
        finally:
            clock.stop()

    def allowed(self, arguments: Arguments) -> bool:
        """Whether the preconditions hold; a precondition that raises does not."""
        try:
            return all(self.holds(rule.rule, arguments) for rule in self.contract.requires)
        except Exception:  # noqa: BLE001 - a rule may raise anything
            return False

    def must_raise(self, arguments: Arguments) -> str | None:
        """The first error whose condition holds, in the order the spec gives them."""
        for item in self.contract.raises:
            if item.when is not None and self.holds(item.when, arguments):
                return item.error
        return None

    def failures(
        self, arguments: Arguments, observation: Observation, expected: tuple[str, Expected] | None = None
    ) -> Iterator[Failure]:
        """Every clause that one call broke. `expected` is the case the call came from: its name and promise."""
        heard = Heard(self.stage(arguments), observation.asked) if self._ports else None
        if heard is not None and heard.misfit:
            yield Failure("ports", f"{self.text(arguments)} asked for {heard.misfit}")
        if observation.outcome == "lost":
            if heard is None or not heard.misfit:
                clause = f"examples[{expected[0]}]" if expected and heard and heard.refused else "limits"
                yield Failure(clause, f"{self.text(arguments)} {observation.error}")
            return
        value, misfit = self._conform(observation)
        yield from self._modified(arguments, observation)
        if expected is not None:
            yield from self._case(arguments, observation, value, expected, heard)
        try:
            must = self.must_raise(arguments)
        except Exception as error:  # noqa: BLE001 - a rule may raise anything
            trouble = f"{type(error).__name__}: {error}"
            yield Failure("raises", f"a condition under 'raises' fails for {self.text(arguments)}: {trouble}")
            return
        if observation.outcome == "raised":
            yield from self._raised(arguments, observation, must)
            if heard is not None and expected is None and must is None:
                yield from self._swallowed(arguments, observation, heard)
        elif must is not None:
            yield Failure(f"raises[{must}]", self._instead(arguments, observation, f"raise {must}"))
        elif misfit is not None:
            yield Failure("returns", f"{self._told(arguments, observation)}: {misfit}")
        elif heard is None:
            yield from self._returned(arguments, observation, value)
        else:
            if expected is None:
                yield from self._swallowed(arguments, observation, heard)
            if not heard.misfit:
                yield from self._returned(arguments, observation, value, heard.calls)

    def _modified(self, arguments: Arguments, observation: Observation) -> Iterator[Failure]:
        if observation.arguments_after is None:
            return
        before, after = self.call(arguments).arguments, observation.arguments_after
        changed = [
            name for name, old, new in zip(self.names, before, after, strict=False)
            if digest_json(old) != digest_json(new) and name not in self.contract.mutates
        ]  # fmt: skip
        if changed or len(after) != len(before):
            yield Failure(
                "unmodified",
                f"{self.text(arguments)} changed its argument {', '.join(changed)}; work on a copy",
            )

    def _case(
        self,
        arguments: Arguments,
        observation: Observation,
        value: Any,
        case: tuple[str, Expected],
        heard: Heard | None,
    ) -> Iterator[Failure]:
        name, expected = case
        if observation.outcome == "raised":
            kept = observation.error == expected.raises
        else:
            kept = expected.raises is None and value is not MISSING and same(value, expected.value)
        if not kept:
            promised = f"raise {expected.raises}" if expected.raises else f"return {show(expected.value)}"
            yield Failure(f"examples[{name}]", self._instead(arguments, observation, promised))
        elif heard is not None and not heard.misfit:
            for asked, called, wanted in heard.unused():
                message = f"{self.text(arguments)} must ask for {asked} {wanted} times, not {called}"
                yield Failure(f"examples[{name}]", message.replace(" 1 times", " once"))
            if expected.calls is not None and not same(heard.calls, expected.calls):
                promised, told = show_calls(expected.calls), show_calls(heard.calls)
                message = f"{self.text(arguments)} must ask for {promised}, but asked for {told}"
                yield Failure(f"examples[{name}]", message)

    def _swallowed(self, arguments: Arguments, observation: Observation, heard: Heard) -> Iterator[Failure]:
        """An error of a port that must go up, as it came each time, and did not, be it that another one did."""
        free = {item.error for item in self.contract.raises if item.when is None} - {*self.contract.handles}
        always = list(heard.always_raised())
        if observation.error in {error for _, error in always}:
            return
        for asked, error in always:
            if error in free:
                told = f"{self.text(arguments)} {self.happened(observation)}"
                yield Failure("raises", f"{asked} raised {error} each time it was called, and {told}")

    def _raised(self, arguments: Arguments, observation: Observation, must: str | None) -> Iterator[Failure]:
        if must is not None:
            if observation.error != must:
                yield Failure(f"raises[{must}]", self._instead(arguments, observation, f"raise {must}"))
            return
        item = next((item for item in self.contract.raises if item.error == observation.error), None)
        if item is None:
            told = self._told(arguments, observation)
            yield Failure("raises", f"{told}, which its contract does not allow")
        elif item.when is not None:
            yield Failure(
                f"raises[{item.error}]",
                f"{self.text(arguments, observation)} raised {item.error}, but not '{item.when}'",
            )

    def _returned(
        self, arguments: Arguments, observation: Observation, value: Any, calls: list[Any] | None = None
    ) -> Iterator[Failure]:
        for number, rule in enumerate(self.contract.ensures):
            try:
                if self.holds(rule.rule, arguments, value, calls):
                    continue
                because = f"'{rule.rule}' is false"
            except NeedsCodeError:
                raise
            except Exception as error:  # noqa: BLE001 - a rule may raise anything
                because = f"'{rule.rule}' fails with {type(error).__name__}: {error}"
            if calls is not None and self.contract.ensures[number].rule in self._speaks_of_calls:
                because = f"asked for {show_calls(calls)}, and {because}"
            yield Failure(f"ensures[{number}]", f"{self._told(arguments, observation)}, and {because}")

    def _conform(self, observation: Observation) -> tuple[Any, str | None]:
        """The returned value, or MISSING and why it is none of the declared type."""
        if observation.outcome != "returned":
            return MISSING, None
        clock.start()
        try:
            value = wire.decode(observation.value, self.types.classes)
            if isinstance(value, wire.Opaque):
                return MISSING, f"a {value.type_name} is not {self.contract.returns}"
            return self.types.conform(self.contract.returns, value), None
        except Exception as error:  # noqa: BLE001 - whatever it is, unread code made it up
            return MISSING, str(error) or type(error).__name__
        finally:
            clock.stop()

    def text(self, arguments: Arguments, observation: Observation | None = None) -> str:
        """The call as Python text; of an observation, with what ports answered as well."""
        shown = (
            name if name in self._ports else show(argument)
            for name, argument in zip(self.names, arguments, strict=False)
        )
        answers = show_answers(observation.asked, self.types) if observation else ""
        return f"{self.contract.function}({', '.join(shown)})" + (f" with {answers}" if answers else "")

    def _told(self, arguments: Arguments, observation: Observation) -> str:
        return f"{self.text(arguments, observation)} {self.happened(observation)}"

    def _instead(self, arguments: Arguments, observation: Observation, promised: str) -> str:
        return f"{self.text(arguments, observation)} must {promised}, but {self.happened(observation)}"

    def happened(self, observation: Observation) -> str:
        """What came of a call, in words: `returned 3`, `raised TooMany: eleven`."""
        if observation.outcome == "raised":
            text = observation.message
            return f"raised {observation.error}" + (f": {text}" if text else "")
        try:
            return f"returned {show(wire.decode(observation.value, self.types.classes))}"
        except wire.WireError:
            return "returned something that is no plain data"

    def _caller(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if self.observe is None:
                raise NeedsCodeError(name)
            wired = tuple(wire.encode(argument, self.types.classes) for argument in arguments)
            (observation,) = self.observe(
                [Call(self.callable[name], wired, is_async=name in self._async_callable)]
            )
            if observation.outcome != "returned":
                raise RuleCallError(f"{name}({', '.join(map(show, arguments))}) {self.happened(observation)}")
            return wire.decode(observation.value, self.types.classes)

        return call

    def needs_code(self, rule: str) -> bool:
        """Whether a rule cannot be decided without calling a function of the spec."""
        return calls_functions(rule, self.callable)


def same(observed: Any, promised: Any) -> bool:
    """Equal in type and value; floats within 1e-9, as sums of them differ by their order, moments in offset too."""
    if isinstance(promised, float) and isinstance(observed, float):
        return math.isclose(observed, promised, rel_tol=1e-9, abs_tol=1e-12)
    if type(observed) is not type(promised):
        return False
    if is_dataclass(promised):
        return all(same(getattr(observed, f.name), getattr(promised, f.name)) for f in fields(promised))
    if isinstance(promised, list | tuple):
        return len(observed) == len(promised) and all(map(same, observed, promised))
    if isinstance(promised, dict):
        return observed.keys() == promised.keys() and all(
            same(observed[key], promised[key]) for key in promised
        )
    if isinstance(promised, datetime):
        return bool(observed == promised) and observed.utcoffset() == promised.utcoffset()
    return bool(observed == promised)
