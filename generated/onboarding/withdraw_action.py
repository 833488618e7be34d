# Written by a model under withdraw_action.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:c6d07b6d719ec2c57f153b57e35f71588e08b522afb65fbf1fa4d031bd27b374

from __future__ import annotations

from .types import Account, Progress, Step, Store


def withdraw_action(progress: Progress, store: Store) -> Progress:
    """Take the first action off the account again and go back to before it.

    Raises:
        StoreDown: The store cannot be reached.
        LookupError
    """
    account = store.account(progress.email)
    if account is None:
        raise LookupError
    store.save(
        Account(
            email=account.email,
            handle=account.handle,
            name=account.name,
            action=None,
        )
    )
    return Progress(
        email=progress.email,
        step=Step.FIRST_ACTION,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=progress.handle,
        lesson=progress.lesson,
    )
