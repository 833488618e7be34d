import json
import warnings

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
from pipeline.llm.connection import Connection
from pipeline.llm.openai import OpenAIModel
from pipeline.llm.port import Message, Reply

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
USAGE = {"prompt_tokens": 10, "completion_tokens": 4}


def completion(text="def add", *, finish_reason="stop", usage=USAGE, **message):
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"content": text, **message}}
    return httpx2.Response(200, json={"id": "1", "choices": [choice], "usage": usage})


def refusal(status, message, *, headers=None, **fields):
    return httpx2.Response(status, json={"error": {"message": message, **fields}}, headers=headers)


def ask_twice(model, request):
    model.ask(request)
    model.ask(request)


def model_at(server, *, address="http://server.test/v1", **settings):
    values = {"provider": "mine", "key_variable": "MINE_KEY", "key": "sk-secret-12345"}
    return OpenAIModel(Connection(address=address, **{**values, **settings}), http_client=server.client)


def test_a_reply_carries_text_and_tokens(fake_server, request_of):
    """Tokens served from a cache are counted apart from those that were not."""
    server = fake_server(
        completion(usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 2}})
    )

    reply = model_at(server).ask(request_of())

    assert (
        Reply(text="def add", stop="end", tokens_in=3, tokens_cached=7, tokens_out=4, tokens_written=2)
        == reply
    )


def test_a_request_is_sent_whole(fake_server, request_of):
    """The system prompt comes first, then the conversation; what is None is not sent."""
    server = fake_server(completion())
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))

    model_at(server).ask(request_of(messages=turns, temperature=0.0, seed=3))

    expected = {
        "model": "small-1",
        "max_tokens": 300,
        "temperature": 0.0,
        "seed": 3,
        "messages": [
            {"role": "system", "content": "You write one function."},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c"},
        ],
    }
    assert expected == server.asked[0]
    expected = "Bearer sk-secret-12345"
    assert expected == server.requests[0].headers["authorization"]


def test_the_providers_own_server_gets_the_long_name(fake_server, request_of):
    """OpenAI itself is sent max_completion_tokens, which its newer models need."""
    server = fake_server(completion())

    model_at(server, address=None).ask(request_of())

    expected = (None, 300)
    assert expected == (server.asked[0].get("max_tokens"), server.asked[0].get("max_completion_tokens"))


def test_the_other_name_for_max_tokens_is_tried_and_remembered(fake_server, request_of):
    """A server that names max_tokens in its refusal is asked with the other name, at once the next time."""
    told = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    server = fake_server(refusal(400, told, param="max_tokens"), completion())
    model = model_at(server)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.ask(request_of())
        model.ask(request_of())

    names = [sorted(name for name in asked if name.endswith("tokens")) for asked in server.asked]
    expected = [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]
    assert expected == names


@pytest.mark.parametrize("name", ["temperature", "seed"])
def test_a_refused_parameter_is_dropped_with_one_notice(name, fake_server, request_of):
    """Temperature and seed are dropped where a model refuses them; the user is told once."""
    server = fake_server(refusal(400, f"Unsupported value: '{name}' does not support 1."), completion())
    model = model_at(server)

    with pytest.warns(UserWarning, match=f"mine:small-1 takes no {name}") as notices:
        ask_twice(model, request_of(temperature=0.5, seed=1))

    expected = [True, False, False]
    assert expected == [name in asked for asked in server.asked]
    expected = 1
    assert expected == len(notices)


def test_what_one_model_refuses_another_still_gets(fake_server, request_of):
    """Refusals are remembered for a model, not for its server."""
    server = fake_server(refusal(400, "no seed here"), completion())
    model = model_at(server)

    with pytest.warns(UserWarning, match="takes no seed"):
        model.ask(request_of(seed=1))
    model.ask(request_of(seed=1, model="other"))

    expected = 1
    assert expected == server.asked[2]["seed"]


def test_a_schema_is_enforced_strictly(fake_server, request_of):
    """A schema becomes a strict json_schema response format."""
    server = fake_server(completion('{"n": 1}'))

    model_at(server).ask(request_of(schema=SCHEMA))

    expected = {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True},
    }
    assert expected == server.asked[0]["response_format"]


@pytest.mark.parametrize("status", [400, 500])
def test_a_refused_schema_is_asked_for_in_words(status, fake_server, request_of):
    """Without schema mode the schema goes into the prompt, and a fence around the JSON is taken off."""
    refused = refusal(status, "response_format of type json_schema is not supported")
    server = fake_server(refused, completion('```json\n{"n": 1}\n```'))

    with pytest.warns(UserWarning, match="asked for JSON in words"):
        reply = model_at(server).ask(request_of(schema=SCHEMA))

    expected = '{"n": 1}'
    assert expected == reply.text
    assert "response_format" not in server.asked[1]
    assert json.dumps(SCHEMA, sort_keys=True) in server.asked[1]["messages"][0]["content"]


def test_a_refusal_without_remedy_is_reported_once(fake_server, request_of):
    """A server that refuses both names for max_tokens ends the attempts."""
    server = fake_server(refusal(400, "max_tokens must be smaller (max_completion_tokens too)"))

    with pytest.raises(ProviderError, match="refused the request"):
        model_at(server).ask(request_of())

    expected = 2
    assert expected == len(server.asked)


@pytest.mark.parametrize(
    ("finish_reason", "message", "stop"),
    [
        ("stop", {}, "end"),
        ("eos", {}, "end"),
        ("length", {}, "length"),
        ("content_filter", {}, "refusal"),
        ("stop", {"refusal": "I cannot."}, "refusal"),
    ],
)
def test_why_a_reply_stopped(finish_reason, message, stop, fake_server, request_of):
    """Truncated and refused replies are told apart from ended ones."""
    server = fake_server(completion(finish_reason=finish_reason, **message))

    assert stop == model_at(server).ask(request_of()).stop


def test_a_refusal_is_told_in_the_models_words(fake_server, request_of):
    """Where there is no content, the text is what the model said in refusing."""
    server = fake_server(completion(None, refusal="I cannot."))

    expected = "I cannot."
    assert expected == model_at(server).ask(request_of()).text


def test_a_prompt_that_is_too_long_is_not_asked_again(fake_server, request_of):
    """A refusal for length names max_tokens too, and is no reason to try its other name."""
    server = fake_server(refusal(400, "maximum context length is 8: shorten the messages or max_tokens"))

    with pytest.raises(ProviderError, match="longer than the model can read"):
        model_at(server).ask(request_of())

    expected = 1
    assert expected == len(server.asked)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": -5, "completion_tokens": -1, "prompt_tokens_details": {"cached_tokens": -9}},
    ],
)
def test_a_server_that_counts_nothing_is_not_free(usage, fake_server, request_of):
    """Without counts that can be true, tokens are estimated instead of taken for none, or for a credit."""
    reply = model_at(fake_server(completion("x" * 30, usage=usage))).ask(request_of())

    expected = (11, 0, 11, 0)
    assert expected == (reply.tokens_in, reply.tokens_cached, reply.tokens_out, reply.tokens_written)


def test_an_empty_reply_may_have_no_tokens(fake_server, request_of):
    """A count of none is true of it."""
    reply = model_at(fake_server(completion("", usage={**USAGE, "completion_tokens": 0}))).ask(request_of())

    expected = 0
    assert expected == reply.tokens_out


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (completion(finish_reason=None), "no finish_reason"),
        (
            httpx2.Response(200, json={"choices": [], "usage": USAGE}),
            "choices: List should have at least 1 item",
        ),
        (httpx2.Response(200, json={"choices": None}), "choices: Input should be a valid list"),
        (httpx2.Response(200, json=[1]), "valid dictionary"),
        (
            httpx2.Response(200, text='{"choices": [', headers={"content-type": "application/json"}),
            "not JSON",
        ),
        (httpx2.Response(200, html="<html>Welcome</html>"), "not JSON"),
        (
            httpx2.Response(200, content=b'{"id": "\xff"}', headers={"content-type": "application/json"}),
            "not JSON",
        ),
        (httpx2.Response(200, json={"error": {"message": "upstream died"}}), "upstream died"),
        (completion(text=["a", "list"]), "message.content"),
    ],
)
def test_a_reply_that_is_no_reply(answer, why, fake_server, request_of):
    """A body of another shape is a broken server, never an empty candidate."""
    with pytest.raises(UnavailableError) as caught:
        model_at(fake_server(answer)).ask(request_of())

    assert "mine:small-1" in str(caught.value)
    assert why in str(caught.value)
    assert "[tool.drystone.providers.mine]" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error", "hint"),
    [
        (refusal(401, "bad key sk-secret-12345"), CredentialsError, "Set MINE_KEY"),
        (refusal(403, "not for your region"), CredentialsError, "not for your region"),
        (refusal(402, "pay"), QuotaError, "no quota or credit"),
        (refusal(429, "You exceeded your current quota", code="insufficient_quota"), QuotaError, "Top it up"),
        (refusal(429, "slow down; see /account/billing"), RateLimitError, "[tool.drystone.models]"),
        (refusal(404, "The model `small-1` does not exist"), ModelNotFoundError, "[tool.drystone.models]"),
        (refusal(400, "gone", code="model_decommissioned"), ModelNotFoundError, "retire"),
        (
            refusal(400, "This model's maximum context length is 8 tokens, max_tokens"),
            ProviderError,
            "longer than",
        ),
        (refusal(500, "oops"), UnavailableError, "failed (500: oops)"),
        (httpx2.Response(502, html="<html>Bad gateway</html>"), UnavailableError, "a page of HTML"),
        (refusal(418, "teapot"), ProviderError, "teapot"),
        (
            httpx2.ConnectError("no route"),
            UnavailableError,
            "cannot connect to http://server.test/v1 (no route)",
        ),
        (httpx2.ConnectTimeout("slow"), UnavailableError, "cannot connect"),
        (httpx2.ReadTimeout("slow"), UnavailableError, "no reply from http://server.test/v1 within 120 s"),
        (httpx2.RemoteProtocolError("peer closed"), UnavailableError, "broke (peer closed)"),
    ],
)
def test_a_broken_world_says_what_to_do(answer, error, hint, fake_server, request_of):
    """Every failure names the model, what happened and the next step, and never shows the key."""
    with pytest.raises(error) as caught:
        model_at(fake_server(answer)).ask(request_of())

    assert error is type(caught.value)
    assert str(caught.value).startswith("mine:small-1: ")
    assert hint in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_a_server_without_a_key(fake_server, request_of):
    """No key still asks; a server that wants one is answered with the setting that names it."""
    server = fake_server(refusal(401, "who are you"))

    with pytest.raises(CredentialsError, match=r"api_key_env under \[tool.drystone.providers.mine\]"):
        model_at(server, key=None, key_variable=None).ask(request_of())


def test_a_password_in_an_address_is_not_shown(fake_server, request_of):
    """Messages show an address without the user and password in it."""
    server = fake_server(refusal(500, "oops"))

    with pytest.raises(UnavailableError) as caught:
        model_at(server, address="http://me:pw@server.test/v1?k=pw").ask(request_of())

    assert "pw" not in str(caught.value)


def test_a_bug_is_not_taken_for_a_broken_world(fake_server, request_of):
    """Errors that are neither the SDK's nor the network's pass through as they are."""
    model = OpenAIModel(
        Connection(provider="mine", address="http://server.test/v1"),
        extra_body=lambda _: {}["missing"],
        http_client=fake_server(completion()).client,
    )

    with pytest.raises(KeyError):
        model.ask(request_of())


def test_close_closes_the_client(fake_server, request_of):
    """A closed connection holds no sockets."""
    server = fake_server(completion())
    model = model_at(server)
    model.ask(request_of())

    model.close()

    assert server.client.is_closed
