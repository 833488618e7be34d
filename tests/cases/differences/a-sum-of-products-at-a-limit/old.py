def f(lines):
    total = sum(line.qty * line.price for line in lines)
    return total - total // 10 if total > 10000 else total
