# Written by a model under record_action.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:02c786b799296a4568ad433ba29cd3b6d5153babb830d8e7b59368e9a2bbded9

from __future__ import annotations

from .types import Account, Name, Progress, Step, Store


def record_action(progress: Progress, action: Name, store: Store) -> Progress:
    """Note the first action on the account of the user.

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
            action=action,
        )
    )
    return Progress(
        email=progress.email,
        step=Step.ACTED,
        token=progress.token,
        token_sent_at=progress.token_sent_at,
        handle=progress.handle,
        lesson=progress.lesson,
    )
