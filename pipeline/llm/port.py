"""What a stage may ask of a model, whatever provider answers."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call. Everything that can change the reply is in here, so a reply can be stored by its question's digest."""

    model: str
    """The provider's own name for the model, without the provider: `gpt-6-luna`."""
    system: str
    """What is the same for every call of a role; it comes first so that providers can cache it."""
    messages: tuple[Message, ...]
    """The conversation, oldest first; it ends with a user message."""
    max_tokens: int
    """Ceiling of the reply, in tokens."""
    schema: dict[str, Any] | None = field(default=None, hash=False)
    """JSON Schema of the reply, in the subset every provider takes; None asks for text."""
    temperature: float | None = None
    """None leaves it to the provider."""
    seed: int | None = None
    """Makes a sampled reply repeatable where the provider can; also tells samples apart."""
    subject: str = field(default="", compare=False)
    """What it is about, for people: `spec.function`, or a spec. Never sent."""
    role: str = field(default="", compare=False)
    """Who is asked, for people: `implementer`. Never sent."""

    def question(self) -> dict[str, Any]:
        """All that can change the reply, as JSON: equal requests are the same question."""
        every = asdict(self)
        return {each.name: every[each.name] for each in fields(self) if each.compare}


Stop = Literal["end", "length", "refusal", "secret"]
"""`secret`: the text held a credential, of which no more than the first characters are left in it."""

STOPPED: dict[Stop, str] = {
    "length": "it is cut off",
    "refusal": "the model refused",
    "secret": "it holds a credential",
}
"""Why a reply that did not end by itself cannot be used."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `stop` is read before `text`: a truncated or refused reply is no candidate."""

    text: str
    stop: Stop
    tokens_in: int
    """Tokens of the prompt that were not served from a cache."""
    tokens_cached: int
    """Tokens of the prompt that were."""
    tokens_out: int
    tokens_written: int = 0
    """Of `tokens_in`, those the provider wrote to its cache and may charge more for."""


class Model(Protocol):
    """A provider's connection. Safe to use from several threads at once."""

    batched: bool = False
    """Whether what it answers is charged at the price of a batch."""

    def ask(self, request: Request) -> Reply:
        """Answer one request, retrying what is worth a retry.

        Raises a `ProviderError` whose message names the model and the next step.
        """
        ...

    def offer(self, request: Request) -> None:  # noqa: ARG002 - most providers need not know
        """Hear of a request that will be asked; nothing is waited for. Of use where people answer."""
        return

    def warm(self) -> None:
        """Do now what would only make the first reply late, where that can be done without asking."""
        return

    def serves(self, name: str) -> bool | None:  # noqa: ARG002 - as above
        """Whether the server serves a model of this name, by asking for nothing that costs; None if it has no say.

        Raises a `ProviderError` where the server cannot be asked.
        """
        return None

    def holds(self, request: Request) -> bool:  # noqa: ARG002 - others answer while they are asked
        """Whether the request was sent before, and its answer need only be fetched: that costs nothing more."""
        return False

    def stored(self, request: Request) -> None:  # noqa: ARG002 - as above
        """Hear that the reply to a request is safely kept."""
        return

    def close(self) -> None:
        """Release what the connection holds; asking afterwards is a bug."""
        ...
