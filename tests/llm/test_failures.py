import httpx2
import pytest

from pipeline.errors import UnavailableError
from pipeline.llm.connection import Connection
from pipeline.llm.failures import reported


@pytest.mark.parametrize("failure", [httpx2.RemoteProtocolError("peer closed"), httpx2.ReadError("reset")])
def test_errors_of_the_network_are_reported_too(failure):
    """What an SDK lets through of the HTTP library below it is a broken connection, not a bug."""
    with (
        pytest.raises(UnavailableError, match="mine:small-1: the connection to the provider broke"),
        reported(Connection(provider="mine"), "small-1"),
    ):
        raise failure


def test_a_reply_that_cannot_be_unpacked_is_a_damaged_one():
    """It came, and may have been charged."""
    with pytest.raises(UnavailableError) as caught, reported(Connection(provider="mine"), "small-1"):
        raise httpx2.DecodingError("invalid block type")

    expected = "damaged"
    assert expected == caught.value.trouble
