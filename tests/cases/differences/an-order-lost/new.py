def f(items):
    return sorted(set(items))
