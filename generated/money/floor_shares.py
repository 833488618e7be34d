# Written by a model under floor_shares.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:677552572a9e4cb792d5099f966f51d78d274496b7f0016664e44b4a9717da33

from __future__ import annotations

from .types import Cents, NothingToShareBy, Weights


def floor_shares(cents: Cents, weights: Weights) -> list[int]:
    """The share of each weight in the cents, in proportion to the weights and rounded down to
    whole cents.

    Raises:
        NothingToShareBy: if sum(weights) == 0
    """
    if sum(weights) == 0:
        raise NothingToShareBy
    return [int(cents * weight // sum(weights)) for weight in weights]
