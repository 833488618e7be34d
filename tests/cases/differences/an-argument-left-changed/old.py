def f(items):
    items.sort()
    return len(items)
