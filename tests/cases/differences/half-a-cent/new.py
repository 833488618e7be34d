from decimal import ROUND_HALF_UP, Decimal


def f(d):
    return d.quantize(Decimal('0.01'), rounding=ROUND_HALF_UP) if abs(d) < 1000 else d
