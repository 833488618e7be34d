def f(user):
    return user.nick if user.nick is not None else user.name
