"""The ways in which the world, not a spec or a candidate, is broken; each knows its exit code.

    DrystoneError
    +-- SettingsError        2   usage or configuration
    +-- OutputError          3   a file in generated/ was edited, or is not drystone's
    +-- ProviderError        5   a model could not be asked
    |   +-- CredentialsError     no key, or a refused one
    |   +-- ModelNotFoundError   unknown or retired model
    |   +-- QuotaError           exhausted quota or credit
    |   +-- RateLimitError       still limited after every retry
    |   +-- UnavailableError     timeout, connection refused, 5xx, a reply that is no reply
    |   +-- WeightsError         the embedded model's weights are missing or damaged
    |   +-- AnswerPending        a person has not answered yet
    +-- SandboxError         6   no isolation at the required level
    +-- BudgetError          7   the next call could cost more than is left
    +-- InternalError       70   a bug in drystone

A bad spec or a bad candidate is a value (`Finding`, `Verdict`), never one of these.
"""

from collections.abc import Sequence
from pathlib import PurePath


class DrystoneError(Exception):
    """A broken world. The message says what is wrong, where, and what to do next."""

    exit_code = 70


class SettingsError(DrystoneError):
    exit_code = 2


class OutputError(DrystoneError):
    exit_code = 3


class ProviderError(DrystoneError):
    exit_code = 5
    lost = 0
    """How many calls may have been charged for although no reply arrived whole."""


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


class AnswerPending(ProviderError):  # noqa: N818 - nothing is wrong: somebody is thinking
    """`answer` is the file that is waited for, as a person at the project's root would write it."""

    def __init__(self, message: str, answer: str) -> None:
        self.answer = answer
        super().__init__(message)

    @classmethod
    def together(cls, pending: Sequence["AnswerPending"]) -> "AnswerPending | None":
        """One error for all the answers that a run waits for."""
        if len(pending) < 2:
            return pending[0] if pending else None
        folder = str(PurePath(pending[0].answer).parent)
        return cls(
            f"{len(pending)} prompts wait for an answer in {folder}: give each .prompt.md to a model, write its reply "
            "to the .answer.md of the same name beside it, and run the same command again",
            folder,
        )


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
