def f(wait):
    return wait > timedelta(days=30)
