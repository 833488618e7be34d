def f(at):
    return 9 <= at.hour < 18
