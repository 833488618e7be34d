# Written by a model under retire.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:16e1cd082886db783912aa0bef86c9fb47acc41377fc239fa61e3c4117b44edd

from __future__ import annotations

from .types import Progress, Step, Store


def retire(progress: Progress, store: Store) -> Progress:
    """Delete what is kept of a user who never acted, the account and the handle, and give up.

    Raises:
        StoreDown: The store cannot be reached.
    """
    assert progress.handle is not None
    store.forget(progress.email, progress.handle)
    return Progress(
        email=progress.email,
        step=Step.EXPIRED,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=None,
        lesson=progress.lesson,
    )
