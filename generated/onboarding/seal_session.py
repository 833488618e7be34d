# Written by a model under seal_session.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:432d4d2e798da4e8906a347909d8193e3edd954234be08ea1ac56c0c1d1d1b9d

from __future__ import annotations

import hmac

from .types import Progress, Token


def seal_session(progress: Progress, key: Token) -> str:
    """Progress as text that the client may hold: the fields in the order of the record, joined
    by "|" (a handle that is None as "-", the moment in ISO format), then "|" and the
    HMAC-SHA256 of all before it under the key, in hex.
    """
    text = "|".join(
        [
            progress.email,
            progress.step.value,
            progress.token,
            progress.token_sent_at.isoformat(),
            "-" if progress.handle is None else progress.handle,
            str(progress.lesson),
        ]
    )
    return text + "|" + hmac.new(key.encode(), text.encode(), "sha256").hexdigest()
