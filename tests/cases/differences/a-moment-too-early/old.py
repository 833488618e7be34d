from datetime import timedelta

def f(start, now):
    return now - start > timedelta(hours=24)
