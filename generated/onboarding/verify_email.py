# Written by a model under verify_email.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:e74051a20087a33d69574b8dccdf0a36e39532b5c43400dbaf94f1750e91b408

from __future__ import annotations

from datetime import datetime, timedelta

from .types import Progress, Step, Token, TokenExpired, TokenMismatch


def verify_email(progress: Progress, token: Token, now: datetime) -> Progress:
    """Confirm the address with the token that was sent to it last.

    Raises:
        TokenExpired: if now - progress.token_sent_at > timedelta(hours=24)
        TokenMismatch: if token != progress.token
    """
    if now - progress.token_sent_at > timedelta(hours=24):
        raise TokenExpired
    if token != progress.token:
        raise TokenMismatch
    return Progress(
        email=progress.email,
        step=Step.PROFILE,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=progress.handle,
        lesson=progress.lesson,
    )
