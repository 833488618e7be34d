"""What the configuration says a run and one function of it may cost."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.llm.prices import Number, PriceSettings

UNPRICED_TOKENS = {"": 1_000_000, "_per_function": 100_000}
"""Ceilings for models whose price nobody knows, where the configuration names none in tokens: about what the default
ceilings in USD come to at 5 USD a million."""


class Ceilings(BaseModel):
    """`[tool.drystone.budget]`: what a run and one function of it may cost. A ceiling left out is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    usd: Annotated[float, Number] = Field(default=5.0, ge=0)
    """USD a run; `inf` lifts it."""
    tokens: Annotated[int | None, Number] = Field(default=None, ge=0)
    """Tokens a run, in and out, of every model. Left out, only models of unknown price are held to a million."""
    attempts: Annotated[int | None, Number] = Field(default=None, ge=0)
    """Candidates asked for in a run."""
    minutes: Annotated[float | None, Number] = Field(default=None, ge=0)
    """Minutes after which a run asks nobody any more; what is under way is not cut off."""
    usd_per_function: Annotated[float, Number] = Field(default=0.5, ge=0)
    """USD a function; `inf` lifts it."""
    tokens_per_function: Annotated[int | None, Number] = Field(default=None, ge=0)
    """Left out, models of unknown price are held to a hundred thousand."""
    attempts_per_function: Annotated[int | None, Number] = Field(default=None, ge=0)
    """Candidates asked for, or handed in through `drystone mcp`."""
    minutes_per_function: Annotated[float | None, Number] = Field(default=None, ge=0)
    """From its first question on."""
    prices: dict[str, PriceSettings] = Field(default_factory=dict)
    """What a model costs that is in no list, or costs something else here."""

    def told(self) -> str:
        """The ceilings in force, for people."""
        named = {
            scope: [
                render_amount(measure, limit)
                for measure in ("usd", "tokens", "attempts", "minutes")
                if (limit := getattr(self, f"{measure}{scope}")) is not None
            ]
            for scope in UNPRICED_TOKENS
        }
        return f"{', '.join(named[''])} a run; {', '.join(named['_per_function'])} a function"


def render_amount(measure: str, count: Any) -> str:
    """An amount in one measure, for people: `0.5 USD`."""
    if measure == "usd":
        if 0 < count < Decimal("0.0001"):
            return f"{Decimal(f'{count:.2g}'):f} USD"
        return f"{abs(count):,.4f}".rstrip("0").rstrip(".") + " USD"
    noun = {"unpriced": "tokens"}.get(measure, measure)
    return f"{count:,}".removesuffix(".0") + f" {noun if count != 1 else noun.removesuffix('s')}"
