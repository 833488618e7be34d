# Written by a model under expire.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:fd8ac8938ec7ab6de41a207047ce51c09cdef76c2ddcab9f3a60d453a21fb718

from __future__ import annotations

from .types import Progress, Step


def expire(progress: Progress) -> Progress:
    """Give up on a user who has not come back; nothing else changes."""
    return Progress(
        email=progress.email,
        step=Step.EXPIRED,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=progress.handle,
        lesson=progress.lesson,
    )
