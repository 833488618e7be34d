# Written by a model under mask_middle.contract.json.
# To change it, change specs/text.yaml and run `drystone generate`.
# sealed sha256:2f305171a0d736b56dd9de00b10e06df6e7c28f8a52040ef5f0708bfdf4b89a2

from __future__ import annotations


def mask_middle(secret: str) -> str:
    """Hide a secret text: keep its first and its last character and replace every character
    between them by an asterisk. A text of two characters or fewer is hidden entirely.
    """
    if len(secret) <= 2:
        return "*" * len(secret)
    else:
        return secret[0] + "*" * (len(secret) - 2) + secret[-1]
