# Written by a model under discounted_price.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:b23dcb4fffac15f2c3073526db480f903705a5e4207c9aee488f870e5c694035

from __future__ import annotations

from decimal import Decimal, ROUND_HALF_UP

from .types import Amount, Rate


def discounted_price(amount: Amount, rate: Rate) -> Decimal:
    """What is left to pay, the amount less its discount."""
    discount = (amount * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return amount - discount
