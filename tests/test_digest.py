"""Digests: equal values, equal digests, on every machine."""

from pipeline.digest import digest_json, digest_text, render_json


def test_a_digest_names_its_method() -> None:
    """The form is `sha256:` and 64 hex digits."""
    assert digest_text("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_line_ends_do_not_count() -> None:
    """A checkout on Windows has the digests of one elsewhere."""
    assert digest_text("a\nb\n") == digest_text("a\r\nb\r\n")


def test_the_order_of_keys_does_not_count() -> None:
    """Equal JSON, equal digest."""
    assert digest_json({"a": 1, "b": [2]}) == digest_json({"b": [2], "a": 1})


def test_types_count() -> None:
    """1, 1.0 and true are different JSON."""
    assert len({digest_json(value) for value in (1, 1.0, True)}) == 3


def test_half_a_character_has_a_digest() -> None:
    """A digest is taken of whatever is there."""
    assert digest_json("\ud800") != digest_json("\ud801")


def test_json_lands_sorted_and_readable() -> None:
    """Sorted keys, an item a line, real characters, one line end."""
    expected = '{\n  "a": "é",\n  "b": [\n    1,\n    {"c": 2, "d": []}\n  ]\n}\n'
    assert expected == render_json({"b": [1, {"d": [], "c": 2}], "a": "é"})
