def f(price, paid):
    return paid > price
