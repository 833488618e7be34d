"""What inputs each HumanEval task is meant for, where its annotations and its base inputs do not say.

Every row says in the rule language what the task's own preconditions assert, or less: a narrower domain where they
cannot be said (a loop) or where honest code takes long (a count up to a million). `soundness.py --domains` holds
what is generated against the asserts themselves. Plus inputs were not looked at.
"""

from dataclasses import dataclass, field

from pipeline.definitions import TypeAlias, TypeDefinition

TYPES: dict[str, TypeDefinition] = {
    "Natural": TypeAlias(type="int", ge="0"),
    "Positive": TypeAlias(type="int", ge="1"),
    "Thousand": TypeAlias(type="int", ge="-1000", le="1000"),
    "Few": TypeAlias(type="int", ge="0", le="20"),
    "Size": TypeAlias(type="int", ge="0", le="200"),
    "Digit": TypeAlias(type="int", ge="1", le="9"),
    "Radix": TypeAlias(type="int", ge="2", le="9"),
    "Coefficient": TypeAlias(type="int", ge="-10", le="10"),
    "Letters": TypeAlias(type="str", pattern="[A-Za-z]*"),
    "Hex": TypeAlias(type="str", pattern="[0-9A-F]*"),
    "Angles": TypeAlias(type="str", pattern="[<>]*"),
    "Brackets": TypeAlias(type="str", pattern=r"[\[\]]*"),
    "Parens": TypeAlias(type="str", pattern=r"(?:\((?:\((?:\((?:\(\)){0,2}\)){0,2}\)){0,3}\)| ){0,8}"),
    "Fraction": TypeAlias(type="str", pattern="[1-9][0-9]{0,2}/[1-9][0-9]{0,2}"),
    "Guesses": TypeAlias(type="list[int]", max_length=8),
    "Operators": TypeAlias(type="list[Literal['+', '-', '*', '//', '**']]", min_length=1, max_length=4),
    "Operands": TypeAlias(type="list[Digit]", min_length=2, max_length=5),
}
"""Narrowed types that several tasks share."""


@dataclass(frozen=True)
class Domain:
    """The types of some parameters, and rules that every input keeps."""

    params: dict[str, str] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    raises: tuple[str, ...] = ()
    """Errors the reference may end with on inputs that its preconditions refuse and no rule can tell."""


DOMAINS: dict[str, Domain] = {
    "HumanEval/0": Domain(requires=("threshold > 0",)),
    "HumanEval/2": Domain(requires=("number > 0",)),
    "HumanEval/4": Domain(requires=("len(numbers) > 0",)),
    "HumanEval/6": Domain({"paren_string": "Parens"}),
    "HumanEval/18": Domain(requires=("substring != ''",)),
    "HumanEval/20": Domain(requires=("len(numbers) >= 2",)),
    "HumanEval/24": Domain(requires=("n > 1",)),
    # Newton's method must converge, which no rule can say; where it does not, it may end with this error.
    "HumanEval/32": Domain(
        {"xs": "list[Coefficient]"},
        ("len(xs) in (2, 4, 6, 8)", "xs[1] != 0", "xs[-1] != 0"),
        raises=("ZeroDivisionError",),
    ),
    "HumanEval/36": Domain(requires=("0 < n <= 1000 or n in (4000, 10000, 100000)",)),
    "HumanEval/44": Domain({"base": "Radix"}, ("x >= 0",)),
    "HumanEval/46": Domain({"n": "Size"}),
    "HumanEval/50": Domain(requires=("s == '' or s.islower()",)),
    "HumanEval/56": Domain({"brackets": "Angles"}),
    "HumanEval/60": Domain(requires=("n >= 1",)),
    "HumanEval/62": Domain(requires=("len(xs) > 0",)),
    "HumanEval/68": Domain({"arr": "list[Natural]"}),
    "HumanEval/78": Domain({"num": "Hex"}),  # one base input is a list and is left out
    "HumanEval/84": Domain(requires=("0 < N <= 10000",)),
    "HumanEval/88": Domain({"array": "list[Natural]"}),
    "HumanEval/94": Domain(
        requires=("any(x > 1 and all(x % d != 0 for d in range(2, math.isqrt(x) + 1)) for x in lst)",)
    ),
    "HumanEval/96": Domain({"n": "Size"}),
    "HumanEval/100": Domain({"n": "Size"}, ("n >= 1",)),
    "HumanEval/102": Domain(requires=("x > 0", "y > 0")),
    "HumanEval/104": Domain({"x": "list[Positive]"}),
    "HumanEval/106": Domain({"n": "Size"}, ("n <= 150",)),
    "HumanEval/110": Domain(requires=("len(lst1) > 0", "len(lst2) > 0")),
    "HumanEval/114": Domain(requires=("len(nums) > 0",)),
    # HumanEval/116 asserts x >= 0, and one of its own base inputs is below: any number is meant.
    "HumanEval/118": Domain({"word": "Letters"}),
    "HumanEval/120": Domain(
        {"arr": "list[Thousand]", "k": "Few"}, ("1 <= len(arr) <= 1000", "k <= len(arr)")
    ),
    "HumanEval/122": Domain({"k": "Few"}, ("1 <= len(arr) <= 100", "1 <= k <= len(arr)")),
    "HumanEval/126": Domain({"lst": "list[Natural]"}),
    "HumanEval/130": Domain({"n": "Size"}),
    "HumanEval/132": Domain({"string": "Brackets"}),
    "HumanEval/144": Domain({"x": "Fraction", "n": "Fraction"}),
    "HumanEval/152": Domain({"game": "Guesses", "guess": "Guesses"}, ("len(game) == len(guess)",)),
    "HumanEval/156": Domain(requires=("1 <= number <= 1000",)),
    "HumanEval/158": Domain(requires=("len(words) > 0",)),
    # No divisor is 0, and no power of a power grows out of all bounds.
    "HumanEval/160": Domain(
        {"operator": "Operators", "operand": "Operands"},
        ("len(operand) == len(operator) + 1", "operator.count('**') <= 1"),
    ),
}
"""Tasks that are not here take whatever their types say."""
