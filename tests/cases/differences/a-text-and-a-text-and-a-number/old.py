def f(user):
    return user.country == "AT" and user.plan == "pro" and user.age >= 18
