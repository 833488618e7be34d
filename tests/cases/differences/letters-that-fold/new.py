def f(text):
    return text.casefold()
