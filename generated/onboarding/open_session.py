# Written by a model under open_session.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:e19f0622509a211769b1e689f55bc4f1723a4c9de12433400132103abf51582c

from __future__ import annotations

import hmac
from datetime import datetime

from .seal_session import seal_session
from .types import Progress, Step, TamperedSession, Token


def open_session(session: str, key: Token) -> Progress:
    """The progress in a sealed session, as seal_session writes it.

    Raises:
        TamperedSession: The session was not sealed with this key, or was changed since.
    """

    try:
        email, step, token, token_sent_at, handle, lesson, _ = session.split("|")
        progress = Progress(
            email=email,
            step=Step(step),
            token=token,
            token_sent_at=datetime.fromisoformat(token_sent_at),
            handle=None if handle == "-" else handle,
            lesson=int(lesson),
        )
        genuine = hmac.compare_digest(seal_session(progress, key).encode(), session.encode())
    except ValueError:
        raise TamperedSession from None
    if not genuine:
        raise TamperedSession
    return progress
