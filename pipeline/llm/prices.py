"""What models charge, from the list that genai-prices brings along. Nothing is ever fetched; the list's only home."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from pipeline.llm.port import Reply
from pipeline.llm.providers import ProviderSettings
from pipeline.llm.registry import HANDOFF, LOCAL, MCP

_MILLION = 1_000_000


def _no_switch(value: Any) -> Any:
    if isinstance(value, bool):  # which Python takes for 0 or 1
        raise PydanticCustomError("number", "input should be a number, not true or false")
    return value


Number = BeforeValidator(_no_switch)
"""Of a field: it takes neither `true` nor `false`."""


class PriceSettings(BaseModel):
    """`[tool.drystone.budget.prices.NAME]`: USD for a million tokens. NAME is an entry, or a provider for all its models."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    input: Annotated[float, Number] = Field(ge=0, allow_inf_nan=False)
    """Of a prompt."""
    output: Annotated[float, Number] = Field(ge=0, allow_inf_nan=False)
    """Of a reply."""
    cached: Annotated[float | None, Number] = Field(default=None, ge=0, allow_inf_nan=False)
    """Of a prompt's tokens that came from a cache; left out, they cost what others do."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call is charged for."""

    fresh: int
    """Of the prompt, not from a cache; those written to it included."""
    cached: int
    out: int
    written: int = 0
    """Of the fresh ones, written to a cache; some providers charge more for them."""

    @classmethod
    def of(cls, reply: Reply) -> "Tokens":
        written = min(reply.tokens_written, reply.tokens_in)
        return cls(reply.tokens_in, reply.tokens_cached, reply.tokens_out, written)


class Tariff(Protocol):
    """What one model charges."""

    def usd(self, tokens: Tokens, *, batched: bool) -> Decimal:
        """The price of one call, through a batch or not."""
        ...


@dataclass(frozen=True, slots=True)
class OwnTariff:
    """Prices as configured; those who write them down know of batches what they know."""

    prices: PriceSettings

    def usd(self, tokens: Tokens, *, batched: bool) -> Decimal:  # noqa: ARG002 - as said above
        own = self.prices
        cached = own.input if own.cached is None else own.cached
        charged = ((tokens.fresh, own.input), (tokens.cached, cached), (tokens.out, own.output))
        return sum((count * Decimal(str(usd)) for count, usd in charged), Decimal(0)) / _MILLION


@dataclass(frozen=True, slots=True)
class ListedTariff:
    """A model of the list. A batch costs what the list says of batches, and the full price where it says nothing."""

    model: str
    provider: str | None
    """The list's name for the provider; None where the address says who it is."""
    address: str | None

    def usd(self, tokens: Tokens, *, batched: bool) -> Decimal:
        from genai_prices import Usage
        from genai_prices.data_snapshot import get_snapshot

        usage = Usage(
            input_tokens=tokens.fresh + tokens.cached,
            cache_read_tokens=tokens.cached,
            cache_write_tokens=tokens.written,
            output_tokens=tokens.out,
        )
        context = {"processing": "batch"} if batched else None
        return get_snapshot().calc(usage, self.model, self.provider, self.address, None, context).total_price

    def is_known(self) -> bool:
        """Whether the list has the model, with a price for what goes in and for what comes out."""
        try:
            return self.usd(Tokens(_MILLION, 0, 0), batched=False) >= 0 and self._names_both_prices()
        except (LookupError, ValueError):
            return False

    def _names_both_prices(self) -> bool:
        from datetime import UTC, datetime

        from genai_prices.data_snapshot import get_snapshot

        _, found = get_snapshot().find_provider_model(self.model, None, self.provider, self.address)
        prices = found.get_prices(datetime.now(UTC))
        return prices.input_mtok is not None and prices.output_mtok is not None


FREE = OwnTariff(PriceSettings(input=0, output=0))


def find_tariff(
    entry: str,
    providers: Mapping[str, ProviderSettings],
    own: Mapping[str, PriceSettings],
    environ: Mapping[str, str] = os.environ,
) -> Tariff | None:
    """What an entry charges; None where nobody knows.

    What is configured wins. The embedded model and people cost nothing. A server with an address is looked up by it,
    never by the name of its model alone: who else serves it sets another price.
    """
    provider, _, model = entry.partition(":")
    configured = own.get(entry) or own.get(provider)
    if configured is not None:
        return OwnTariff(configured)
    if provider in {LOCAL, HANDOFF, MCP}:
        return FREE
    settings = providers.get(provider)
    address = settings.base_url if settings else environ.get(f"{provider.upper()}_BASE_URL") or None
    seller = None if address else (settings.protocol if settings else provider)
    listed = ListedTariff(model, seller, address)
    return listed if listed.is_known() else None


def usd_at_most(tariff: Tariff, tokens_in: int, tokens_out: int, *, batched: bool) -> Decimal:
    """The price of a call whose prompt is as dear as it can be: none of it from a cache, or all, or all written to one."""
    prompts = ((tokens_in, 0, 0), (0, tokens_in, 0), (tokens_in, 0, tokens_in))
    return max(
        tariff.usd(Tokens(fresh, cached, tokens_out, written), batched=batched)
        for fresh, cached, written in prompts
    )
