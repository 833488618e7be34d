# Written by a model under case_word.contract.json.
# To change it, change specs/text.yaml and run `drystone generate`.
# sealed sha256:9e8e45bd183593eacc123f6a36e7bdce893e48d3a6c92525f83b2ac5b58980c7

from __future__ import annotations

from .types import SmallWords


def case_word(word: str, is_first: bool, small: SmallWords) -> str:
    """One word of a title: in lower case if it is one of the small words and not the first
    word, otherwise with a capital first letter and the rest in lower case.
    """
    return word.lower() if word.lower() in small and not is_first else word.capitalize()
