def f(u):
    return u.startswith('https:')
