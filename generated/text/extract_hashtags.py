# Written by a model under extract_hashtags.contract.json.
# To change it, change specs/text.yaml and run `drystone generate`.
# sealed sha256:3567af230dd2b354a25cf1c1b69329057ad0b7e58401dd5b24b7845c9ef1837c

from __future__ import annotations

import re


def extract_hashtags(text: str) -> list[str]:
    """List the hashtags of a text in the order of their first use, in lower case, without the
    mark and without repeats. A hashtag is a mark # followed by letters, digits or
    underscores (ASCII).
    """
    return list(dict.fromkeys(tag.lower() for tag in re.findall("#([A-Za-z0-9_]+)", text)))
