"""YAML of specs -> records, or findings."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.records import Contract, Finding, Spec
from pipeline.specs import Loaded, load_specs, parse_spec
from pipeline.specs.draft import BUILTIN_ERRORS
from pipeline.specs.schema import render_contract_schema, render_schema, render_shared_schema

CASES = Path(__file__).parents[1] / "cases"
GOOD = CASES / "good"
MALFORMED = sorted(folder.name for folder in (CASES / "malformed").iterdir())
SCHEMAS = Path(__file__).parents[2] / "pipeline" / "schemas"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted((GOOD / "specs").iterdir())}


def spec_of(name: str) -> Spec:
    file = next(file for file in TEXTS if Path(file).stem == name)
    spec = parse_spec(f"specs/{file}", TEXTS[file])
    assert isinstance(spec, Spec), [str(finding) for finding in spec]
    return spec


def contract_of(id_: str) -> Contract:
    spec, function = id_.split(".")
    return next(f.contract for f in spec_of(spec).functions if f.contract.function == function)


def findings_of(text: str, path: str = "specs/spec.yaml") -> list[str]:
    findings = parse_spec(path, text)
    assert isinstance(findings, tuple)
    return [str(finding) for finding in findings]


# -- findings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_specs_say_what_is_wrong_and_where(name: str, tmp_path: Path, update: bool) -> None:  # noqa: FBT001
    """Every finding of the file and of those beside it, sorted by place, word by word."""
    ignored = shutil.ignore_patterns("findings.txt")
    shutil.copytree(CASES / "malformed" / name, tmp_path / "specs", ignore=ignored)
    loaded = load_specs(tmp_path)
    lines = "".join(f"{finding}\n" for finding in loaded.findings)
    expected = CASES / "malformed" / name / "findings.txt"
    if update:
        expected.write_text(lines, encoding="utf-8", newline="\n")
    assert expected.read_text(encoding="utf-8") == lines
    assert lines
    assert "spec" not in [spec.name for spec in loaded.specs]


def test_there_are_enough_malformed_specs() -> None:
    """The walk above cannot pass by finding nothing to walk."""
    assert len(MALFORMED) >= 30


def test_findings_of_all_files_come_at_once(tmp_path: Path) -> None:
    """Sound specs are returned beside the findings of the others."""
    shutil.copytree(GOOD, tmp_path, dirs_exist_ok=True)
    (tmp_path / "specs" / "a.yaml").write_text("spec: a\n")
    (tmp_path / "specs" / "b.yml").write_bytes(b"\xff")
    (tmp_path / "specs" / "text.yml").write_text("")
    loaded = load_specs(tmp_path)
    specs, findings = loaded.specs, loaded.findings
    assert [spec.name for spec in specs] == ["money", "onboarding", "schedule", "text", "tree"]
    assert [str(finding) for finding in findings] == [
        "specs/a.yaml:1:1: missing key 'functions'",
        "specs/a.yaml:1:1: missing key 'summary'",
        "specs/b.yml:1:1: byte 0xff is not UTF-8; save the file as UTF-8",
        "specs/text.yml:1:1: specs/text.yaml is already the spec of this name",
    ]


def test_a_broken_type_is_reported_once() -> None:
    """Nothing is said about functions that only suffer from a type that is refused already."""
    text = TEXTS["onboarding.yaml"].replace("max_length: 254", "max_lenght: 254").replace("[unverified", "[1")
    assert findings_of(text, "specs/onboarding.yaml") == [
        "specs/onboarding.yaml:19:59: unknown key 'max_lenght'; did you mean 'max_length'?",
        "specs/onboarding.yaml:20:17: expected text, found the number 1; put it in quotes",
    ]


def test_builtin_errors_are_errors_of_python() -> None:
    """Every name on the list is an exception."""
    kinds = {name: getattr(__builtins__, name, None) or __builtins__[name] for name in BUILTIN_ERRORS}
    assert all(issubclass(kind, Exception) for kind in kinds.values())


# -- selection -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (None, ["money", "onboarding", "schedule", "text", "tree"]),
        (["text"], ["text"]),
        (["tree", "specs/money.yaml", "tree"], ["money", "tree"]),
        (["./specs/schedule.yml"], ["schedule"]),
        (["t*"], ["text", "tree"]),
        (["specs/*.yml"], ["schedule"]),
        ([str(GOOD.resolve() / "specs" / "text.yaml")], ["text"]),
    ],
)
def test_specs_are_selected_by_name_path_or_pattern(paths: list[str] | None, names: list[str]) -> None:
    """In the order of their names, each once."""
    loaded = load_specs(GOOD, paths)
    assert ((), names) == (loaded.findings, [spec.name for spec in loaded.specs])


def test_a_selection_of_nothing_is_refused() -> None:
    """It is a mistake of the caller, not of a spec."""
    with pytest.raises(SettingsError, match=r"no spec 'txet' in specs/; did you mean 'text'\?"):
        load_specs(GOOD, ["text", "txet"])


def test_a_project_without_specs_has_none(tmp_path: Path) -> None:
    """Neither a finding nor an error."""
    assert load_specs(tmp_path) == Loaded()


# -- derivation ----------------------------------------------------------------------------------------------


def test_callees_come_before_callers() -> None:
    """Otherwise functions keep the order in which they are written."""
    assert [function.contract.function for function in spec_of("onboarding").functions] == [
        "verify_email",
        "profile_screen",
    ]
    assert [function.contract.function for function in spec_of("text").functions] == ["slug", "initials"]


def test_a_contract_holds_the_types_it_reaches_and_no_others() -> None:
    """Through fields, aliases, callees and rules, but not the whole spec."""
    assert list(contract_of("onboarding.verify_email").types) == ["Email", "Step", "Progress"]
    assert list(contract_of("tree.prune").types) == ["Node"]
    text = TEXTS["money.yaml"].replace("lines: list[Line]\n      rate", "rate")
    text = text.replace("{lines: [{label: tea, amount: 10.00}], rate: 0.25}", "{rate: 0.25}")
    text = text.replace("result <= total(lines)", "result <= total([])")
    spec = parse_spec("specs/money.yaml", text)
    assert isinstance(spec, Spec)
    assert list(spec.functions[1].contract.types) == ["Amount", "Rate", "Line"]


def test_a_contract_holds_the_errors_it_raises_or_handles_and_no_others() -> None:
    """Only the spec's own; Python's need no explanation."""
    assert list(contract_of("onboarding.verify_email").errors) == ["TokenExpired", "TokenMismatch"]
    assert list(contract_of("onboarding.profile_screen").errors) == ["TokenExpired", "TokenMismatch"]
    assert contract_of("text.initials").errors == {}


def test_a_constraint_reaches_what_it_covers() -> None:
    """Its text, its rules and what it forbids are in every covered contract and in no other."""
    covered, other = contract_of("onboarding.profile_screen"), contract_of("onboarding.verify_email")
    assert [constraint.name for constraint in covered.constraints] == ["mobile-first", "plain"]
    assert [(rule.rule, rule.constraint) for rule in covered.ensures] == [
        ("result.title != ''", None),
        ("result.min_width <= 360", "mobile-first"),
    ]
    assert (covered.bounds.forbidden_imports, other.bounds.forbidden_imports) == (("calendar",), ())
    assert (covered.bounds.forbidden_names, other.bounds.forbidden_names) == (("float",), ())
    assert [constraint.name for constraint in other.constraints] == ["plain"]


def test_a_decision_reaches_what_it_covers() -> None:
    """With the chosen option and its meaning."""
    assert contract_of("onboarding.profile_screen").decisions == ()
    (decision,) = contract_of("onboarding.verify_email").decisions
    assert (
        decision.name,
        decision.choice,
        decision.meaning,
    ) == ("session", "token", "a signed token; the server keeps nothing")


def test_a_callee_is_known_by_its_contract() -> None:
    """Signature, summary and rules; never more."""
    (callee,) = contract_of("money.discounted").uses
    assert callee.signature == "def total(lines: list[Line]) -> Amount:"
    assert callee.ensures == ("result == sum([line.amount for line in lines], Decimal('0'))",)
    assert contract_of("money.discounted").bounds.max_lines == 12


def test_values_of_examples_are_canonical() -> None:
    """However a person writes a value, a contract holds one form of it."""
    (case,) = contract_of("schedule.kinds").cases
    assert case.given["shifts"][0]["hours"] == "PT8H"
    assert case.given["sizes"] == [1, 2, 3]
    assert contract_of("money.total").cases[0].returns == "14.50"
    assert contract_of("tree.levels").cases[0].returns == {"0": ["a"], "1": ["b"]}
    assert [case.name for case in contract_of("text.slug").cases] == ["example 1", "example 2"]


def test_every_clause_has_a_place() -> None:
    """A rule of a constraint stands in the constraint."""
    function = spec_of("onboarding").functions[1]
    assert str(function.place) == "specs/onboarding.yaml:30:3"
    assert {clause: place.line for clause, place in function.places.items()} == {
        "constraints[mobile-first]": 5,
        "constraints[plain]": 10,
        "ensures[0]": 34,
        "ensures[1]": 8,
        "examples[example 1]": 38,
    }
    assert {"requires[0]", "raises[TokenExpired]", "examples[stale link]"} < set(
        spec_of("onboarding").functions[0].places
    )


def test_a_long_chain_of_callees_is_ordered() -> None:
    """As deep as a file can hold, without recursion."""
    lines = ["spec: chain", "summary: A chain.", "functions:"]
    for index in range(1500):
        uses = f"uses: [f{index + 1}], " if index < 1499 else ""
        lines.append(
            f"  f{index}: {{summary: One., {uses}returns: int, examples: [{{given: {{}}, returns: 1}}]}}"
        )
    spec = parse_spec("specs/chain.yaml", "\n".join(lines))
    assert isinstance(spec, Spec)
    assert [f.contract.function for f in spec.functions] == [f"f{index}" for index in reversed(range(1500))]


def test_parsing_is_deterministic() -> None:
    """The same text gives the same record, byte by byte, with CRLF as with LF."""
    for file, text in TEXTS.items():
        first, second = (
            parse_spec(f"specs/{file}", text),
            parse_spec(f"specs/{file}", text.replace("\n", "\r\n")),
        )
        assert isinstance(first, Spec)
        assert isinstance(second, Spec)
        assert first.model_dump_json() == second.model_dump_json()


# -- schemas -------------------------------------------------------------------------------------------------


def validator_of(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    ("name", "rendered"),
    [
        ("spec.schema.json", render_schema()),
        ("shared.schema.json", render_shared_schema()),
        ("contract.schema.json", render_contract_schema()),
    ],
)
def test_the_published_schemas_are_current(name: str, rendered: str, update: bool) -> None:  # noqa: FBT001
    """They are rendered from the models that read the files."""
    if update:
        (SCHEMAS / name).write_text(rendered, encoding="utf-8", newline="\n")
    assert (SCHEMAS / name).read_text(encoding="utf-8") == rendered


def test_the_schema_accepts_good_specs() -> None:
    """As an editor reads them: by plain YAML."""
    validator = validator_of("spec.schema.json")
    for file in ("text.yaml", "onboarding.yaml", "money.yaml"):
        assert [error.message for error in validator.iter_errors(yaml.safe_load(TEXTS[file]))] == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("summary: Small", "sumary: Small"),
        ("params: {title: str}", "parms: {title: str}"),
        ("ensures:", "ensure:"),
        ("returns: hello-world", "return: hello-world"),
        ("{title: str}", "{a title: str}"),
        ("raises: [ValueError]", "raises: ValueError"),
        ("spec: text", "spec: [text]"),
    ],
)
def test_the_schema_refuses_typos(right: str, wrong: str) -> None:
    """At every level; and so does the parser."""
    text = TEXTS["text.yaml"].replace(right, wrong)
    assert not validator_of("spec.schema.json").is_valid(yaml.safe_load(text))
    assert not isinstance(parse_spec("specs/text.yaml", text), Spec)


def test_the_schema_of_contracts_accepts_contracts() -> None:
    """Every contract derived from the good specs."""
    validator = validator_of("contract.schema.json")
    for spec in load_specs(GOOD).specs:
        for function in spec.functions:
            assert list(validator.iter_errors(function.contract.model_dump(mode="json"))) == []


# -- anything else -------------------------------------------------------------------------------------------


FRAGMENTS = [
    *"{}[],:#&*!|>'\"%@`-?~\n\t ", "\n  ", "\n    - ", ": ", "&a ", "*a ", "<<: ", "null", "true", "1", "1.50", "0x",
    "list[", "str", "| None", "spec", "summary", "functions", "types", "given", "returns", "raises", "examples",
    "result", "==", "lambda", "é", "\ufeff", "\x85", "---\n", "!!int ", "1e9",
]  # fmt: skip


@st.composite
def mutated_specs(draw: st.DrawFn) -> str:
    """A good spec with a few pieces cut out, doubled or replaced."""
    text = draw(st.sampled_from(sorted(TEXTS.values())))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(st.sampled_from([*FRAGMENTS, "", text[start:end] * 2])) + text[end:]
    return text


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.one_of(mutated_specs(), st.lists(st.sampled_from(FRAGMENTS)).map("".join), st.text()))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Whatever the text, there is a spec or a finding inside it."""
    parsed = parse_spec("specs/text.yaml", text)
    if not isinstance(parsed, Spec):
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert parsed
        for finding in parsed:
            assert isinstance(finding, Finding)
            assert 1 <= finding.place.line <= len(lines)
            assert 1 <= finding.place.column <= len(lines[finding.place.line - 1]) + 1
