async def f(to, mail):
    try:
        return await mail.send(to)
    except Down:
        return await mail.send(to)
