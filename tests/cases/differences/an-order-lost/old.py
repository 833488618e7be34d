def f(items):
    return list(dict.fromkeys(items))
