"""Configuration: `[tool.drystone]` in `pyproject.toml`, and the folder it speaks for."""

import difflib
import os
import re
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline import outgoing
from pipeline.ceilings import Ceilings
from pipeline.errors import SettingsError
from pipeline.llm.prices import PriceSettings
from pipeline.llm.providers import ProviderSettings
from pipeline.llm.registry import BUILT_IN, LOCAL, NOBODY, canonical_entry, default_models, secret_variables
from pipeline.reports import Rung
from pipeline.sandbox.port import Level

Review = Literal["warn", "block"]
"""What becomes of contradictions that a reviewer finds: notes, or findings that end the run."""
STORE_VARIABLE = "DRYSTONE_STORE"
"""Environment variable that names the folder replies are shared through; it wins over the file."""
SANDBOX_VARIABLE = "DRYSTONE_SANDBOX"
"""Environment variable that says what isolation is required; for `pytest generated`, which has no option for it."""
MOST_IN_A_WAVE = 256
"""Functions that wait for a batch at once."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ModelSettings(_Table):
    """`[tool.drystone.models]`: who plays which role, as `provider:model`."""

    architect: str | None = None
    """Proposes what a spec leaves out; `none` derives contracts from the spec alone."""
    implementer: tuple[str, ...] | None = None
    """The ladder: the next one is asked when the one before has failed. `MODEL x8` asks for eight samples."""

    reviewer: str | None = None
    """Looks for contracts of a spec that contradict one another; `none` for nobody."""
    explainer: str | None = None
    """Says in a review what a function does, from its code alone; `none` for nobody."""

    @field_validator("implementer", mode="before")
    @classmethod
    def _one_is_a_ladder(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class FileSettings(_Table):
    """`[tool.drystone]`."""

    sandbox: Level = "process"
    """Isolation that must at least be reached; a run that cannot reach it stops."""
    jobs: int = Field(default=0, ge=0, le=64)
    """Functions worked on at once; 0 chooses by the models in play."""
    review: Review = "warn"
    """Whether what a reviewer finds ends the run (`block`) or is told (`warn`)."""
    store: str | None = None
    """Folder that replies are shared through, beside `.drystone/`: a path, or a URL such as `s3://bucket/folder`."""
    models: ModelSettings = ModelSettings()
    """Who plays which role."""
    budget: Ceilings = Ceilings()
    """What a run may cost."""
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    """Servers besides the providers' own, by the name that entries use."""


class Settings(_Table):
    """The configuration of one run, complete."""

    root: Path
    sandbox: Level
    jobs: int
    architect: str | None
    """None: contracts are derived from the spec alone."""
    ladder: tuple[Rung, ...]
    """Who implements: the next one is asked when the one before has failed."""
    reviewer: str | None
    """None: nobody reviews contracts."""
    explainer: str | None
    """None: nobody explains functions. `generate` never asks it, so it is not among `entries`."""
    review: Review
    wait: bool
    """Whether a run waits for people who answer prompts by hand, or ends and goes on the next time."""
    offline: bool
    """Whether stored replies must do: nobody is asked."""
    batch: bool
    """Whether questions go through the batch APIs of their providers."""
    store: str | None
    """Path or URL of a folder that replies are shared through; None keeps them on this machine."""
    budget: Ceilings
    providers: dict[str, ProviderSettings]
    why_models: str | None
    """One line that says why these models play, when no configuration names them."""

    @property
    def entries(self) -> tuple[str, ...]:
        """Every model that may be asked, the architect first."""
        everybody = [self.architect, *(rung.entry for rung in self.ladder), self.reviewer]
        return tuple(dict.fromkeys(filter(None, everybody)))

    @property
    def workers(self) -> int:
        """Functions worked on at once: as asked; else one where the embedded model computes here, eight where others do.

        A batch holds what everybody asks at once: there, all that are ready.
        """
        if self.batch:
            return MOST_IN_A_WAVE
        local = any(entry.partition(":")[0] == LOCAL for entry in self.entries)
        return self.jobs or (1 if local else 8)

    @property
    def independent_architect(self) -> bool:
        """Whether the architect is another model than every implementer."""
        return self.architect not in {rung.entry for rung in self.ladder}

    @property
    def generated(self) -> Path:
        return self.root / "generated"

    @property
    def work_folder(self) -> Path:
        """What may be deleted at any time: stored replies. Never committed."""
        return self.root / ".drystone"


def find_root(start: Path) -> Path:
    """The nearest folder upwards that holds a `pyproject.toml`, or `start` itself."""
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    return start


def read_settings(
    root: Path,
    environ: Mapping[str, str] = os.environ,
    *,
    architect: str | None = None,
    implementer: tuple[str, ...] = (),
    reviewer: str | None = None,
    explainer: str | None = None,
    wait: bool = False,
    offline: bool = False,
    batch: bool = False,
    jobs: int | None = None,
    sandbox: str | None = None,
    max_usd: float | None = None,
    max_tokens: int | None = None,
    max_minutes: float | None = None,
) -> Settings:
    """The settings of a project; what is given here wins over the environment, and that over the file.

    Raises SettingsError.
    """
    found = _read_file(root / "pyproject.toml")
    outgoing.guard(secret_variables(found.providers))
    named_architect = architect or found.models.architect
    named_reviewer = reviewer or found.models.reviewer
    named_explainer = explainer or found.models.explainer
    ladder = implementer or found.models.implementer or ()
    why = None
    if named_architect is None or not ladder:  # whoever has named both has said who is asked
        chosen = default_models(environ, ladder)
        named_architect, named_reviewer, named_explainer, ladder, why = (
            named_architect or chosen.architect,
            named_reviewer or chosen.reviewer,
            named_explainer or chosen.explainer,
            ladder or chosen.implementer,
            chosen.why,
        )
    settings = Settings(
        root=root,
        sandbox=_level(sandbox or environ.get(SANDBOX_VARIABLE) or found.sandbox),
        jobs=found.jobs if jobs is None else jobs,
        architect=_played(named_architect),
        ladder=tuple(parse_rung(text) for text in ladder),
        reviewer=_played(named_reviewer),
        explainer=_played(named_explainer),
        review=found.review,
        wait=wait,
        offline=offline,
        batch=batch,
        store=environ.get(STORE_VARIABLE) or found.store or None,
        budget=_with_ceilings(found.budget, usd=max_usd, tokens=max_tokens, minutes=max_minutes),
        providers={name: provider.within(root) for name, provider in found.providers.items()},
        why_models=why,
    )
    for line in _idle_prices(settings):
        warnings.warn(line, stacklevel=2)
    return settings


def _idle_prices(settings: Settings) -> Iterator[str]:
    """A line for each price that is nobody's: its name is close to one in use that has none, or its provider unknown."""
    asked = set(settings.entries)
    providers = {entry.partition(":")[0] for entry in asked}
    known = providers | set(settings.providers) | set(BUILT_IN)
    for name in settings.budget.prices:
        if name in providers or name in asked:
            continue
        alike = (asked if ":" in name else providers) - settings.budget.prices.keys()
        close = difflib.get_close_matches(name, alike, n=1)
        if close or name.partition(":")[0] not in known:
            hint = f"; did you mean '{close[0]}'?" if close else f"; in use are {', '.join(sorted(asked))}"
            yield f"[tool.drystone.budget.prices] '{name}': nothing that is asked has this name{hint}"


def _with_ceilings(ceilings: Ceilings, **given: float | None) -> Ceilings:
    return ceilings.model_copy(update={name: limit for name, limit in given.items() if limit is not None})


def _played(entry: str | None) -> str | None:
    return None if entry in {None, NOBODY} else canonical_entry(str(entry))


def _level(name: str) -> Level:
    match name:
        case "process" | "kernel":
            return name
    raise SettingsError(f"{SANDBOX_VARIABLE}='{name}': write process or kernel")


def parse_rung(text: str) -> Rung:
    """`openai:gpt-6-luna`, or `local x8` for eight samples."""
    match = re.fullmatch(r"(\S+)(?:\s+x([1-9]\d{0,2}))?", text.strip())
    if match is None:
        raise SettingsError(
            f"implementer '{text}': write provider:model, or 'provider:model x8' for eight samples"
        )
    return Rung(entry=canonical_entry(match[1]), samples=int(match[2] or 1))


def _read_file(path: Path) -> FileSettings:
    try:
        document = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name}: {error}") from None
    except OSError as error:
        raise SettingsError(f"{path.name}: cannot be read: {error.strerror}") from None
    tool = document.get("tool", {})
    table = tool.get("drystone", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise SettingsError(f"{path.name}: [tool.drystone] must be a table")
    try:
        return FileSettings.model_validate(table)
    except ValidationError as error:
        raise SettingsError("\n".join(_complaint(path.name, item) for item in error.errors())) from None


def _complaint(name: str, item: Any) -> str:
    """One pydantic error as a line that names the table and the key."""
    *tables, key = [part for part in item["loc"] if isinstance(part, str)] or [""]
    table = ".".join(["tool.drystone", *tables])
    if item["type"] == "extra_forbidden":
        known = {
            "tool.drystone": FileSettings.model_fields,
            "tool.drystone.models": ModelSettings.model_fields,
            "tool.drystone.budget": Ceilings.model_fields,
        }.get(table, (PriceSettings if "prices" in tables else ProviderSettings).model_fields)
        close = difflib.get_close_matches(key, list(known), n=1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(known)}"
        return f"{name}: [{table}]: unknown key '{key}'{hint}"
    return f"{name}: [{table}] {key}: {item['msg'][0].lower()}{item['msg'][1:]}"
