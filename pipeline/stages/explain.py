"""Function -> Explanation. A model says what the code does; of the contract it is told nothing, so that a reader can compare."""

import ast

from pipeline import prompts
from pipeline.llm.port import STOPPED, Message, Request
from pipeline.review.changes import Explanation
from pipeline.stages.port import Ask

MAX_TOKENS = 4096
"""Of one reply, a reasoning model's thoughts included."""
MOST_CHARACTERS = 2_000
"""Of an explanation as it is shown."""


def first_request(code: str, *, model: str) -> Request:
    """The request about one function: its code without the docstring, which was written from the contract."""
    return Request(
        model=model,
        system=prompts.render_prompt("explain.system.md.j2"),
        messages=(Message("user", prompts.render_prompt("explain.md.j2", code=without_docstring(code))),),
        max_tokens=MAX_TOKENS,
        temperature=0.0,
        seed=1,
    )


def explain(code: str, *, model: str, ask: Ask) -> Explanation | str:
    """What a model says the function of a file does, or why its reply cannot be used.

    A failing provider is an exception (`ProviderError`).
    """
    reply = ask(first_request(code, model=model))
    if reply.stop != "end":
        return STOPPED[reply.stop]
    text = reply.text.strip()
    if not text:
        return "it is empty"
    shown = text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 4]} ..."
    return Explanation(text=shown, model=model)


def without_docstring(code: str) -> str:
    """The text of a function file without the docstrings in it."""
    lines = code.splitlines()
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            for number in range(first.lineno - 1, first.end_lineno or first.lineno):
                lines[number] = ""
    return "\n".join(line for line in lines if line.strip())
