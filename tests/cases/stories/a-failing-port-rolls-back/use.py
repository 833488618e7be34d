"""The runner of the flow, with a port that fails at every step in turn: what was done is undone, in reverse."""

from datetime import UTC, datetime

from trip.flows import Booking
from trip.types import AirlineDown, BankDown, HotelDown, State, Trip

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """Every port at once; notes what is asked and fails where it is told to."""

    def __init__(self, failing: str, error: type[Exception]) -> None:
        self.failing, self.error, self.asked = failing, error, []

    def port(self, name: str) -> "Port":
        return Port(self, name)


class Port:
    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    def __getattr__(self, method: str):
        def call(argument: object) -> None:
            self.world.asked.append(f"{self.name}.{method}")
            if f"{self.name}.{method}" == self.world.failing:
                raise self.world.error

        return call


def book(failing: str, error: type[Exception]) -> tuple[Trip, list[str]]:
    world = World(failing, error)
    ports = {name: world.port(name) for name in ("airline", "hotel", "bank")}
    flow = Booking(Trip(State.PLANNED, "Rome", None, None), now=NOW, **ports)
    try:
        flow.take_seat(now=NOW)
        flow.take_room(now=NOW)
        flow.pay(now=NOW)
    except error:
        pass
    return flow.trip, world.asked


PLANNED = Trip(State.PLANNED, "Rome", None, None)
assert book("airline.take", AirlineDown) == (PLANNED, ["airline.take"])
assert book("hotel.take", HotelDown) == (PLANNED, ["airline.take", "hotel.take", "airline.give"])
assert book("bank.pay", BankDown) == (
    PLANNED,
    ["airline.take", "hotel.take", "bank.pay", "hotel.give", "airline.give"],
)
assert book("nothing", OSError)[0].state == State.BOOKED
