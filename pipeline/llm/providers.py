"""What the configuration says of a provider: where it listens, how it is reached, and which secrets that takes."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from pipeline.llm.connection import MAX_CONCURRENCY, OUTAGE_SECONDS

VARIABLE = re.compile(r"\$\{(\w+)\}")
"""What is taken from the environment."""
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|credential", re.IGNORECASE)
_SCHEME = re.compile(r"\s*(bearer|basic|token)?\s*", re.IGNORECASE)


class ProviderSettings(BaseModel):
    """One table `[tool.drystone.providers.NAME]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    protocol: Literal["openai", "anthropic"]
    """What the server speaks."""
    base_url: str | None = Field(default=None, pattern=r"^https?://[^/\s]+")
    """Where it listens; left out, the protocol's own provider."""
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")
    """Environment variable that holds its key; left out for a server with an address, it is given none."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with every question. `${VARIABLE}` in a value is taken from the environment."""
    ca_bundle: Path | None = None
    """File of certificates to trust instead of the usual ones; relative to the project's root."""
    proxy: str | None = None
    """Where to go through, `http://`, `https://` or `socks5://`, and `${VARIABLE}` as in headers; empty for none
    whatever the environment says."""
    timeout_seconds: float | None = Field(default=None, gt=0)
    """Patience for one reply."""
    max_concurrency: int = Field(default=MAX_CONCURRENCY, ge=1, le=256)
    """Calls under way at once; fewer while the server says that these are too many."""
    outage_seconds: float = Field(default=OUTAGE_SECONDS, ge=0)
    """How long a server that fails or cannot be reached is waited for."""

    batch: bool = True
    """Whether `--batch` goes through its batch API; false for a server that has none."""

    @field_validator("headers")
    @classmethod
    def _name_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                raise PydanticCustomError("header", "'{name}' is no name of a header", {"name": name})
            if _SECRET_HEADER.search(name) and not _SCHEME.fullmatch(VARIABLE.sub("", value)):
                raise PydanticCustomError(
                    "header",
                    "the header {name} holds a secret, which no file may: write ${VARIABLE}",
                    {"name": name},
                )
        return headers

    @field_validator("base_url", "proxy")
    @classmethod
    def _hide_password(cls, address: str | None) -> str | None:
        *user, _ = urlsplit(VARIABLE.sub("", address or "")).netloc.rpartition("@")
        if address and user[0].partition(":")[2 if ":" in user[0] else 0]:
            raise PydanticCustomError(
                "address",
                "it holds a password, which no file may; keys, headers and proxies take theirs from the environment: ${VARIABLE}",
            )
        return address

    def within(self, root: Path) -> "ProviderSettings":
        """The same, with its files found from the project's root."""
        if self.ca_bundle is None:
            return self
        return self.model_copy(update={"ca_bundle": root / self.ca_bundle})
