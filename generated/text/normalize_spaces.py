# Written by a model under normalize_spaces.contract.json.
# To change it, change specs/text.yaml and run `drystone generate`.
# sealed sha256:88c1b9b3a52c1de00168204e8896e1ab872c3b7f682ab04708f57dc4b6be753a

from __future__ import annotations


def normalize_spaces(text: str) -> str:
    """Replace every run of white space by one space and drop white space at both ends."""
    return " ".join(text.split())
