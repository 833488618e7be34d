# Written by a model under verify_email.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:53e956d8d79a7179764450c98b740f5f1e96bc3a91f8ca5afec9b2836331b904

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
