def f(text):
    return text.lstrip()
