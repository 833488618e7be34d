# Written by a model under parse_amount.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:916c770ca20c4ce6b630573e6297513d8b4561bb0ab3dc0e21b4b8828faf9869

from __future__ import annotations

import re
from decimal import Decimal

from .types import NotAnAmount


def parse_amount(text: str) -> Decimal:
    """Read an amount such as 1250.5 or 3: digits, and optionally a point with one or two
    digits. White space at both ends is ignored; anything else is no amount.

    Raises:
        NotAnAmount: if re.fullmatch('[0-9]+([.][0-9]{1,2})?', text.strip()) is None
    """
    if not re.fullmatch("[0-9]+([.][0-9]{1,2})?", text.strip()):
        raise NotAnAmount
    return Decimal(text.strip())
