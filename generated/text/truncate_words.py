# Written by a model under truncate_words.contract.json.
# To change it, change specs/text.yaml and run `drystone generate`.
# sealed sha256:b761fd223a5a4bf4186e10387d45ad7b90240897fc563c213c1cf90d239a7e20

from __future__ import annotations

from .types import Limit


def truncate_words(text: str, limit: Limit) -> str:
    """Keep as many whole words of the text as fit into limit characters, joined by single
    spaces. Words are separated by white space. A first word that does not fit leaves
    nothing.
    """
    words = text.split()
    truncated_words = []
    current_length = 0

    for word in words:
        if current_length + len(word) > limit:
            break
        truncated_words.append(word)
        current_length += len(word) + 1

    return " ".join(truncated_words)
