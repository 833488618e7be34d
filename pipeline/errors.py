"""The ways in which the world, not a spec or a candidate, is broken; each knows its exit code.

    DrystoneError
    +-- SettingsError        2   usage or configuration
    +-- SecretError          2   a prompt holds a credential; nothing was sent
    +-- OutputError          3   a file in generated/ was edited, or is not drystone's
    +-- ProviderError        5   a model could not be asked
    |   +-- CredentialsError     no key, or a refused one
    |   +-- ModelNotFoundError   unknown or retired model
    |   +-- QuotaError           exhausted quota or credit
    |   +-- RateLimitError       still limited after every retry
    |   +-- UnavailableError     timeout, connection refused, 5xx, a reply that is no reply
    |   +-- WeightsError         the embedded model's weights are missing or damaged
    |   +-- NoReplyError         an answer is not there yet
    |       +-- AnswerPending        a person has not answered yet
    |       +-- MissingReplyError    nobody may be asked, and there is no stored reply
    +-- SandboxError         6   no isolation at the required level
    +-- BudgetError          7   the next call could cost more than is left
    +-- InternalError       70   a bug in drystone

A bad spec or a bad candidate is a value (`Finding`, `Verdict`), never one of these.
"""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal

Trouble = Literal["limited", "overloaded", "out", "late", "damaged"]
"""A failure that may pass: 429; 503 or 529; another 5xx or a connection that fails; no reply in time; a reply that
breaks off or is none."""


class DrystoneError(Exception):
    """A broken world. The message says what is wrong, where, and what to do next."""

    exit_code = 70


class SettingsError(DrystoneError):
    exit_code = 2


class SecretError(DrystoneError):
    exit_code = 2


class OutputError(DrystoneError):
    exit_code = 3


class ProviderError(DrystoneError):
    """With the data that decides whether asking again is of any use, and what it was about."""

    exit_code = 5
    lost = 0
    """How many calls may have been charged for although no reply arrived whole, and nobody has counted them yet."""

    def __init__(
        self,
        message: str,
        *,
        trouble: Trouble | None = None,
        pause_seconds: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.trouble = trouble
        """None: it stays so, however often one asks."""
        self.pause_seconds = pause_seconds
        """How long the server asks to wait."""
        self.status = status
        """The HTTP status of a refusal."""
        self.subject = ""
        """What was asked about: `spec.function`, or a spec."""

    def __str__(self) -> str:
        return f"{self.subject}: {super().__str__()}" if self.subject else super().__str__()


class CredentialsError(ProviderError):
    pass


class ModelNotFoundError(ProviderError):
    pass


class QuotaError(ProviderError):
    pass


class RateLimitError(ProviderError):
    pass


class UnavailableError(ProviderError):
    pass


class WeightsError(ProviderError):
    pass


class NoReplyError(ProviderError):
    """`awaited` says in a few words what is not there."""

    def __init__(self, message: str, awaited: str) -> None:
        self.awaited = awaited
        super().__init__(message)

    @staticmethod
    def together(pending: "Sequence[NoReplyError]") -> "NoReplyError | None":
        """One error for all the answers that are not there; those of one run are of one kind."""
        return pending[0].among(pending) if len(pending) > 1 else next(iter(pending), None)

    def among(self, pending: "Sequence[NoReplyError]") -> "NoReplyError":  # noqa: ARG002 - kinds tell of all
        """One error that tells of others of its kind as well."""
        return self


class AnswerPending(NoReplyError):  # noqa: N818 - nothing is wrong: somebody is thinking
    """`awaited` is the file that is waited for, as a person at the project's root would write it."""

    def among(self, pending: Sequence[NoReplyError]) -> NoReplyError:
        folder = str(PurePath(self.awaited).parent)
        return AnswerPending(
            f"{len(pending)} prompts wait for an answer in {folder}: give each .prompt.md to a model, write its reply "
            "to the .answer.md of the same name beside it, and run the same command again",
            folder,
        )


class MissingReplyError(NoReplyError):
    """`awaited` says whose reply about what it is."""

    def among(self, pending: Sequence[NoReplyError]) -> NoReplyError:
        missing = "".join(f"\n  {each.awaited}" for each in pending)
        way_out = str(self).partition("; ")[2]
        return MissingReplyError(f"no stored reply about {len(pending)} questions; {way_out}{missing}", "")


class SandboxError(DrystoneError):
    exit_code = 6


class BudgetError(DrystoneError):
    """`function` is the one whose own ceiling is reached; None where it is the run's."""

    exit_code = 7

    def __init__(self, message: str, function: str | None = None) -> None:
        self.function = function
        super().__init__(message)

    @classmethod
    def together(cls, over: Sequence["BudgetError"]) -> "BudgetError | None":
        """One error for all the functions that reached a ceiling of their own."""
        return cls("\n".join(str(error) for error in over), over[0].function) if over else None


class InternalError(DrystoneError):
    exit_code = 70
