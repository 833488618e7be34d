# Runs the flows of specs/onboarding.yaml. To change them, change the spec and run `drystone generate`.
# sealed sha256:d9855570601432755066e1979fddafb945936bbdfe63b45da32bfa0c08f64a51

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from .._shared.types import Email, Mailer, MailerDown
from .claim_handle import claim_handle as _claim_handle
from .expire import expire as _expire
from .finish_lesson import finish_lesson as _finish_lesson
from .record_action import record_action as _record_action
from .release_handle import release_handle as _release_handle
from .resend_link import resend_link as _resend_link
from .retire import retire as _retire
from .save_profile import save_profile as _save_profile
from .send_welcome import send_welcome as _send_welcome
from .sign_up import sign_up as _sign_up
from .skip_tutorial import skip_tutorial as _skip_tutorial
from .types import Handle, Name, Progress, Step, Store, StoreDown, Token
from .verify_email import verify_email as _verify_email
from .withdraw_action import withdraw_action as _withdraw_action


class OnboardNotAllowed(Exception):
    """The call is no step from the state the run is in."""


@dataclass(frozen=True, slots=True)
class OnboardClaimHandle:
    """A call of claim_handle that is undone if a later step fails."""

    before: Progress
    since: datetime
    after: Progress


@dataclass(frozen=True, slots=True)
class OnboardRecordAction:
    """A call of record_action that is undone if a later step fails."""

    before: Progress
    since: datetime
    after: Progress


@dataclass(frozen=True, slots=True)
class OnboardRun:
    """All that must be kept of a run between two requests; `resume` goes on from it."""

    progress: Progress
    since: datetime
    """When its state was entered."""
    owed: tuple[OnboardClaimHandle | OnboardRecordAction, ...] = ()
    """Steps that are undone if a later one fails, the last one first."""
    undoing: bool = False
    """Undoing was interrupted; the next call goes on with it."""


class Onboard:
    """From sign-up to the first action; every wait ends, and what a failing step leaves behind is undone."""

    def __init__(self, progress: Progress, *, now: datetime, mailer: Mailer, store: Store) -> None:
        self._run = OnboardRun(progress, now)
        self._mailer = mailer
        self._store = store

    @classmethod
    def start(
        cls, email: Email, token: Token, *, now: datetime, mailer: Mailer, store: Store
    ) -> Onboard:
        """Begin a run with the record that sign_up makes."""
        record = _sign_up(email, token, now, mailer)
        _demand("sign_up", record.step, (Step.UNVERIFIED,))
        return cls(record, now=now, mailer=mailer, store=store)

    @classmethod
    def resume(cls, run: OnboardRun, *, mailer: Mailer, store: Store) -> Onboard:
        """Go on with a run that was kept."""
        flow = cls(run.progress, now=run.since, mailer=mailer, store=store)
        flow._run = run
        return flow

    @property
    def progress(self) -> Progress:
        """The record as it is now."""
        return self._run.progress

    @property
    def run(self) -> OnboardRun:
        """What must be kept to go on later."""
        return self._run

    def due_at(self) -> datetime | None:
        """When the wait of the present state is over: `settle` makes its step from the next moment on."""
        due = self._due()
        return None if due is None else due[0]

    def settle(self, *, now: datetime) -> Progress:
        """Finish what was interrupted, and make the step of every wait that is over."""
        if self._run.undoing:
            self._undo(now)
        while (due := self._due()) is not None and now > due[0]:
            match due[1]:
                case 0:
                    record = _expire(self._run.progress)
                    _demand("expire", record.step, (Step.EXPIRED,))
                case 1:
                    record = _expire(self._run.progress)
                    _demand("expire", record.step, (Step.EXPIRED,))
                case 2:
                    record = _release_handle(self._run.progress, self._store)
                    _demand("release_handle", record.step, (Step.PROFILE,))
                case 3:
                    record = _skip_tutorial(self._run.progress)
                    _demand("skip_tutorial", record.step, (Step.FIRST_ACTION,))
                case 4:
                    record = _retire(self._run.progress, self._store)
                    _demand("retire", record.step, (Step.EXPIRED,))
                case 5:
                    record = replace(self._run.progress, step=Step.ACTIVE)
            self._run = OnboardRun(record, due[0])
        return self._run.progress

    def verify_email(self, token: Token, *, now: datetime) -> Progress:
        """Confirm the address with the token that was sent to it last."""
        self.settle(now=now)
        run = self._run
        match run.progress.step:
            case Step.UNVERIFIED:
                targets: tuple[Step, ...] = (Step.PROFILE,)
            case state:
                raise OnboardNotAllowed(f"verify_email is no step from {state}")
        record = _verify_email(run.progress, token, now)
        _demand("verify_email", record.step, targets)
        return self._enter(record, now, run.owed)

    def resend_link(self, token: Token, *, now: datetime) -> Progress:
        """Send a new token, with the subject 'Your new code', and let the old one be forgotten; the day to use it begins anew."""
        self.settle(now=now)
        run = self._run
        match run.progress.step:
            case Step.UNVERIFIED:
                targets: tuple[Step, ...] = (Step.UNVERIFIED,)
            case state:
                raise OnboardNotAllowed(f"resend_link is no step from {state}")
        try:
            record = _resend_link(run.progress, token, now, self._mailer)
        except MailerDown:
            self._undo(now)
            raise
        _demand("resend_link", record.step, targets)
        return self._enter(record, now, run.owed)

    def claim_handle(self, handle: Handle, *, now: datetime) -> Progress:
        """Claim a free handle for the user, unless somebody has it."""
        self.settle(now=now)
        run = self._run
        match run.progress.step:
            case Step.PROFILE:
                targets: tuple[Step, ...] = (Step.NAMING,)
            case state:
                raise OnboardNotAllowed(f"claim_handle is no step from {state}")
        try:
            record = _claim_handle(run.progress, handle, self._store)
        except StoreDown:
            self._undo(now)
            raise
        _demand("claim_handle", record.step, targets)
        return self._enter(
            record, now, (*run.owed, OnboardClaimHandle(run.progress, run.since, record))
        )

    def save_profile(self, name: Name, *, now: datetime) -> Progress:
        """Write the account of the user, with the claimed handle, the name and no action yet."""
        self.settle(now=now)
        run = self._run
        match run.progress.step:
            case Step.NAMING:
                targets: tuple[Step, ...] = (Step.TUTORIAL,)
            case state:
                raise OnboardNotAllowed(f"save_profile is no step from {state}")
        try:
            record = _save_profile(run.progress, name, self._store)
        except StoreDown:
            self._undo(now)
            raise
        _demand("save_profile", record.step, targets)
        return self._enter(record, now, run.owed)

    def finish_lesson(self, *, now: datetime) -> Progress:
        """Count one lesson of the tutorial; after the third one the first action is next."""
        self.settle(now=now)
        run = self._run
        match run.progress.step:
            case Step.TUTORIAL:
                targets: tuple[Step, ...] = (Step.TUTORIAL, Step.FIRST_ACTION)
            case state:
                raise OnboardNotAllowed(f"finish_lesson is no step from {state}")
        record = _finish_lesson(run.progress)
        _demand("finish_lesson", record.step, targets)
        return self._enter(record, now, run.owed)

    def skip_tutorial(self, *, now: datetime) -> Progress:
        """Go on to the first action without the lessons that are left."""
        self.settle(now=now)
        run = self._run
        match run.progress.step:
            case Step.TUTORIAL:
                targets: tuple[Step, ...] = (Step.FIRST_ACTION,)
            case state:
                raise OnboardNotAllowed(f"skip_tutorial is no step from {state}")
        record = _skip_tutorial(run.progress)
        _demand("skip_tutorial", record.step, targets)
        return self._enter(record, now, run.owed)

    def record_action(self, action: Name, *, now: datetime) -> Progress:
        """Note the first action on the account of the user."""
        self.settle(now=now)
        run = self._run
        match run.progress.step:
            case Step.FIRST_ACTION:
                targets: tuple[Step, ...] = (Step.ACTED,)
            case state:
                raise OnboardNotAllowed(f"record_action is no step from {state}")
        try:
            record = _record_action(run.progress, action, self._store)
        except StoreDown:
            self._undo(now)
            raise
        _demand("record_action", record.step, targets)
        return self._enter(
            record, now, (*run.owed, OnboardRecordAction(run.progress, run.since, record))
        )

    def send_welcome(self, *, now: datetime) -> Progress:
        """Send the welcome mail, with the subject 'Welcome' and a body that names the handle, and finish."""
        self.settle(now=now)
        run = self._run
        match run.progress.step:
            case Step.ACTED:
                targets: tuple[Step, ...] = (Step.ACTIVE,)
            case state:
                raise OnboardNotAllowed(f"send_welcome is no step from {state}")
        try:
            record = _send_welcome(run.progress, self._mailer)
        except MailerDown:
            self._undo(now)
            raise
        _demand("send_welcome", record.step, targets)
        return self._enter(record, now, run.owed)

    def _due(self) -> tuple[datetime, int] | None:
        """When the first wait of the present state is over, and the number of its step."""
        run = self._run
        match run.progress.step:
            case Step.UNVERIFIED:
                return (_later(run.progress.token_sent_at, timedelta(days=1)), 0)
            case Step.PROFILE:
                return (_later(run.since, timedelta(days=7)), 1)
            case Step.NAMING:
                return (_later(run.since, timedelta(minutes=15)), 2)
            case Step.TUTORIAL:
                return (_later(run.since, timedelta(days=14)), 3)
            case Step.FIRST_ACTION:
                return (_later(run.since, timedelta(days=30)), 4)
            case Step.ACTED:
                return (_later(run.since, timedelta(hours=1)), 5)
            case _:
                return None

    def _enter(
        self,
        record: Progress,
        now: datetime,
        owed: tuple[OnboardClaimHandle | OnboardRecordAction, ...],
    ) -> Progress:
        """Enter a state. In some of them what was done before is kept for good."""
        kept = record.step in (
            Step.UNVERIFIED,
            Step.TUTORIAL,
            Step.FIRST_ACTION,
            Step.ACTIVE,
            Step.EXPIRED,
        )
        self._run = OnboardRun(record, now, () if kept else owed)
        return record

    def _undo(self, now: datetime) -> None:
        """Undo what is owed, the last step first. If that fails, what is left stays owed."""
        self._run = replace(self._run, undoing=True)
        while self._run.owed:
            step = self._run.owed[-1]
            match step:
                case OnboardClaimHandle():
                    _release_handle(step.after, self._store)
                case OnboardRecordAction():
                    _withdraw_action(step.after, self._store)
            self._run = OnboardRun(step.before, step.since, self._run.owed[:-1], undoing=True)
        self._run = replace(self._run, undoing=False)


def _demand(call: str, state: str, allowed: tuple[str, ...]) -> None:
    """A step that leads where it must not is not made."""
    if state not in allowed:
        raise ValueError(f"{call} led to {state}")


def _later(moment: datetime, wait: timedelta) -> datetime:
    """When a wait is over; the last moment there is, where it would end after that."""
    try:
        return moment + wait
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)
