"""How a provider is reached: address, key, patience. Knows no SDK and no protocol."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

LONGEST_WAIT_SECONDS = 120.0
"""A server that asks for a longer pause is reported instead of waited for."""

TIMEOUT_SECONDS = 120.0
"""Patience for one reply where the configuration names none."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What an adapter connects with, and what a failure message must name."""

    provider: str
    """The name before the colon of an entry: `openai`, or one from the configuration."""
    address: str | None = None
    """Base URL; None for the provider's own."""
    key_variable: str | None = None
    """Environment variable the key came from; None when the server is given no key."""
    timeout_seconds: float = TIMEOUT_SECONDS
    max_retries: int = 4
    """How often the SDK repeats a call that failed in passing; nothing else in this project repeats it."""
    key: str | None = field(default=None, repr=False)

    @property
    def server(self) -> str:
        """The address as a message may show it: without user, password or query."""
        if self.address is None:
            return "the provider"
        parts = urlsplit(self.address)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()

    @property
    def timeout(self) -> "httpx2.Timeout":
        """Patience for a reply, with less of it for a server that does not even pick up."""
        import httpx2

        return httpx2.Timeout(self.timeout_seconds, connect=min(10.0, self.timeout_seconds))


def limit_waiting(http_client: "httpx2.Client") -> None:
    """Make a pause longer than `LONGEST_WAIT_SECONDS` an answer instead of a reason to sleep.

    For an SDK that sleeps for as long as the server asks, but obeys `x-should-retry`.
    """
    hooks = http_client.event_hooks
    http_client.event_hooks = {**hooks, "response": [*hooks.get("response", []), _refuse_long_pause]}


def retry_after_seconds(response: "httpx2.Response") -> float | None:
    """How long the server asks to wait; None when it does not say."""
    value = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _refuse_long_pause(response: "httpx2.Response") -> None:
    wait_seconds = retry_after_seconds(response)
    if response.status_code >= 400 and wait_seconds is not None and wait_seconds > LONGEST_WAIT_SECONDS:
        response.headers["x-should-retry"] = "false"
