# Written by a model under retire.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:94d3ced7b88a4b02ff2e02e874e133c4d8abab1b13be9f4c3c2259c55bc5fd3b

from __future__ import annotations

from .types import Progress, Step, Store


def retire(progress: Progress, store: Store) -> Progress:
    """Delete what is kept of a user who never acted, the account and the handle, and give up.

    Raises:
        StoreDown: The store cannot be reached.
    """
    store.forget(progress.email, progress.handle)
    return Progress(
        email=progress.email,
        step=Step.EXPIRED,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=None,
        lesson=progress.lesson,
    )
