# Written by a model under format_amount.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:d269245ba6ddd889a132a91e5113d3c9c0dbc57ff310e2d59b2c3ac9efe55e35

from __future__ import annotations

from .types import Amount


def format_amount(amount: Amount) -> str:
    """Write an amount with a comma between thousands and exactly two places after the point."""
    return format(amount, ",.2f")
