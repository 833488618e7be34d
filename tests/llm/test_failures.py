import httpx2
import pytest
from pydantic import BaseModel

from pipeline.errors import UnavailableError
from pipeline.llm.connection import Connection
from pipeline.llm.failures import reported


class _Record(BaseModel):
    id: str


@pytest.mark.parametrize("failure", [httpx2.RemoteProtocolError("peer closed"), httpx2.ReadError("reset")])
def test_errors_of_the_network_are_reported_too(failure):
    """What an SDK lets through of the HTTP library below it is a broken connection, not a bug."""
    with (
        pytest.raises(UnavailableError, match="mine:small-1: the connection to the provider broke"),
        reported(Connection(provider="mine"), "small-1"),
    ):
        raise failure


def test_a_body_that_is_no_json_is_told_without_a_place():
    """Of a record that cannot be read at all there is no field to name."""
    with (
        pytest.raises(UnavailableError, match="reply cannot be used: Invalid JSON"),
        reported(Connection(provider="mine"), "small-1"),
    ):
        _Record.model_validate_json("{")


def test_a_reply_that_cannot_be_unpacked_is_a_damaged_one():
    """It came, and may have been charged."""
    with pytest.raises(UnavailableError) as caught, reported(Connection(provider="mine"), "small-1"):
        raise httpx2.DecodingError("invalid block type")

    expected = "damaged"
    assert expected == caught.value.trouble
