def f(text):
    return text.strip()
