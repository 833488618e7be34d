# Written by a model under slugify.contract.json.
# To change it, change specs/text.yaml and run `drystone generate`.
# sealed sha256:aa1bde3d316b549d3d8b281a783d7900046daaf30f81f7ac7b13f8e59bcee1de

from __future__ import annotations

import re


def slugify(title: str) -> str:
    """Turn a title into an address part: lower-case ASCII letters and digits, every run of
    other characters replaced by one hyphen, no hyphen at either end.
    """
    return "-".join(re.findall("[a-z0-9]+", title.lower()))
