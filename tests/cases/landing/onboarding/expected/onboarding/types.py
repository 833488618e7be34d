# The types of specs/onboarding.yaml. To change them, change the spec and run `drystone generate`.
# sealed sha256:d6400effbebd5acc4d3a4db82a2270109e857bc8eef2d51560126e6cf527c40e

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


# matches [a-z]+@[a-z]+\.[a-z]+, length at most 254
Email: TypeAlias = str


class Step(StrEnum):
    UNVERIFIED = "unverified"
    PROFILE = "profile"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Progress:
    email: Email
    step: Step
    token: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Screen:
    title: str
    min_width: int


class TokenExpired(Exception):
    """The link is older than a day."""


class TokenMismatch(Exception):
    """The link is not the one that was sent."""
