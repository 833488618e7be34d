def f(n):
    while n == 41:
        n = max(n, 0)
    return max(n, 0) % 7
