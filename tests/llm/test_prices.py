"""What models charge, from the list that is installed and from one's own configuration."""

import socket
from decimal import Decimal

import pytest

from pipeline.llm.port import Reply
from pipeline.llm.prices import FREE, OwnTariff, PriceSettings, Tariff, Tokens, find_tariff, usd_at_most
from pipeline.llm.providers import ProviderSettings

PROVIDERS = {
    "home": ProviderSettings(protocol="openai", base_url="http://127.0.0.1:11434/v1"),
    "groq": ProviderSettings(protocol="openai", base_url="https://api.groq.com/openai/v1"),
    "mine": ProviderSettings(protocol="anthropic"),
}
MILLION = 1_000_000


def listed(entry: str, **environ: str) -> Tariff | None:
    return find_tariff(entry, PROVIDERS, {}, environ)


def usd(entry: str, tokens: Tokens, *, batched: bool = False) -> Decimal:
    tariff = listed(entry)
    assert tariff is not None
    return tariff.usd(tokens, batched=batched)


def test_a_listed_model_costs_what_the_list_says() -> None:
    """Fresh, cached, written and coming out each at their own price."""
    assert usd("openai:gpt-4o-mini", Tokens(MILLION, 0, 0)) == Decimal("0.15")
    assert usd("openai:gpt-4o-mini", Tokens(0, MILLION, 0)) == Decimal("0.075")
    assert usd("openai:gpt-4o-mini", Tokens(0, 0, MILLION)) == Decimal("0.6")
    assert usd("anthropic:claude-haiku-4-5", Tokens(MILLION, 0, 0, MILLION)) == Decimal("1.25")
    assert usd("mine:claude-haiku-4-5", Tokens(0, 0, MILLION)) == Decimal(5)
    assert usd("groq:llama-3.3-70b-versatile", Tokens(MILLION, 0, 0)) == Decimal("0.59")


def test_a_batch_costs_half_where_the_list_says_so_and_the_full_price_elsewhere() -> None:
    """Never less than what is known."""
    for entry in ("openai:gpt-4o-mini", "anthropic:claude-haiku-4-5"):
        tokens = Tokens(MILLION, 0, MILLION)
        assert usd(entry, tokens, batched=True) == usd(entry, tokens) / 2
    old = Tokens(MILLION, 0, 0)
    assert usd("anthropic:claude-sonnet-4-0", old, batched=True) == usd("anthropic:claude-sonnet-4-0", old)


@pytest.mark.parametrize(
    "entry", ["openai:no-such-model", "home:gpt-4o-mini", "strange:m", "mine:gpt-4o-mini"]
)
def test_what_nobody_knows_has_no_price(entry: str) -> None:
    """A model's name on somebody else's server says nothing about what it costs there."""
    assert listed(entry) is None


def test_an_address_in_the_environment_is_another_server() -> None:
    """As it is for who is asked."""
    assert listed("openai:gpt-4o-mini", OPENAI_BASE_URL="http://127.0.0.1:1/v1") is None
    assert listed("openai:gpt-4o-mini", OPENAI_BASE_URL="") is not None


def test_configured_prices_win() -> None:
    """Of one entry over those of its provider, and over the list."""
    own = {
        "openai": PriceSettings(input=1, output=2),
        "openai:gpt-4o": PriceSettings(input=3, output=4, cached=0.5),
    }
    tokens = Tokens(MILLION, MILLION, MILLION)
    for entry, expected in (("openai:gpt-4o-mini", 1 + 1 + 2), ("openai:gpt-4o", 3 + 0.5 + 4)):
        tariff = find_tariff(entry, {}, own, {})
        assert tariff is not None
        assert tariff.usd(tokens, batched=False) == Decimal(str(expected))


def test_people_and_the_embedded_model_are_free() -> None:
    """Unless somebody says otherwise."""
    for entry in ("local", "local:x", "handoff", "handoff:me"):
        assert listed(entry) == FREE


def test_the_most_a_prompt_can_cost_includes_writing_it_to_a_cache() -> None:
    """Which is dearer than not caching it."""
    tariff = listed("anthropic:claude-haiku-4-5")
    assert tariff is not None
    assert usd_at_most(tariff, MILLION, MILLION, batched=False) == Decimal("6.25")


def test_the_most_a_prompt_can_cost_includes_reading_it_from_a_dear_cache() -> None:
    """Where somebody configured it dearer than what is fresh."""
    own = OwnTariff(PriceSettings(input=1, output=2, cached=5))
    assert usd_at_most(own, MILLION, MILLION, batched=False) == Decimal(7)


def test_tokens_written_are_never_more_than_were_fresh() -> None:
    """Whatever a server claims."""
    reply = Reply(text="", stop="end", tokens_in=10, tokens_cached=5, tokens_out=1, tokens_written=99)
    assert Tokens.of(reply) == Tokens(10, 5, 1, 10)
    assert usd("openai:gpt-6-luna", Tokens.of(reply)) > 0


def test_prices_are_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is opened to find one, or not to find one."""

    def refuse(*_: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert listed("openai:gpt-4o") is not None
    assert listed("openai:unheard-of") is None
