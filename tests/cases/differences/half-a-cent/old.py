from decimal import Decimal


def f(d):
    return d.quantize(Decimal('0.01')) if abs(d) < 1000 else d
