# Written by a model under add_to_first.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:977b094c9c3b7bf5d1f61c0d6186b440122a413708ed2216c2295f49cf27511d

from __future__ import annotations


def add_to_first(numbers: list[int], count: int) -> list[int]:
    """A new list in which each of the first count numbers is larger by one; the others are as
    they were.
    """
    return [number + (position < count) for position, number in enumerate(numbers)]
