from dataclasses import replace

def f(order):
    return replace(order, state=State.PAID)
