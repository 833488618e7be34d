"""Two versions of a function with one planted difference: it is found, and shown small."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import bounds, render
from pipeline.records import Behaviour, Contract, Spec
from pipeline.specs import parse_spec
from pipeline.stages.judge import Judge, Part

CASES = Path(__file__).parents[1] / "cases" / "differences"
NAMES = sorted(folder.name for folder in CASES.iterdir())


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge()
    yield opened
    opened.close()


def part(spec: str, code: str) -> Part:
    """The one function of a spec with this code, as it would land."""
    parsed = parse_spec("specs/pair.yaml", spec)
    assert isinstance(parsed, Spec), parsed
    contract: Contract = parsed.functions[0].contract
    checked = bounds.check_reply(f"```python\n{code}```\n", contract)
    assert isinstance(checked, bounds.FunctionText), checked
    return Part(contract, render.render_function(contract, checked))


def differ(judge: Judge, spec: str, old: str, new: str, old_spec: str | None = None) -> Behaviour:
    return judge.differ([part(old_spec or spec, old)], [part(spec, new)])


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_difference_is_found_and_shown_small(judge: Judge, name: str, update: bool) -> None:  # noqa: FBT001
    """What is told of each pair is what the case says, to the letter."""
    folder = CASES / name
    texts = [(folder / file).read_text("utf-8") for file in ("spec.yaml", "old.py", "new.py")]
    found = differ(judge, *texts)
    told = {
        "differences": [each.model_dump(mode="json") for each in found.differences],
        "note": found.note,
    }
    if update:
        (folder / "expected.json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")
    assert json.loads((folder / "expected.json").read_text("utf-8")) == told
    assert found.inputs > 100
