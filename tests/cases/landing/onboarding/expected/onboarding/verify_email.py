# Written by a model under verify_email.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:06ccc0ad84b1988aced56b5d886af8f73a41ce2d441d9bdc8b2575e750829251

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from .types import Progress, Step, TokenExpired, TokenMismatch


def verify_email(progress: Progress, token: str, now: datetime) -> Progress:
    """Confirms the address a sign-up link was sent to.

    Raises:
        TokenExpired: if now - progress.sent_at > timedelta(hours=24)
        TokenMismatch: if token != progress.token
    """
    if now - progress.sent_at > timedelta(hours=24):
        raise TokenExpired("older than a day")
    if token != progress.token:
        raise TokenMismatch("not the link that was sent")
    return replace(progress, step=Step("profile"))
