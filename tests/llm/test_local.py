import importlib.util
from dataclasses import replace

import pytest

from pipeline.errors import ProviderError, UnavailableError
from pipeline.llm import weights
from pipeline.llm.local import LocalModel, _cache_rule


@pytest.fixture
def model(request_of):
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("the embedded model's engine is not installed: pip install 'drystone[local]'")
    if not weights.is_pulled():
        pytest.skip("the embedded model's weights are not here: drystone model pull")
    model = LocalModel()
    yield model
    model.close()


def test_greedy_answers_do_not_depend_on_the_cache(request_of):
    """At temperature 0 the prompt is evaluated whole; samples may reuse what is cached."""
    rules = [_cache_rule(request_of(temperature=value)) for value in (0.0, 0.8, None)]

    expected = [{"cache_prompt": False}, {"cache_prompt": True}, {"cache_prompt": True}]
    assert expected == rules


@pytest.mark.local
def test_the_embedded_model_answers(model, request_of, capfd):
    """It answers quietly, the same twice at temperature 0, keeps to a schema, and says when a prompt is too long."""
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    greedy = request_of(temperature=0.0, seed=1, max_tokens=24)

    first = model.ask(greedy)
    model.ask(replace(greedy, system="You count. " * 9, temperature=0.8))
    again = model.ask(greedy)
    number = model.ask(replace(greedy, schema=schema))
    with pytest.raises(ProviderError, match="longer than the model can read"):
        model.ask(replace(greedy, system="word " * 9000))

    assert first.text == again.text
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
