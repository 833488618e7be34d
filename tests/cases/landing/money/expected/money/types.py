# The types of specs/money.yaml. To change them, change the spec and run `drystone generate`.
# sealed sha256:7c181a6b14c18548d84daefc56fe2d4b84cdb9310f357aaa75fd508b2b001875

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias


# >= 0, <= 10000, at most 2 decimal places
Amount: TypeAlias = Decimal
