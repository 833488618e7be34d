def f(code):
    return re.fullmatch(r"[A-Z]{2}[0-9]{6,8}", code) is not None
