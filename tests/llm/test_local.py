import importlib.util
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest

from pipeline.errors import ProviderError, UnavailableError
from pipeline.llm import weights
from pipeline.llm.local import LocalModel
from pipeline.llm.port import Message


@pytest.fixture
def model(request_of):
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("the embedded model's engine is not installed: pip install 'drystone[local]'")
    if not weights.is_pulled():
        pytest.skip("the embedded model's weights are not here: drystone model pull")
    model = LocalModel()
    yield model
    model.close()


@pytest.mark.parametrize(
    ("questions", "sent"),
    [
        ([{"temperature": 0.0}], [(1, False), (300, True)]),
        ([{"temperature": 0.8, "seed": 1}] * 2, [(1, False), (300, True), (300, True)]),
        ([{"temperature": 0.0}, {"temperature": 0.8, "seed": 1}], [(1, False), (300, True), (300, True)]),
        ([{"temperature": 0.8}], [(300, True)]),
        ([{"seed": 1}, {}, {"seed": 1}], [(1, False), (300, True), (300, True), (1, False), (300, True)]),
        ([{"seed": 1}, {"seed": 1, "system": "b"}], [(1, False), (300, True), (1, False), (300, True)]),
    ],
)
def test_a_prompt_is_evaluated_whole_before_a_repeatable_answer(questions, sent, fake_server, request_of):
    """Greedy and seeded questions begin from a prompt evaluated whole, once for questions in a row on one prompt."""
    answer = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}
    server = fake_server(httpx2.Response(200, json=answer))
    started = []
    model = LocalModel(
        Path("tiny.gguf"),
        start=lambda path, key: (
            started.append((path, key)) or SimpleNamespace(listening_address="http://x.test")
        ),
        http_client=server.client,
    )

    for question in questions:
        model.ask(request_of(**question))

    assert sent == [(asked["max_tokens"], asked["cache_prompt"]) for asked in server.asked]
    ((path, key),) = started
    assert Path("tiny.gguf") == path
    assert {f"Bearer {key}"} == {request.headers["authorization"] for request in server.requests}


@pytest.mark.local
def test_the_embedded_model_answers(model, request_of, capfd):
    """It answers quietly and repeatably, keeps to a schema, and says when a prompt is too long."""
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    greedy = request_of(temperature=0.0, seed=1, max_tokens=24)

    sampled = replace(greedy, temperature=0.8)

    first, sample = model.ask(greedy), model.ask(sampled)
    model.ask(replace(greedy, messages=(Message("user", "sub(a, b)"),), seed=None, temperature=0.8))
    again, resample = model.ask(greedy), model.ask(sampled)
    number = model.ask(replace(greedy, schema=schema))
    with pytest.raises(ProviderError, match="longer than the model can read"):
        model.ask(replace(greedy, system="word " * 9000))

    assert (first.text, sample.text) == (again.text, resample.text)
    expected = ("length", 24)
    assert expected == (first.stop, first.tokens_out)
    assert number.text.startswith("{")
    assert not "".join(capfd.readouterr())


@pytest.mark.local
def test_weights_that_are_none_are_told(model, tmp_path, request_of, capfd):
    """A file that is no model fails clearly and quietly."""
    other = tmp_path / "other.gguf"
    other.write_bytes(b"no model at all")

    with pytest.raises(UnavailableError, match="did not start"):
        LocalModel(other).ask(request_of())

    assert not "".join(capfd.readouterr())
