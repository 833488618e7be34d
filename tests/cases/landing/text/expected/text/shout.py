# Written by a model under shout.contract.json.
# To change it, change specs/text.yaml and run `drystone generate`.
# sealed sha256:6c7b42c4b0f3f48e6eb506ae4ba3a646aa5b5222895178391fe5bd5839ebb673

from __future__ import annotations


def shout(text: str, marks: int) -> str:
    """The text in capitals, with a mark "!" at its end; a summary with \"\"\" and a backslash \\
    stays a summary.
    """
    # Capitals first.
    loud = text.upper()
    return loud + "!" * marks
