from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

def f(amount):
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
