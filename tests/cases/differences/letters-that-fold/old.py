def f(text):
    return text.lower()
