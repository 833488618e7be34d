# Written by a model under sign_up.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:d8702c1d21c6b0275d1b50755a172effc2ddd808187ef36f9c20e827c14bf8af

from __future__ import annotations

from datetime import datetime

from .._shared.types import Email, Mailer
from .types import Progress, Step, Token
from .verification_mail import verification_mail


def sign_up(email: Email, token: Token, now: datetime, mailer: Mailer) -> Progress:
    """Begin the onboarding of an address: send it the token, with the subject "Confirm your
    address", and return the first progress, unverified, without a handle, at lesson 0.

    Raises:
        MailerDown: The mail could not be handed over.
    """
    mailer.send(email, "Confirm your address", verification_mail(token))
    return Progress(
        email=email,
        step=Step.UNVERIFIED,
        token=token,
        token_sent_at=now,
        handle=None,
        lesson=0,
    )
