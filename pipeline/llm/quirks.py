"""What each model was seen to refuse of a request, so that it is asked the right way at once the next time."""

import re
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import TypeVar

from pipeline.llm import failures

Answer = TypeVar("Answer")

_REFUSALS = frozenset({400, 404, 422, 500, 501})
"""Status codes with which servers turn down a parameter; 500 is how some answer to a schema."""


class Quirks:
    """Per model, the parameters it does not take. Safe to use from several threads at once."""

    def __init__(self, provider: str, notices: Mapping[str, str]) -> None:
        """`notices` says, per parameter, what asking without it means; a parameter it lacks goes quietly."""
        self._provider = provider
        self._notices = notices
        self._lock = threading.Lock()
        self._of_model: dict[str, frozenset[str]] = {}

    def ask(
        self,
        model: str,
        *,
        sent: Mapping[str, re.Pattern[str]],
        ask: Callable[[frozenset[str]], Answer],
    ) -> Answer:
        """Call `ask` with the parameters to do without, once more for each that is refused.

        `sent` holds the parameters of this request and the words by which a refusal names them. What was
        refused is remembered when the model answers without it, with one warning.
        """
        known = without = self._of_model.get(model, frozenset())
        while True:
            try:
                answer = ask(without)
            except Exception as failure:
                refused = _refused(
                    failure, {name: words for name, words in sent.items() if name not in without}
                )
                if refused is None:
                    raise
                without |= {refused}
            else:
                if without != known:
                    self._remember(model, without)
                return answer

    def _remember(self, model: str, refused: frozenset[str]) -> None:
        with self._lock:
            news = refused - self._of_model.get(model, frozenset())
            self._of_model[model] = self._of_model.get(model, frozenset()) | refused
        for name in sorted(news & self._notices.keys()):
            warnings.warn(f"{self._provider}:{model} takes no {name}: {self._notices[name]}", stacklevel=4)


def _refused(failure: Exception, sent: Mapping[str, re.Pattern[str]]) -> str | None:
    if getattr(failure, "status_code", None) not in _REFUSALS or failures.is_overflow(failure):
        return None
    text = _named(failure)
    return next((name for name, words in sent.items() if words.search(text)), None)


def _named(failure: Exception) -> str:
    param = getattr(failure, "param", None)
    return param if isinstance(param, str) and param else failures.text_of(failure)
