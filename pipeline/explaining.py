"""The explanations of a review: who is asked for them, what they may cost, and why one is missing."""

from collections.abc import Sequence

from pipeline.asking import Asking
from pipeline.budget import Budget
from pipeline.errors import DrystoneError, NoReplyError
from pipeline.llm.registry import LOCAL
from pipeline.project import side_by_side
from pipeline.review.changes import Explanation, FunctionChange, Review
from pipeline.settings import Settings
from pipeline.stages import explain as explaining
from pipeline.watching import Progress


def explain(review: Review, settings: Settings, progress: Progress) -> Review:
    """The review with what the explainer says of every function that is there, within the budget.

    Without an explainer it comes back as it is. Whatever keeps a model from answering is a note: the rest of a review
    needs none.
    """
    if settings.explainer is None or not any(change.code_after for change in review.functions):
        return review
    budget = Budget(settings.budget, settings.providers)
    explained = _Explaining(settings, settings.explainer, budget, progress).run(review.functions)
    functions, notes = explained
    return review.model_copy(
        update={"functions": functions, "notes": (*review.notes, *notes), "spending": budget.spending()}
    )


class _Explaining:
    """The questions of one review."""

    def __init__(self, settings: Settings, entry: str, budget: Budget, progress: Progress) -> None:
        self._settings = settings
        self._entry = entry
        self._budget = budget
        self._progress = progress
        self._broken: list[DrystoneError] = []
        self._pending: list[NoReplyError] = []
        self._useless: list[str] = []

    def run(self, changes: Sequence[FunctionChange]) -> tuple[tuple[FunctionChange, ...], list[str]]:
        """The changes with their explanations, and why some have none."""
        try:
            asking = Asking(self._settings, [self._entry], fresh=False, budget=self._budget)
        except DrystoneError as error:
            return tuple(changes), [f"no function is explained: {error}"]
        if notice := self._budget.notice([self._entry]):
            self._progress.announce(notice)
        alone = self._entry.partition(":")[0] == LOCAL  # the embedded model computes here
        workers = 1 if alone else self._settings.workers
        found = side_by_side(lambda change: self._explain(change, asking), changes, workers=workers)
        told = tuple(
            change.model_copy(update={"explanation": explanation})
            for change, explanation in zip(changes, found, strict=True)
        )
        waiting = NoReplyError.together(self._pending)
        why = [*map(str, self._broken[:1]), *([str(waiting)] if waiting else []), *self._useless]
        return told, [f"not every function is explained: {each}" for each in why]

    def _explain(self, change: FunctionChange, asking: Asking) -> Explanation | None:
        if not change.code_after or self._broken:
            return None
        desk = asking.desk(
            lambda text, usage: self._progress.stage(change.function, text, usage), subject=change.function
        )
        try:
            found = explaining.explain(
                change.code_after, model=self._entry, ask=desk.ask_for("explainer", self._entry)
            )
        except NoReplyError as pending:
            self._pending.append(pending)
            return None
        except DrystoneError as error:
            self._broken.append(error)
            return None
        if isinstance(found, str):
            self._useless.append(f"{change.function}: the explainer's reply cannot be used: {found}")
            desk.forget()
            return None
        return found
