# Written by a model under share_by_weight.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:a84c9ad55388c36c22188dfa818a33b4582b27ba44ea6116afa268844e099641

from __future__ import annotations

from .add_to_first import add_to_first
from .types import Cents, NothingToShareBy, Weights


def share_by_weight(cents: Cents, weights: Weights) -> list[int]:
    """Share cents in proportion to the weights without losing one: the floor shares, and the
    cents left over added to the first shares, one each.

    Raises:
        NothingToShareBy: if sum(weights) == 0
    """
    if sum(weights) == 0:
        raise NothingToShareBy
    shares = [cents * weight // sum(weights) for weight in weights]
    return add_to_first(shares, cents - sum(shares))
