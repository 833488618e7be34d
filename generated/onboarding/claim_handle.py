# Written by a model under claim_handle.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:2565d2f448631bdfe9cea2b50bd1d0faed6e0cdc7e72b5d8913aab636dbe1b00

from __future__ import annotations

from .types import Handle, HandleTaken, Progress, Step, Store


def claim_handle(progress: Progress, handle: Handle, store: Store) -> Progress:
    """Claim a free handle for the user, unless somebody has it.

    Raises:
        StoreDown: The store cannot be reached.
        HandleTaken: Somebody else has this handle.
    """
    holder = store.holder(handle)
    if holder is not None and holder != progress.email:
        raise HandleTaken
    store.claim(handle, progress.email)
    return Progress(
        email=progress.email,
        step=Step.NAMING,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=handle,
        lesson=progress.lesson,
    )
