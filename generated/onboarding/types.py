# The types of specs/onboarding.yaml. To change them, change the spec and run `drystone generate`.
# sealed sha256:fb04dac015334caafd4e5d54d4a1dec8062acebd07161087d87dd5f3fee687fd

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from .._shared.types import Email


# matches [a-z0-9]{6,12}
Token: TypeAlias = str


# matches [a-z]{3,12}
Handle: TypeAlias = str


# length 1 to 40
Name: TypeAlias = str


# >= 0, <= 3
Lesson: TypeAlias = int


# >= 0, <= 2
Unfinished: TypeAlias = int


class Step(StrEnum):
    UNVERIFIED = "unverified"
    PROFILE = "profile"
    NAMING = "naming"
    TUTORIAL = "tutorial"
    FIRST_ACTION = "first_action"
    ACTED = "acted"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Progress:
    email: Email
    step: Step
    token: Token
    token_sent_at: datetime
    handle: Handle | None
    lesson: Lesson


@dataclass(frozen=True, slots=True)
class Account:
    email: Email
    handle: Handle
    name: Name
    action: str | None


@dataclass(frozen=True, slots=True)
class Screen:
    title: str
    body: str
    button: str
    min_width: int


class TokenExpired(Exception):
    """The link is older than a day."""


class TokenMismatch(Exception):
    """The link is not the one that was sent last."""


class HandleTaken(Exception):
    """Somebody else has this handle."""


class TamperedSession(Exception):
    """The session was not sealed with this key, or was changed since."""


class StoreDown(Exception):
    """The store cannot be reached."""


class Store(Protocol):
    def holder(self, handle: Handle) -> Email | None:
        """Who has claimed a handle."""
        ...

    def claim(self, handle: Handle, email: Email) -> None:
        """Keep a handle for an address."""
        ...

    def release(self, handle: Handle) -> None:
        """Give a handle free again."""
        ...

    def account(self, email: Email) -> Account | None:
        """The account of an address, if there is one."""
        ...

    def save(self, account: Account) -> None:
        """Write an account, in place of the one its address had."""
        ...

    def forget(self, email: Email, handle: Handle) -> None:
        """Delete the account of an address and give its handle free, both or neither."""
        ...
