"""Who wrote a function, in words: what a verdict records of it is an entry of the configuration, or one of two names."""

from pipeline.llm.registry import HANDOFF, LOCAL, MCP

MANUAL = "manual"
"""What a verdict records where a person edited the function and adopted it."""
_WHO = {
    MANUAL: "a person (adopted)",
    MCP: "a coding agent (mcp)",
    LOCAL: "the embedded model ({})",
    HANDOFF: "a person or an agent who was given the prompt ({})",
}


def who(model: str) -> str:
    """Who it is: `openai:gpt-x`, or `a person (adopted)`."""
    return _WHO.get(model.partition(":")[0], "{}").format(model)


def told_writer(model: str) -> str:
    """What they did: `written by openai:gpt-x`, or `handed in by a coding agent (mcp)`."""
    handed = model.partition(":")[0] in {MCP, HANDOFF}
    return f"{'handed in' if handed else 'written'} by {who(model)}"


def made_by(model: str, attempt: int) -> str:
    """Who it was, and at which attempt; a person needs none."""
    return f"by {who(model)}" + ("" if model == MANUAL else f" at attempt {attempt}")
