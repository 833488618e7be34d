# Written by a model under initials.contract.json.
# To change it, change specs/text.yaml and run `drystone generate`.
# sealed sha256:03fb0e6a0cdbf0c60b2066eec7539ff0ed9929b287326672d98433f1e81f5c24

from __future__ import annotations


def initials(name: str) -> str:
    """The first letters of the words of a name, in upper case, without spaces."""
    return "".join(word[0].upper() for word in name.split())
