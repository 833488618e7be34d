# Written by a model under release_handle.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:70e239a7e66a0ee83fc94d6499455e2c6666c011db897acbdf5b240cdf71b75c

from __future__ import annotations

from .types import Progress, Step, Store


def release_handle(progress: Progress, store: Store) -> Progress:
    """Give the handle free that the user has claimed, and go back to the choice of one.

    Raises:
        StoreDown: The store cannot be reached.
    """
    assert progress.handle is not None
    store.release(progress.handle)
    return Progress(
        email=progress.email,
        step=Step.PROFILE,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=None,
        lesson=progress.lesson,
    )
