def f(numbers):
    return float(sum(reversed(numbers)))
