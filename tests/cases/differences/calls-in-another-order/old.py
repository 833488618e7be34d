def f(to, mailer):
    sent = 0
    for each in to:
        if mailer.send(each):
            sent += 1
    return sent
