def f(owner, who):
    return False
