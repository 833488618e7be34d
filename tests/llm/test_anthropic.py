import json

import httpx2
import pytest

from pipeline.errors import (
    CredentialsError,
    ModelNotFoundError,
    ProviderError,
    QuotaError,
    RateLimitError,
    UnavailableError,
)
from pipeline.llm.anthropic import AnthropicModel
from pipeline.llm.connection import Connection
from pipeline.llm.port import Reply

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def message(*texts, stop_reason="end_turn", **usage):
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "other", "text": "no"}]
    blocks += [{"type": "text", "text": text} for text in texts]
    tokens = {"input_tokens": 10, "output_tokens": 4, **usage}
    body = {"id": "m", "type": "message", "role": "assistant", "model": "small-1", "content": blocks}
    return httpx2.Response(200, json={**body, "stop_reason": stop_reason, "usage": tokens})


def refusal(status, text, *, kind="invalid_request_error", headers=None):
    body = {"type": "error", "error": {"type": kind, "message": text}}
    return httpx2.Response(status, json=body, headers=headers)


def ask_twice(model, request):
    model.ask(request)
    model.ask(request)


def model_at(server, **settings):
    values = {"provider": "anthropic", "key_variable": "ANTHROPIC_API_KEY", "key": "sk-ant-12345"}
    return AnthropicModel(Connection(**{**values, **settings}), http_client=server.client)


def test_a_reply_carries_text_and_tokens(fake_server, request_of):
    """Text blocks are joined, other blocks are left out; writing to the cache counts as uncached, and apart."""
    answer = message("def ", "add", cache_read_input_tokens=7, cache_creation_input_tokens=5)

    reply = model_at(fake_server(answer)).ask(request_of())

    assert (
        Reply(text="def add", stop="end", tokens_in=15, tokens_cached=7, tokens_out=4, tokens_written=5)
        == reply
    )


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"input_tokens": 0, "output_tokens": 0},
        {
            "input_tokens": -5,
            "output_tokens": -1,
            "cache_read_input_tokens": -9,
            "cache_creation_input_tokens": -2,
        },
    ],
)
def test_a_server_that_counts_nothing_is_not_free(usage, fake_server, request_of):
    """Without counts that can be true, tokens are estimated instead of taken for none, or for a credit."""
    body = {**message("x" * 30).json(), "usage": usage}

    reply = model_at(fake_server(httpx2.Response(200, json=body))).ask(request_of())

    expected = (11, 0, 11, 0)
    assert expected == (reply.tokens_in, reply.tokens_cached, reply.tokens_out, reply.tokens_written)


def test_a_prompt_may_be_all_from_the_cache(fake_server, request_of):
    """Then none of it is fresh."""
    reply = model_at(fake_server(message("x", input_tokens=0, cache_read_input_tokens=9))).ask(request_of())

    expected = (0, 9)
    assert expected == (reply.tokens_in, reply.tokens_cached)


def test_a_request_is_sent_whole(fake_server, request_of):
    """The system prompt is marked for caching, temperature is sent beside the SDK, a seed not at all."""
    server = fake_server(message("x"))

    model_at(server).ask(request_of(temperature=0.5, seed=3))

    expected = {
        "model": "small-1",
        "max_tokens": 300,
        "temperature": 0.5,
        "system": [
            {"type": "text", "text": "You write one function.", "cache_control": {"type": "ephemeral"}}
        ],
        "messages": [{"role": "user", "content": "add(a, b)"}],
    }
    assert expected == server.asked[0]


def test_a_long_reply_may_be_asked_for(fake_server, request_of):
    """The SDK's refusal of long replies without streaming does not apply: the timeout is ours."""
    server = fake_server(message("x"))

    model_at(server).ask(request_of(max_tokens=30_000))

    expected = 30_000
    assert expected == server.asked[0]["max_tokens"]


def test_a_schema_is_enforced(fake_server, request_of):
    """A schema becomes the output format."""
    server = fake_server(message('{"n": 1}'))

    model_at(server).ask(request_of(schema=SCHEMA))

    expected = {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert expected == server.asked[0]["output_config"]


def test_a_refused_schema_is_asked_for_in_words(fake_server, request_of):
    """Without schema mode the schema goes into the prompt."""
    refused = refusal(400, "output_config: Extra inputs are not permitted")
    server = fake_server(refused, message('```json\n{"n": 1}\n```'))

    with pytest.warns(UserWarning, match="asked for JSON in words"):
        reply = model_at(server).ask(request_of(schema=SCHEMA))

    expected = '{"n": 1}'
    assert expected == reply.text
    assert json.dumps(SCHEMA, sort_keys=True) in server.asked[1]["system"][0]["text"]


def test_a_refused_temperature_is_dropped_with_one_notice(fake_server, request_of):
    """Newer models refuse a temperature; the user is told once."""
    server = fake_server(refusal(400, "`temperature` is deprecated for this model."), message("x"))
    model = model_at(server)

    with pytest.warns(UserWarning, match="anthropic:small-1 takes no temperature") as notices:
        ask_twice(model, request_of(temperature=0.5))

    expected = [True, False, False]
    assert expected == ["temperature" in asked for asked in server.asked]
    expected = 1
    assert expected == len(notices)


@pytest.mark.parametrize(
    ("stop_reason", "stop"),
    [
        ("end_turn", "end"),
        ("stop_sequence", "end"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
    ],
)
def test_why_a_reply_stopped(stop_reason, stop, fake_server, request_of):
    """Truncated and refused replies are told apart from ended ones."""
    assert stop == model_at(fake_server(message("x", stop_reason=stop_reason))).ask(request_of()).stop


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (message("x", stop_reason=None), "no stop_reason"),
        (httpx2.Response(200, json={"content": "text"}), "content: Input should be a valid list"),
        (httpx2.Response(200, text="{", headers={"content-type": "application/json"}), "not JSON"),
        (httpx2.Response(200, html="<html>Welcome</html>"), "not JSON"),
    ],
)
def test_a_reply_that_is_no_reply(answer, why, fake_server, request_of):
    """A body of another shape is a broken server, never an empty candidate."""
    with pytest.raises(UnavailableError) as caught:
        model_at(fake_server(answer)).ask(request_of())

    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error", "hint"),
    [
        (refusal(401, "invalid x-api-key"), CredentialsError, "Set ANTHROPIC_API_KEY"),
        (refusal(400, "Your credit balance is too low"), QuotaError, "Top it up"),
        (
            refusal(404, "model: small-1", kind="not_found_error"),
            ModelNotFoundError,
            "[tool.drystone.models]",
        ),
        (
            refusal(400, "prompt is too long: 9 tokens > 8 maximum"),
            ProviderError,
            "longer than the model can",
        ),
        (refusal(429, "slow down"), RateLimitError, "[tool.drystone.models]"),
        (refusal(529, "Overloaded"), UnavailableError, "Overloaded"),
        (httpx2.ConnectError("no route"), UnavailableError, "ANTHROPIC_BASE_URL"),
        (httpx2.ReadTimeout("slow"), UnavailableError, "within 120 s"),
        (httpx2.RemoteProtocolError("peer closed"), UnavailableError, "broke (peer closed)"),
    ],
)
def test_a_broken_world_says_what_to_do(answer, error, hint, fake_server, request_of):
    """Every failure names the model, what happened and the next step."""
    with pytest.raises(error) as caught:
        model_at(fake_server(answer)).ask(request_of())

    assert error is type(caught.value)
    assert str(caught.value).startswith("anthropic:small-1: ")
    assert hint in str(caught.value)
