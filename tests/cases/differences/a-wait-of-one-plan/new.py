def f(plan, started, now):
    days = {"free": 14, "pro": 30, "team": 60}[plan]
    return now - started <= timedelta(days=days)
