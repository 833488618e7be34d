"""Reviews for the tests of their forms: one of each kind of change, and words that mean harm."""

from typing import Any

from pipeline.records import Behaviour, Difference, Isolation
from pipeline.review.changes import (
    Basis,
    ClauseChange,
    DecisionChange,
    Explanation,
    FlowChange,
    FunctionChange,
    Review,
)

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">`````\n@octocat"
BEFORE = "def pay(n):\n    return n\n"
AFTER = "def pay(n):\n    return n + 1\n"
DIFF = "--- before/shop/pay.py\n+++ after/shop/pay.py\n@@ -1,2 +1,2 @@\n def pay(n):\n-    return n\n+    return n + 1"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" class="drystone" width="9" height="9"><title>flow</title></svg>'
)


def function(name: str, **more: Any) -> FunctionChange:
    given: dict[str, Any] = {
        "kinds": ("code",),
        "place": "specs/shop.yaml:3:3",
        "code_before": BEFORE,
        "code_after": AFTER,
        "diff": DIFF,
        "basis": Basis(
            clauses=9, cases_of_spec=3, cases_of_architect=1, inputs=203, sandbox="kernel", model="local"
        ),
        **more,
    }
    return FunctionChange(function=name, **given)


SILENT = function(
    "shop.pay",
    kinds=("silent", "behaviour", "code"),
    why=("no clause changed: it was written anew",),
    behaviour=Behaviour(
        inputs=200,
        differing=7,
        differences=(Difference(call="pay(3)", given={"n": 3}, before="returned 3", after="returned 4"),),
    ),
    explanation=Explanation(text="It adds one.", model="local"),
)
LOOSENED = function(
    "shop.total",
    kinds=("contract", "code"),
    why=("specs/shop.yaml:9:9 -> ensures[0] changed",),
    clauses=(
        ClauseChange(
            clause="ensures[0]",
            edit="changed",
            effect="loosened",
            words="promises less: `result <= 5` became `result <= 6`",
            place="specs/shop.yaml:9:9",
        ),
    ),
    behaviour=Behaviour(inputs=211),
)
HARM = function(
    "shop.harm",
    kinds=("code",),
    code_after=HOSTILE,
    diff=f"+{HOSTILE}",
    why=(HOSTILE,),
    explanation=Explanation(text=HOSTILE, model=HOSTILE),
    behaviour=Behaviour(
        inputs=1, differing=1, differences=(Difference(call=HOSTILE, before=HOSTILE, after=HOSTILE),)
    ),
)


def review(*functions: FunctionChange, **more: Any) -> Review:
    given: dict[str, Any] = {
        "base": "main",
        "commit": "0123456789abcdef",
        "headline": "Behaviour changed although no clause of the spec did: shop.pay",
        "unchanged": 4,
        "sandbox": Isolation(level="kernel"),
        **more,
    }
    return Review(functions=functions, **given)


WHOLE = review(
    SILENT,
    LOOSENED,
    HARM,
    function("shop.new", kinds=("added",), code_before="", diff="+def new(n):\n+    return n"),
    flows=(
        FlowChange(
            flow="shop.order", edit="changed", parts=("timeouts: no longer open",), place="specs/shop.yaml:40:3",
            picture_before=SVG, picture_after=SVG,
        ),
    ),
    decisions=(
        DecisionChange(decision="shop.tone", question="How?", before="warm", after="cool", place="specs/shop.yaml:4:3"),
    ),
)  # fmt: skip
