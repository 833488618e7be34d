# The types of specs/text.yaml. To change them, change the spec and run `drystone generate`.
# sealed sha256:cf4a08dc50557eb5d514240952973b54ad48a281e421de0661b703000d5c1ecf

from __future__ import annotations

from typing import TypeAlias


# >= 1, <= 200
Limit: TypeAlias = int


SmallWords: TypeAlias = list[str]
