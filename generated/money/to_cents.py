# Written by a model under to_cents.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:44540c26d6d2367d3a55cfd46b49109ad56f0f40dadb52299feba4f863ca714b

from __future__ import annotations

from .types import Amount


def to_cents(amount: Amount) -> int:
    """The amount as a whole number of cents."""
    return round(amount * 100)
