def f(wait):
    return wait.days > 30
