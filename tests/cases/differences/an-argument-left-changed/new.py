def f(items):
    items.sort(reverse=True)
    return len(items)
