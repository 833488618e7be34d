# Written by a model under with_tax.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:2228f95d777e792fdee083b4939b3198b27cdf2c3152ff85ba53e3fb2a9e924e

from __future__ import annotations

from decimal import Decimal, ROUND_HALF_UP

from .types import Amount


def with_tax(amount: Amount) -> Decimal:
    """The amount with 19 % tax, to the cent."""
    return (amount * Decimal("1.19")).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
