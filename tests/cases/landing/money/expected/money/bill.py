# Written by a model under bill.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:99f964dd3f59e7b90a22f5c740fbe19fff94354bdfff0e63d1f7a3aabed05570

from __future__ import annotations

from decimal import Decimal

from .types import Amount
from .with_tax import with_tax


def bill(amounts: list[Amount]) -> Decimal:
    """The sum of amounts, each with tax."""
    return sum((with_tax(amount) for amount in amounts), Decimal("0"))
