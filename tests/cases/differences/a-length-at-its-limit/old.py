def f(t):
    return len(t) <= 64
