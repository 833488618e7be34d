"""Questions gathered into waves, one batch each; sent once, looked after by one thread, found again by a later run."""

import threading
import time
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from pipeline.errors import DrystoneError, ModelNotFoundError, ProviderError, RateLimitError, UnavailableError
from pipeline.llm import failures
from pipeline.llm.batch_port import Answer, BatchApi, Line
from pipeline.llm.connection import Connection
from pipeline.llm.crew import Crew
from pipeline.llm.wave import Wave, read_waves

TICK_SECONDS = 0.2
FIRST_POLL_SECONDS = 5.0
LONGEST_POLL_SECONDS = 60.0
POLL_GROWTH = 1.5
SEND_PAUSES_SECONDS = (2.0, 10.0, 30.0)
"""Before a batch that could not be created is looked for, and sent again if it is not there."""
OUTAGE_SECONDS = 600.0
"""How long a batch may be out of sight before those who wait for it give up; it goes on all the same."""
UNCONFIRMED_SECONDS = 600.0
"""How long a batch is waited for that may be somebody else's."""
TOO_MANY = "token_limit_exceeded"
"""The code for more than an account may have waiting in batches."""


@dataclass
class _Watched:
    """A wave, and when to look at it again."""

    wave: Wave
    due: float = 0.0
    pause_seconds: float = field(default_factory=lambda: FIRST_POLL_SECONDS)
    first_seen: float = 0.0
    seen: float = 0.0
    """When it was last looked at with success."""
    answered: int = -1
    ended: bool = False


class Waves:
    """The batches of one connection. Safe to use from several threads."""

    def __init__(self, api: BatchApi, connection: Connection, crew: Crew) -> None:
        self._api = api
        self._connection = connection
        self._crew = crew
        self._changed = threading.Condition()
        self._lines: dict[str, Line] = {}
        self._futures: dict[str, Future[Answer]] = {}
        """Who waits for a line."""
        self._answers: dict[str, Answer] = {}
        """Replies that came and are not known to be kept yet."""
        self._foreign: set[str] = set()
        """Batches that were taken for a wave and are none."""
        self._losses: Counter[str] = Counter()
        self._charged: Counter[str] = Counter()
        """Those of the losses that may have been charged for."""
        self._most: dict[str, int] = {}
        """Questions of a model at a time, where a batch was refused for having too many."""
        self._watched: list[_Watched] = []
        self._keeper: threading.Thread | None = None
        self._closed = False
        self._catch_up()

    def answer(self, line: Line) -> Answer:
        """The answer to a line: from a batch that holds it already, or from the next one.

        Raises `ProviderError` where there will be none.
        """
        with self._changed:
            if self._closed:
                raise self._left()
            if line.id in self._answers:
                return self._answers[line.id]
            self._lines[line.id] = line
            future = self._futures.setdefault(line.id, Future())
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, daemon=True)
                self._keeper.start()
            self._changed.notify()
        with self._crew.waiting():
            return future.result()

    def holds(self, line_id: str) -> bool:
        """Whether a line is in a batch that was sent."""
        self._catch_up()
        with self._changed:
            return line_id in self._answers or any(
                each.wave.batch and not (each.wave.guessed or each.ended) and line_id in each.wave.lines
                for each in self._watched
            )

    def lost(self, line_id: str) -> int:
        """How many answers to a line may have been charged for that could not be read; each is told once."""
        with self._changed:
            return self._charged.pop(line_id, 0)

    def taken(self, line_id: str) -> None:
        """Hear that a reply is kept, or of no use: the next time it is asked for, it is asked anew."""
        with self._changed:
            self._answers.pop(line_id, None)
            for watched in self._watched:
                self._drop(watched.wave, {line_id})

    def close(self) -> None:
        """Look after batches no more; they go on. Whoever waits for one hears of it."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            self._fail(list(self._futures), self._left())
        self._api.close()

    def _left(self) -> UnavailableError:
        return UnavailableError(
            f"{self._connection.provider}: the connection was closed; `drystone generate --batch` goes on with batches"
        )

    # -- the keeper's thread -----------------------------------------------------------------------------------

    def _keep(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(TICK_SECONDS if self._futures else None)
                if self._closed:
                    return
            try:
                self._look_after()
            except Exception as failure:  # noqa: BLE001 - whoever waits must hear of it, a bug included
                self._fail(list(self._futures), failure)

    def _look_after(self) -> None:
        for watched in self._awaited():
            if watched.wave.batch is None:
                self._catch_up()  # whoever sent it may know it by now
            if watched.wave.batch is None:
                self._recover(watched.wave)
            elif time.monotonic() >= watched.due:
                self._look(watched)
        if self._unsent() and self._crew.all_have_asked():
            self._catch_up()
            for model, lines in self._unsent().items():
                if model not in self._most:
                    self._send(model, lines)
                elif not any(each.wave.model == model and not each.ended for each in self._watched):
                    self._send(model, lines[: self._most[model]])

    def _catch_up(self) -> None:
        """Hear of what other processes have sent by now: none of it is sent again."""
        with self._changed:
            known = {each.wave.name: each.wave for each in self._watched}
            for wave in read_waves(self._crew.folder):
                own = known.get(wave.name)
                if own is not None:
                    if own.batch is None and wave.batch not in self._foreign:
                        own.batch, own.guessed, own.cancel = wave.batch, wave.guessed, wave.cancel
                elif (wave.provider, wave.server) == (self._connection.provider, self._connection.server):
                    self._watched.append(_Watched(wave))

    def _awaited(self) -> list[_Watched]:
        with self._changed:
            return [
                each for each in self._watched if not each.ended and each.wave.lines & self._futures.keys()
            ]

    def _unsent(self) -> dict[str, list[Line]]:
        """What is in no batch, by model: a batch goes to one."""
        found: dict[str, list[Line]] = {}
        with self._changed:
            sent = {line for each in self._watched for line in each.wave.lines}
            for line_id in self._futures:
                if line_id not in sent:
                    line = self._lines[line_id]
                    found.setdefault(str(line.body.get("model")), []).append(line)
        return found

    def _send(self, model: str, lines: Sequence[Line]) -> None:
        wave = Wave(
            provider=self._connection.provider,
            server=self._connection.server,
            model=model,
            size=len(lines),
            lines={line.id for line in lines},
        )
        wave.save(self._crew.folder)  # before it is sent: a killed run knows what to look for
        with self._changed:
            self._watched.append(_Watched(wave, answered=0))
        try:
            self._name(wave, self._created(wave, lines))
        except DrystoneError as failure:
            ids = set(wave.lines)
            if not self._may_have_arrived(failure):  # otherwise the next run looks for it
                self._drop(wave, ids)
            self._fail(ids, self._refused(failure))

    def _created(self, wave: Wave, lines: Sequence[Line]) -> str:
        for pause_seconds in (*SEND_PAUSES_SECONDS, None):
            try:
                with failures.reported(self._connection, wave.model):
                    return self._api.send(wave.name, lines)
            except (RateLimitError, UnavailableError) as failure:
                if pause_seconds is None:
                    raise
                is_lost = self._may_have_arrived(failure)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, pause_seconds)
            found = self._find(wave) if is_lost else None
            if found is not None:
                wave.guessed = not self._api.names_waves
                return found
        raise AssertionError

    def _may_have_arrived(self, failure: DrystoneError) -> bool:
        """Whether there may be a batch all the same: whoever says that it is busy has made none."""
        if not isinstance(failure, UnavailableError):
            return False
        return failure.trouble != "overloaded" or self._api.names_waves

    def _refused(self, failure: DrystoneError) -> DrystoneError:
        if not isinstance(failure, ModelNotFoundError):
            return failure
        table = f"[tool.drystone.providers.{self._connection.provider}]"
        return ProviderError(
            f"{failure} If this server has no batch API, run without --batch, or set batch = false under {table}: its "
            "questions are then asked one by one."
        )

    def _name(self, wave: Wave, batch: str) -> None:
        with self._changed:
            wave.batch, wave.cancel = batch, "" if wave.guessed else self._api.cancel_command(batch)
            wave.save(self._crew.folder)
        doubt = "; it may be somebody else's, its answers will tell" if wave.guessed else ""
        self._crew.tell(batch, f"0 of {wave.size} answered{doubt}")

    def _find(self, wave: Wave) -> str | None:
        known = {each.wave.batch for each in self._watched if each.wave.batch is not None} | self._foreign
        with failures.reported(self._connection, wave.model):
            return self._api.find(wave.name, size=wave.size, begun=wave.begun, known=known)

    def _recover(self, wave: Wave) -> None:
        """What became of a wave whose sending was cut off."""
        try:
            found = self._find(wave)
        except ProviderError as failure:
            self._fail(wave.lines, failure)
            return
        if found is None:
            self._drop(wave, set(wave.lines))
        else:
            wave.guessed = not self._api.names_waves
            self._name(wave, found)

    def _look(self, watched: _Watched) -> None:
        wave, now = watched.wave, time.monotonic()
        batch = wave.batch or ""
        watched.seen = watched.seen or now
        watched.first_seen = watched.first_seen or now
        try:
            with failures.reported(self._connection, wave.model):
                standing = self._api.look(batch)
                answers = self._api.answers(batch, wave.lines) if standing.ended else {}
        except ModelNotFoundError:
            warnings.warn(
                f"{self._connection.provider} does not know batch {batch} any more; what it held is asked again",
                stacklevel=1,
            )
            self._ended(watched, {}, "is not known any more")
            return
        except (RateLimitError, UnavailableError) as failure:
            watched.due = now + watched.pause_seconds
            if now - watched.seen > OUTAGE_SECONDS:
                self._fail(wave.lines, failure)
            return
        except ProviderError as failure:
            self._fail(wave.lines, failure)
            return
        watched.due, watched.seen = now + watched.pause_seconds, now
        watched.pause_seconds = min(LONGEST_POLL_SECONDS, watched.pause_seconds * POLL_GROWTH)
        if wave.guessed and not wave.lines & answers.keys():
            if standing.ended:
                self._not_ours(watched)
            elif now - watched.first_seen > UNCONFIRMED_SECONDS:
                warnings.warn(
                    f"whether batch {batch} at {wave.provider} holds the questions whose sending was cut off cannot be told "
                    "before it ends; they are sent again",
                    stacklevel=1,
                )
                self._not_ours(watched)
        elif standing.ended:
            if wave.size > 1 and wave.lines <= answers.keys() and _are_too_many(answers):
                self._most[wave.model] = max(1, len(wave.lines) // 2)
                self._again(watched)
            else:
                self._ended(watched, answers, standing.why)
        elif standing.answered != watched.answered:
            watched.answered = standing.answered
            self._crew.tell(batch, f"{standing.answered} of {wave.size} answered")

    def _not_ours(self, watched: _Watched) -> None:
        """Look for another batch that may be the one, or send its questions."""
        wave, batch = watched.wave, watched.wave.batch or ""
        with self._changed:
            self._foreign.add(batch)
            wave.batch, wave.guessed = None, False
            wave.save(self._crew.folder)
        watched.due = watched.first_seen = watched.seen = 0.0
        self._crew.tell(batch, None)

    def _again(self, watched: _Watched) -> None:
        """Send what a batch held in smaller ones, one after the other."""
        watched.ended = True
        self._drop(watched.wave, set(watched.wave.lines))
        self._crew.tell(watched.wave.batch or "", None)

    def _ended(self, watched: _Watched, found: dict[str, Answer | None], why: str) -> None:
        """Hand out what came; what did not is sent once more."""
        wave = watched.wave
        answers = {line: answer for line, answer in found.items() if answer is not None}
        batch = wave.batch or ""
        with self._changed:
            watched.ended = True
            lost = wave.lines - answers.keys()
            self._losses.update(lost)
            self._charged.update(lost & found.keys())
            replies = {line for line in wave.lines & answers.keys() if answers[line].status == 200}
            self._answers |= {line: answers[line] for line in replies}
            delivered = wave.lines & answers.keys()
            self._drop(wave, wave.lines - replies)
            for line in delivered & self._futures.keys():
                self._futures.pop(line).set_result(answers[line])
        self._crew.tell(batch, None)
        again = {line for line in lost if self._losses[line] > 1}
        if again:
            self._fail(
                again,
                UnavailableError(
                    f"{self._connection.provider}:{wave.model}: batch {batch} ended without an answer to {len(again)} "
                    f"of its questions, which had been sent once before{f' ({why})' if why else ''}. Try again later, or without --batch."
                ),
            )

    def _drop(self, wave: Wave, lines: Collection[str]) -> None:
        with self._changed:
            if wave.lines & set(lines):
                wave.drop(lines, self._crew.folder)

    def _fail(self, lines: Collection[str], failure: BaseException) -> None:
        with self._changed:
            for line in set(lines) & self._futures.keys():
                self._futures.pop(line).set_exception(failure)


def _are_too_many(answers: dict[str, Answer | None]) -> bool:
    """Whether a batch was refused as a whole for how much it held."""
    return all(
        answer and answer.status == 429 and TOO_MANY in str(answer.body) for answer in answers.values()
    )
