def f(names):
    if len(names) > 3:
        raise TooMany(len(names))
    return len(names)
