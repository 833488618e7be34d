# Written by a model under apply_tax.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:77e674eb30f1d0bf6d04a1a22e5cc4840fbf12c4c204400c790dc20b3e814f57

from __future__ import annotations

from decimal import Decimal, ROUND_HALF_UP

from .types import Amount, Rate


def apply_tax(amount: Amount, rate: Rate) -> Decimal:
    """The amount with tax at the rate added, rounded to whole cents."""
    return (amount * (1 + rate)).quantize(Decimal("0.01"), ROUND_HALF_UP)
