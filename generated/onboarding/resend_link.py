# Written by a model under resend_link.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:3fba2250c0a6d1fecd70ab558f4636d8317187a75c076ab5a855b988df020efc

from __future__ import annotations

from datetime import datetime

from .._shared.types import Mailer
from .types import Progress, Token
from .verification_mail import verification_mail


def resend_link(progress: Progress, token: Token, now: datetime, mailer: Mailer) -> Progress:
    """Send a new token, with the subject "Your new code", and let the old one be forgotten;
    the day to use it begins anew.

    Raises:
        MailerDown: The mail could not be handed over.
    """
    mailer.send(progress.email, "Your new code", verification_mail(token))
    return Progress(
        email=progress.email,
        step=progress.step,
        token=token,
        token_sent_at=now,
        handle=progress.handle,
        lesson=progress.lesson,
    )
