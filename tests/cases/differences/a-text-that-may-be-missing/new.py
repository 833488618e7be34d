def f(user):
    return user.nick or user.name
