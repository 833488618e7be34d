from decimal import Decimal

from money.bill import bill
from money.with_tax import with_tax

assert with_tax(Decimal("0.50")) == Decimal("0.60")
assert bill([Decimal(100), Decimal("0.50")]) == Decimal("119.60")
