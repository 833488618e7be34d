# Written by a model under save_profile.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:ffa06c0fbbe605a16a992d95133b876d026290f396818c0fe354742dd9b3db3d

from __future__ import annotations

from .types import Account, Name, Progress, Step, Store


def save_profile(progress: Progress, name: Name, store: Store) -> Progress:
    """Write the account of the user, with the claimed handle, the name and no action yet.

    Raises:
        StoreDown: The store cannot be reached.
    """
    assert progress.handle is not None
    store.save(
        Account(
            email=progress.email,
            handle=progress.handle,
            name=name,
            action=None,
        )
    )
    return Progress(
        email=progress.email,
        step=Step.TUTORIAL,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=progress.handle,
        lesson=progress.lesson,
    )
