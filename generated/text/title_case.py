# Written by a model under title_case.contract.json.
# To change it, change specs/text.yaml and run `drystone generate`.
# sealed sha256:4e4850e554c2ace6149667f3a7a2e20c30911f2b78a14804a8eb4dd7aa9e5527

from __future__ import annotations

from .case_word import case_word
from .types import SmallWords


def title_case(text: str, small: SmallWords) -> str:
    """A title in title case: the words of the text, split at white space, each cased by
    case_word, where is_first is true for position 0 only, and joined by single spaces.
    """
    return " ".join(
        case_word(word, position == 0, small) for position, word in enumerate(text.split())
    )
