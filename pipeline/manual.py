"""The reference that comes with the tool: one Markdown file for each topic, under `docs/`."""

import difflib
from importlib import resources

from pipeline.errors import SettingsError

_ORDER = (
    "specs", "systems", "judging", "contracts", "review", "models", "configuration", "exit-codes", "security", "ci",
    "agents", "comparison",
)  # fmt: skip


def topics() -> dict[str, str]:
    """Name of every topic, in the order in which they are best read, and its title."""
    return {name: _text(name).partition("\n")[0].removeprefix("# ") for name in _ORDER}


def read_topic(name: str) -> str:
    """A topic's Markdown; raises SettingsError for one there is none of."""
    if name not in _ORDER:
        close = difflib.get_close_matches(name, _ORDER, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(_ORDER)}"
        raise SettingsError(f"no topic '{name}'; {hint}")
    return _text(name)


def _text(name: str) -> str:
    return resources.files("pipeline").joinpath("docs", f"{name}.md").read_text("utf-8")
