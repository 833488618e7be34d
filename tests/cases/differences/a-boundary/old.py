def f(n):
    return n > 100
