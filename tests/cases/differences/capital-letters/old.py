def f(u):
    return u.lower().startswith('https:')
