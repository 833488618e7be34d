"""What a flow passes to the parameters of its functions."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.definitions import Method, Param, Port
from pipeline.flows.records import Flow
from pipeline.flows.shape import (
    StepShape,
    commands_of,
    failures_of,
    is_settled,
    later,
    methods_of,
    port_variables,
    shape_of,
    variable_of,
)
from pipeline.records import Contract, Raise

PORTS = {
    "Bank": Port(
        methods=(
            Method(name="pay", raises=("BankDown", "NoMoney")),
            Method(name="balance", returns="int", query=True, raises=("BankDown",)),
            Method(name="close", raises=("Closed",)),
        )
    ),
    "HTTPClient": Port(methods=(Method(name="get", query=True),)),
}
FLOW = Flow(
    name="sale",
    record="Order",
    field="step",
    states=("new", "paid", "sent", "done"),
    initial="new",
    terminal=("done",),
    savepoints=("paid",),
    transitions=(),
)


def contract(
    params: dict[str, str],
    calls: tuple[str, ...] = (),
    handles: tuple[str, ...] = (),
    raises: tuple[Raise, ...] = (),
) -> Contract:
    return Contract(
        spec="shop",
        function="pay",
        summary="Pays.",
        params=tuple(Param(name=name, type=kind) for name, kind in params.items()),
        returns="Order",
        ports={name: port for name, port in PORTS.items() if name in params.values()},
        calls=calls,
        handles=handles,
        raises=raises,
    )


def test_each_parameter_has_one_part() -> None:
    """The record, the clock, ports by parameter; the rest is what whoever calls the flow gives."""
    params = {
        "code": "str",
        "now": "datetime",
        "order": "Order",
        "bank": "Bank",
        "other": "Order",
        "day": "date",
    }
    expected = StepShape(
        record="order",
        clock="now",
        ports={"bank": "Bank"},
        events=(
            Param(name="code", type="str"),
            Param(name="other", type="Order"),
            Param(name="day", type="date"),
        ),
    )
    assert expected == shape_of(contract(params), FLOW)


def test_a_now_of_another_type_is_no_clock() -> None:
    """It is an argument like others."""
    expected = StepShape(record=None, clock=None, ports={}, events=(Param(name="now", type="date"),))
    assert expected == shape_of(contract({"now": "date"}), FLOW)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("Progress", "progress"),
        ("OrderState", "order_state"),
        ("HTTPClient", "http_client"),
        ("Area51Log", "area51_log"),
        ("Order_Line", "order_line"),
    ],
)
def test_variables_are_snake_case(name: str, variable: str) -> None:
    """One word for each hump; capitals that stand together are one word."""
    assert variable == variable_of(name)


def test_ports_have_one_variable_a_type() -> None:
    """Two parameters of one type are one port of the flow."""
    contracts = [contract({"a": "Bank", "b": "Bank"}), contract({"c": "HTTPClient", "d": "Bank"})]
    assert port_variables(contracts) == {"bank": "Bank", "http_client": "HTTPClient"}


def test_failures_are_errors_of_callable_methods_that_go_up() -> None:
    """Neither those it deals with itself nor those of methods it may not call."""
    calls = ("bank.balance", "bank.pay")
    assert list(methods_of(contract({"bank": "Bank"}, calls))) == ["bank.balance", "bank.pay"]
    both = (Raise(error="BankDown"), Raise(error="NoMoney"))
    assert {"BankDown", "NoMoney"} == failures_of(contract({"bank": "Bank"}, calls, raises=both))
    handled = contract({"bank": "Bank"}, calls, handles=("BankDown",), raises=both[1:])
    assert {"NoMoney"} == failures_of(handled)
    assert set() == failures_of(contract({"bank": "Bank"}, raises=both))


def test_commands_are_what_may_be_called_and_is_no_query() -> None:
    """A query has no effect."""
    assert commands_of(contract({"bank": "Bank"}, ("bank.balance", "bank.pay"))) == ("bank.pay",)


@pytest.mark.parametrize(
    ("state", "settled"), [("new", False), ("paid", True), ("sent", False), ("done", True)]
)
def test_savepoints_and_ends_keep_what_was_done(state: str, *, settled: bool) -> None:
    """Nothing before them is undone."""
    assert settled == is_settled(FLOW, state)


def test_a_wait_beyond_the_calendar_is_over_at_its_end() -> None:
    """So that `datetime.max` may stand for never."""
    late = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    assert later(late, timedelta(minutes=5)) == late + timedelta(minutes=5)
    assert later(late, timedelta(hours=1)) == datetime.max.replace(tzinfo=UTC)
