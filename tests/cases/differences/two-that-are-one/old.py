def f(owner, who):
    return owner == who
