# Written by a model under release_handle.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:6834352bb21fae97d96a959d8d60daee112191350e6961928448ddc3938e5605

from __future__ import annotations

from .types import Progress, Step, Store


def release_handle(progress: Progress, store: Store) -> Progress:
    """Give the handle free that the user has claimed, and go back to the choice of one.

    Raises:
        StoreDown: The store cannot be reached.
    """
    store.release(progress.handle)
    return Progress(
        email=progress.email,
        step=Step.PROFILE,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=None,
        lesson=progress.lesson,
    )
