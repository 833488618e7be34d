"""How a provider is reached: address, key, headers, proxy, patience. Knows no SDK and no protocol."""

import math
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from pipeline.errors import SettingsError

if TYPE_CHECKING:
    import httpx2

TIMEOUT_SECONDS = 120.0
"""Patience for one reply where the configuration names none."""

Client = TypeVar("Client")

MOST_BYTES = 64 * 1024 * 1024
"""Of a reply."""
MOST_PACKED_BYTES = 256 * 1024
"""Of one that is compressed although nobody asked for it: it can be a thousand times as long."""
MAX_CONCURRENCY = 8
"""Calls under way at once where the configuration names no number."""

OUTAGE_SECONDS = 180.0
"""How long a server may be out of reach, where the configuration does not say, before everybody gives up."""

_ABOUT_THIS_MACHINE = {
    f"x-stainless-{name}" for name in ("arch", "lang", "os", "package-version", "runtime", "runtime-version")
}


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
    """From the question to the last byte of its reply."""
    max_concurrency: int = MAX_CONCURRENCY
    outage_seconds: float = OUTAGE_SECONDS
    ca_bundle: Path | None = None
    """Certificates trusted instead of the usual ones."""
    key: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every question; they win over what an SDK sends under the same name."""
    proxy: str | None = field(default=None, repr=False)
    """None: as the environment says; empty: none, whatever the environment says."""

    @property
    def server(self) -> str:
        """The address as a message may show it: without user, password or query."""
        if self.address is None:
            return "the provider"
        parts = urlsplit(self.address)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()

    @property
    def table(self) -> str:
        """Where the configuration describes it."""
        return f"[tool.drystone.providers.{self.provider}]"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show, the longest first."""
        password = urlsplit(self.proxy).password if self.proxy else None
        values = {self.key or "", password or "", *(value for _, value in self.headers)}
        return tuple(sorted((value for value in values if len(value) >= 8), key=len, reverse=True))

    @property
    def timeout(self) -> "httpx2.Timeout":
        """Patience for a reply, with less of it for a server that does not even pick up."""
        import httpx2

        return httpx2.Timeout(self.timeout_seconds, connect=min(10.0, self.timeout_seconds))


def open_client(connection: Connection, kind: "Callable[..., httpx2.Client]") -> "httpx2.Client":
    """A client of an SDK's own `kind` that goes through the connection's proxy and trusts its certificates.

    Redirects are not followed: a key goes to the address it was meant for. Raises SettingsError.
    """
    options: dict[str, Any] = {"follow_redirects": False}
    if connection.proxy:
        options["proxy"] = connection.proxy
    elif connection.proxy is not None:
        options["trust_env"] = False
    if connection.ca_bundle is not None:
        try:
            options["verify"] = ssl.create_default_context(cafile=connection.ca_bundle)
        except OSError as failure:  # an SSLError is one
            raise SettingsError(
                f"ca_bundle under {connection.table}: {connection.ca_bundle} holds no certificates that can be read "
                f"({failure.strerror or failure})"
            ) from None
    try:
        return kind(**options)
    except ImportError:
        raise SettingsError(
            f"proxy under {connection.table}: a SOCKS proxy needs one more package: pip install socksio"
        ) from None


def prepare(client: "httpx2.Client", connection: Connection) -> "httpx2.Client":
    """Have a client send the connection's headers, and give up on a reply that drips in for too long.

    What an SDK tells about this machine (`x-stainless-os` and the like) is not sent.
    """

    def dress(request: "httpx2.Request") -> None:
        for name in set(request.headers) & _ABOUT_THIS_MACHINE:
            del request.headers[name]
        request.headers["accept-encoding"] = "identity"  # what is not packed cannot burst
        request.headers.update(connection.headers)
        request.extensions["begun"] = time.monotonic()

    def hurry(response: "httpx2.Response") -> None:
        ends = response.request.extensions["begun"] + connection.timeout_seconds
        most = MOST_PACKED_BYTES if response.headers.get("content-encoding") else MOST_BYTES
        response.stream = _hurried(
            cast("httpx2.SyncByteStream", response.stream), ends, most, is_reply=response.is_success
        )

    hooks = client.event_hooks
    client.event_hooks = {
        "request": [*hooks["request"], dress],
        "response": [*hooks["response"], hurry],
    }
    return client


def unasked(client: Client) -> Client:
    """An SDK's client that does not ask the system what it runs on.

    It would start a process, with all of our environment, for a header that is not sent.
    """
    client._platform = "Unknown"  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to tell it
    return client


def recording_client(bodies: list[bytes]) -> "httpx2.Client":
    """A client that keeps the bodies it should send, and answers as a model of either protocol that says nothing."""
    import httpx2

    nothing = {
        "choices": [{"message": {"content": ""}, "finish_reason": "stop"}],
        "content": [],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 0, "output_tokens": 0, "prompt_tokens": 0, "completion_tokens": 0},
    }

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append(request.content)
        return httpx2.Response(200, json=nothing)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def retry_after_seconds(response: "httpx2.Response") -> float | None:
    """How long the server asks to wait, in seconds or until a date; None when it does not say."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = response.headers.get(name, "")
        try:
            seconds = float(value) / unit
        except ValueError:
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _hurried(
    body: "httpx2.SyncByteStream", ends: float, most: int, *, is_reply: bool
) -> "httpx2.SyncByteStream":
    """The body of a response, as long as it comes before `ends` and has at most so many bytes.

    A reply that breaks off is a `BrokenReply`, as it may have been charged; nobody charges for refusals.
    """
    import httpx2

    class BrokenReply(httpx2.TransportError):
        pass

    class Hurried(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            left = most
            try:
                for chunk in body:
                    if time.monotonic() > ends:
                        raise httpx2.ReadTimeout("the reply drips in")
                    left -= len(chunk)
                    if left < 0:
                        raise httpx2.DecodingError(f"the reply has more than {most:,} bytes")
                    yield chunk
            except (httpx2.NetworkError, httpx2.ProtocolError) as failure:
                if not is_reply:
                    raise
                raise BrokenReply(str(failure)) from failure

        def close(self) -> None:
            body.close()

    return Hurried()
