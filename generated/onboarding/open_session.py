# Written by a model under open_session.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:a62f79699219c064f391bc1cb07a7393febd063bd143a7e30186db4da836abe1

from __future__ import annotations

import hmac
import re
from datetime import datetime

from .seal_session import seal_session
from .types import Progress, Step, TamperedSession, Token


def open_session(session: str, key: Token) -> Progress:
    """The progress in a sealed session, as seal_session writes it.

    Raises:
        TamperedSession: The session was not sealed with this key, or was changed since.
    """
    match = re.fullmatch(
        r"([a-z0-9.]{1,30}@[a-z0-9]{1,20}[.][a-z]{2,6})"
        r"\|([a-z_]+)"
        r"\|([a-z0-9]{6,12})"
        r"\|([0-9T:.+-]+)"
        r"\|(-|[a-z]{3,12})"
        r"\|([0-3])"
        r"\|[0-9a-f]{64}",
        session,
    )
    if match is None:
        raise TamperedSession
    email, step, token, moment, handle, lesson = match.groups()
    try:
        progress = Progress(
            email=email,
            step=Step(step),
            token=token,
            token_sent_at=datetime.fromisoformat(moment),
            handle=None if handle == "-" else handle,
            lesson=int(lesson),
        )
    except ValueError:
        raise TamperedSession from None
    if not hmac.compare_digest(seal_session(progress, key), session):
        raise TamperedSession
    return progress
