# Written by a model under send_welcome.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:67047b322f5832e8d4a02adabee70acab41eaff6f495a4724cbbc6a46594e44e

from __future__ import annotations

from .._shared.types import Mailer
from .types import Progress, Step


def send_welcome(progress: Progress, mailer: Mailer) -> Progress:
    """Send the welcome mail, with the subject "Welcome" and a body that names the handle, and
    finish.

    Raises:
        MailerDown: The mail could not be handed over.
    """
    assert progress.handle is not None
    mailer.send(progress.email, "Welcome", "Welcome, " + progress.handle + ".")
    return Progress(
        email=progress.email,
        step=Step.ACTIVE,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=progress.handle,
        lesson=progress.lesson,
    )
