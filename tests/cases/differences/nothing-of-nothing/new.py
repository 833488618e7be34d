def f(numbers):
    return max([*numbers, 0])
