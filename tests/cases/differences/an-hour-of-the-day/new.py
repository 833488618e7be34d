def f(at):
    return 9 <= at.hour < 18 or (at.hour == 18 and at.minute == 0)
