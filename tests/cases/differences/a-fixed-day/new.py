def f(day):
    return day > date(2027, 7, 1)
