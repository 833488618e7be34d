"""What a body may do with its ports and what it may await: one claim each."""

import pytest

from pipeline.bounds import FunctionText, Refusal, check_reply, check_source
from pipeline.bounds.imports import own_names
from pipeline.definitions import Method, Param, Port, TypeAlias, TypeRecord
from pipeline.records import Callee, Contract, Raise
from pipeline.render import render_function

CONTRACT = Contract(
    spec="onboarding",
    function="invite",
    summary="Invites somebody.",
    params=(
        Param(name="mailer", type="Mailer"),
        Param(name="clock", type="Clock"),
        Param(name="email", type="Email"),
    ),
    returns="str",
    types={
        "Email": TypeAlias(type="str"),
        "Stamp": TypeRecord(fields=(Param(name="now", type="datetime"),)),
    },
    errors={"MailerDown": "No mail goes out.", "TooLate": "It is too late."},
    ports={
        "Mailer": Port(
            methods=(
                Method(
                    name="send",
                    params=(Param(name="to", type="Email"), Param(name="body", type="str")),
                    returns="str",
                    raises=("MailerDown",),
                ),
                Method(name="purge"),
            )
        ),
        "Clock": Port(
            methods=(
                Method(name="now", returns="datetime"),
                Method(name="register", params=(Param(name="tzinfo", type="int | None"),)),
                Method(name="stamp", returns="Stamp"),
            )
        ),
    },
    homes={"Email": "_shared", "Clock": "_shared", "TooLate": "_shared"},
    calls=("mailer.send", "clock.now", "clock.register", "clock.stamp"),
    raises=(Raise(error="MailerDown"),),
    uses=(
        Callee(
            function="mail.notify",
            signature="def notify(mailer: Mailer, to: str) -> str:",
            summary="",
            raises=("NoSuchBox: x", "MailerDown"),
        ),
        Callee(function="tidy", signature="def tidy(text: str) -> str:", summary="", raises=("Untidy",)),
    ),
)
ASYNC = CONTRACT.model_copy(
    update={
        "is_async": True,
        "ports": {
            **CONTRACT.ports,
            "Mailer": Port(
                methods=(
                    *(
                        each.model_copy(update={"is_async": True})
                        for each in CONTRACT.ports["Mailer"].methods
                    ),
                    Method(name="count", returns="int"),
                )
            ),
        },
        "calls": (*CONTRACT.calls, "mailer.count"),
        "uses": (
            Callee(function="fetch", signature="async def fetch(key: str) -> Stamp:", summary=""),
            Callee(
                function="relay", signature="async def relay(mailer: Mailer, to: str) -> str:", summary=""
            ),
            Callee(function="tidy", signature="def tidy(text: str) -> str:", summary=""),
        ),
    }
)


def reply(*lines: str, keyword: str = "def") -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"```python\n{keyword} invite(mailer, clock, email):\n{body}\n```"


def reason(text: str, contract: Contract) -> str:
    outcome = check_reply(text, contract)
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


A_VALUE = "uses the port 'mailer' as a value"
METHOD_VALUE = "uses 'mailer.send' as a value"

REFUSED = [
    # What is called of a port.
    ("method not listed", ("mailer.purge()", "return ''"), "calls mailer.purge; of its ports it may call"),
    ("unknown method", ("return mailer.resend(email)",), "calls mailer.resend; of its ports it may call"),
    ("method of another port", ("return clock.send(email, '')",), "calls clock.send"),
    ("attribute", ("return mailer.sent",), "uses 'mailer.sent' as a value"),
    ("inner object", ("return mailer.server.send(email, '')",), "uses 'mailer.server' as a value"),
    ("private method", ("return mailer._send(email, '')",), "calls mailer._send"),
    ("class of a port", ("return mailer.__class__()",), "calls mailer.__class__"),
    ("function of a method", ("return mailer.send.__func__(email, '')",), METHOD_VALUE),
    ("fewer arguments", ("return mailer.send(email)",), "other arguments than it takes: (to, body)"),
    ("more arguments", ("return mailer.send(email, '', 1)",), "other arguments"),
    ("unknown keyword", ("return mailer.send(email, text='')",), "other arguments"),
    ("argument twice", ("return mailer.send(email, to='')",), "other arguments"),
    ("unpacked arguments", ("return mailer.send(*(email, ''))",), "unpacks the arguments of mailer.send"),
    ("unpacked keywords", ("return mailer.send(**{'to': email, 'body': ''})",), "unpacks the arguments"),
    ("hidden in a lambda", ("return (lambda: mailer.purge())()",), "calls mailer.purge"),
    ("hidden in an argument", ("return mailer.send(email, mailer.purge())",), "calls mailer.purge"),
    ("hidden in a function", ("def f():", "    mailer.purge()", "f()", "return ''"), "calls mailer.purge"),
    # A method that is no call.
    ("method in a variable", ("send = mailer.send", "return send(email, '')"), METHOD_VALUE),
    ("method mapped", ("return list(map(mailer.send, [email], ['']))",), METHOD_VALUE),
    ("method in a partial", ("return functools.partial(mailer.send, email)('')",), METHOD_VALUE),
    ("method as a decorator", ("@mailer.send", "def f(): return 1", "return f"), METHOD_VALUE),
    ("method assigned", ("mailer.send = tidy", "return ''"), METHOD_VALUE),
    ("method deleted", ("del mailer.send", "return ''"), METHOD_VALUE),
    # A port that is a value.
    ("alias", ("m = mailer", "return m.purge()"), A_VALUE),
    ("alias by walrus", ("return (m := mailer).purge()",), A_VALUE),
    ("alias by tuple", ("m, e = mailer, email", "return m.purge()"), A_VALUE),
    ("alias by loop", ("for m in (mailer,):", "    m.purge()", "return ''"), A_VALUE),
    ("alias by comprehension", ("return [m.purge() for m in [mailer]]",), A_VALUE),
    ("alias by pattern", ("match mailer:", "    case m:", "        return m.purge()"), A_VALUE),
    ("default argument", ("def f(m=mailer):", "    return m.purge()", "return f()"), A_VALUE),
    ("lambda default", ("return (lambda m=mailer: m.purge())()",), A_VALUE),
    ("argument of a lambda", ("return (lambda m: m.purge())(mailer)",), A_VALUE),
    ("returned by a lambda", ("return (lambda: mailer)().purge()",), A_VALUE),
    ("in brackets", ("return [mailer][0].purge()",), A_VALUE),
    ("chosen", ("return (mailer if email else clock).purge()",), A_VALUE),
    ("or", ("return (mailer or email).purge()",), A_VALUE),
    ("returned", ("return mailer",), A_VALUE),
    ("raised", ("raise MailerDown(mailer)",), A_VALUE),
    ("with", ("with mailer:", "    return ''"), A_VALUE),
    ("with as", ("with mailer as m:", "    return m.purge()"), A_VALUE),
    ("f-string", ("return f'{mailer}'",), A_VALUE),
    ("f-string of its name", ("return f'{mailer=}'",), A_VALUE),
    ("text", ("return str(mailer)",), A_VALUE),
    ("format", ("return '{}'.format(mailer)",), A_VALUE),
    ("type", ("return type(mailer).purge(email)",), A_VALUE),
    ("isinstance", ("return '' if isinstance(mailer, Mailer) else 'x'",), A_VALUE),
    ("compared", ("return str(clock == email)",), "uses the port 'clock' as a value"),
    ("compared by identity", ("return 'a' if mailer is None else 'b'",), A_VALUE),
    ("truth", ("if not mailer:", "    return ''", "return 'a'"), A_VALUE),
    ("called", ("return mailer()",), A_VALUE),
    ("index", ("return mailer['send']",), A_VALUE),
    ("key", ("return {mailer: 1}",), A_VALUE),
    ("copied", ("return copy(mailer).purge()",), A_VALUE),
    ("annotation", ("x: mailer = 1", "return ''"), A_VALUE),
    ("argument of a method", ("return mailer.send(mailer, '')",), A_VALUE),
    ("asserted", ("assert mailer", "return ''"), A_VALUE),
    ("getattr", ("return getattr(mailer, 'purge')()",), "reaches names by text"),
    ("hasattr", ("return str(hasattr(mailer, 'purge'))",), A_VALUE),
    ("by text", ("return operator.methodcaller('purge')(mailer)",), "'mailer' as a value"),
    ("star", ("return max(*mailer)",), A_VALUE),
    # The name of a port.
    ("deleted", ("del mailer", "return ''"), "binds the name 'mailer'"),
    ("bound again", ("mailer = email", "return mailer"), "binds the name 'mailer'"),
    ("added to", ("mailer += 1", "return ''"), "binds the name 'mailer'"),
    ("walrus over it", ("return (mailer := email)",), "binds the name 'mailer'"),
    ("loop over it", ("for mailer in (1, 2):", "    pass", "return ''"), "binds the name 'mailer'"),
    ("parameter of a lambda", ("return (lambda mailer: mailer.x)(email)",), "binds the name 'mailer'"),
    ("pattern over it", ("match email:", "    case [*mailer]:", "        return ''"), "binds the name"),
    ("nonlocal", ("def f():", "    nonlocal mailer", "    mailer = 1", "return f()"), "binds the name"),
    ("import over it", ("import re as mailer", "return mailer.I"), "imports 'mailer'"),
    # A port that is passed on.
    ("to a function without ports", ("return tidy(mailer)",), A_VALUE),
    ("to another parameter", ("return notify(mailer, mailer)",), A_VALUE),
    (
        "another port",
        ("return notify(clock, email)",),
        "passes 'clock' to notify, whose 'mailer' is the port",
    ),
    ("no port at all", ("return notify(email, email)",), "passes 'email' to notify"),
    ("a made one", ("return notify(lambda: 1, email)",), "passes 'lambda: 1' to notify"),
    ("unpacked", ("return notify(*[mailer, email])",), "unpacks the arguments of notify"),
    ("unpacked keyword", ("return notify(**{'mailer': mailer, 'to': ''})",), "unpacks the arguments"),
    ("beyond its parameters", ("return notify(mailer, email, mailer)",), A_VALUE),
    ("by another name", ("n = notify", "return n(mailer, email)"), "the function 'notify' as a value"),
    ("by a partial", ("return functools.partial(notify, mailer)(email)",), "'notify' as a value"),
    ("to a stand-in", ("def f(notify):", "    return 1", "return notify(mailer, '')"), "the name 'notify'"),
    # What is still no port.
    ("clock of a class", ("return str(datetime.now())",), "reads the clock"),
    ("private of an argument", ("return mailer.send(email.__class__, '')",), "private attribute '__class__'"),
    ("clock as an argument", ("return mailer.send(email, body=str(datetime.now()))",), "reads the clock"),
    ("clock of an answer", ("return clock.now().now()",), "reads the clock"),
    ("method of an answer", ("f = clock.stamp().now.now", "return f()"), "reads the clock"),
    ("zone of an answer", ("return clock.now().replace(tzinfo=None)",), "without an offset"),
]


@pytest.mark.parametrize(("lines", "expected"), [pytest.param(x, r, id=n) for n, x, r in REFUSED])
def test_a_port_is_only_called_or_passed_on(lines, expected):
    """Every other use of a port is refused, for its own reason."""
    assert expected in reason(reply(*lines), CONTRACT)


ACCEPTED = [
    ("by position", ("return mailer.send(email, 'Hello')",)),
    ("by keyword", ("return mailer.send(body='Hello', to=email)",)),
    ("both", ("return mailer.send(email, body='Hello')",)),
    ("closure", ("def again():", "    return mailer.send(email, '')", "again()", "return again()")),
    ("lambda", ("return [f() for f in (lambda: mailer.send(email, ''),)][0]",)),
    ("comprehension", ("return ''.join(mailer.send(each, '') for each in [email])",)),
    ("errors", ("try:", "    return mailer.send(email, '')", "except MailerDown:", "    raise TooLate")),
    ("names of clocks", ("clock.register(3)", "return clock.now().isoformat()")),
    ("no offset", ("clock.register(tzinfo=None)", "return ''")),
    ("field of an answer", ("s = clock.stamp()", "return str([s.now, clock.stamp().now])")),
    ("passed on", ("return notify(mailer, email)",)),
    ("passed on by keyword", ("return notify(to=tidy(email), mailer=mailer)",)),
    ("errors of callees", ("try:", "    return notify(mailer, '')", "except NoSuchBox:", "    return ''")),
    ("imports of arguments", ("return mailer.send(re.escape(email), body=str(math.pi))",)),
    ("guessed imports", ("from ports import Mailer", "from .types import MailerDown", "return ''")),
    ("on one line", ("return mailer.send(email, ''); return ''",)),
    ("to itself", ("return invite(mailer, clock, email[1:]) if email else ''",)),
    ("a local of another name", ("send = 'a'", "return send")),
]


@pytest.mark.parametrize("lines", [pytest.param(x, id=n) for n, x in ACCEPTED])
def test_what_a_body_may_do_with_ports(lines):
    """It calls their methods, whatever these are called, and passes them on; what lands keeps the same rules."""
    text = check_reply(reply(*lines), CONTRACT)

    assert isinstance(text, FunctionText), text
    assert check_source(render_function(CONTRACT, text), CONTRACT) is None


REFUSED_ASYNC = [
    (
        "not awaited",
        ("return mailer.send(email, '')",),
        "calls mailer.send without awaiting it; write 'await",
    ),
    ("not awaited function", ("x = fetch('a')", "return ''"), "calls fetch without awaiting it"),
    (
        "kept in a variable",
        ("later = mailer.send(email, '')", "return await later"),
        "calls mailer.send without awaiting it",
    ),
    ("a variable", ("return await email",), "awaits 'email'; only a call"),
    ("kept in a list", ("return [await x for x in [fetch('a'), fetch('b')]]",), "awaits 'x'; only a call"),
    ("plain method", ("return str(await mailer.count())",), "awaits mailer.count, which is not async"),
    ("plain function", ("return await tidy(email)",), "awaits 'tidy(email)'; only async methods"),
    ("forbidden method", ("return await mailer.purge()",), "calls mailer.purge; of its ports"),
    ("wrong arguments", ("return await mailer.send(email)",), "other arguments"),
    ("answer of a lambda", ("return await (lambda: fetch('a'))()",), "awaits '(lambda"),
    ("lambda", ("f = lambda: fetch('a')", "return ''"), "calls fetch without awaiting it"),
    ("another name", ("f = fetch", "return await f('a')"), "the function 'fetch' as a value"),
    ("mapped", ("list(map(fetch, 'ab'))", "return ''"), "the function 'fetch' as a value"),
    ("gathered", ("return await asyncio.gather(fetch('a'))",), "uses the name 'asyncio'"),
    ("library", ("import asyncio", "await asyncio.sleep(1)", "return ''"), "imports 'asyncio'"),
    ("async for", ("async for x in email:", "    pass", "return ''"), "iterates with 'async for'"),
    ("async comprehension", ("return [x async for x in email]",), "iterates with 'async for'"),
    ("async with", ("async with email:", "    return ''"), "enters 'async with'"),
    ("generator", ("return ''.join(await fetch(x) for x in email)",), "awaits inside a generator expression"),
    (
        "condition of a generator",
        ("return ''.join(x for x in email if await mailer.send(x, ''))",),
        "awaits inside a generator expression",
    ),
    ("async generator", ("yield email",), "is a generator"),
    ("function inside", ("async def f():", "    return 1", "return await f()"), "awaits 'f()'"),
    ("unused function inside", ("async def f():", "    return 1", "return ''"), "async function 'f' inside"),
    ("frame", ("return fetch('a').cr_frame.f_back",), "calls fetch without awaiting it"),
    ("sent into", ("fetch('a').send(None)", "return ''"), "calls fetch without awaiting it"),
    ("itself", ("return invite(mailer, clock, email)",), "calls invite without awaiting it"),
    ("made port", ("return await relay(email, email)",), "passes 'email' to relay"),
    ("stand-in", ("def f(fetch):", "    return 1", "return str(await fetch('a'))"), "the name 'fetch'"),
    ("a port", ("return await mailer",), "awaits 'mailer'; only a call"),
]


@pytest.mark.parametrize(("lines", "expected"), [pytest.param(x, r, id=n) for n, x, r in REFUSED_ASYNC])
def test_only_async_calls_are_awaited_where_they_are_made(lines, expected):
    """Anything else awaited is refused, and so is an async call that is not."""
    assert expected in reason(reply(*lines, keyword="async def"), ASYNC)


@pytest.mark.parametrize(
    "lines",
    [
        ("return await mailer.send(email, '')",),
        ("await fetch('a')", "return str(mailer.count())"),
        ("x = [await mailer.send(each, '') for each in email]", "return x[0]"),
        ("return ''.join(x for x in [await mailer.send(email, '')])",),
        ("return await relay(mailer, email)",),
        ("return await relay(mailer=mailer, to=await mailer.send(email, ''))",),
        ("s = await fetch('a')", "return str([s.now, (await fetch('b')).now])"),
        ("return await invite(mailer, clock, email) if email else ''",),
        ("if email:", "    import re", "    return re.escape(await mailer.send(email, ''))", "return ''"),
        ("return ''",),
    ],
)
def test_an_async_body_is_accepted(lines):
    """It awaits methods of ports and functions it uses; what lands keeps the same rules."""
    text = check_reply(reply(*lines, keyword="async def"), ASYNC)

    assert isinstance(text, FunctionText), text
    landed = render_function(ASYNC, text)
    assert "\nasync def invite(mailer: Mailer, clock: Clock, email: Email) -> str:\n" in landed
    assert check_source(landed, ASYNC) is None


def test_async_exactly_when_the_contract_is():
    """`async def` is refused without, and `def` with an async contract; in a landed file as well."""
    good = reply("return email")
    landed = render_function(ASYNC, check_reply(good.replace("def", "async def"), ASYNC))

    assert "defines the async function 'invite'" in reason(good.replace("def", "async def"), CONTRACT)
    assert "write 'async def invite'" in reason(good, ASYNC)
    assert "write 'async def invite'" in check_source(landed.replace("async def", "def"), ASYNC).reason
    assert "'await' outside async function" in reason(reply("return await mailer.send(email, '')"), CONTRACT)


def test_a_landed_file_is_held_to_the_same_rules():
    """An edit that asks a port for more is refused."""
    landed = render_function(CONTRACT, check_reply(reply("return mailer.send(email, 'a')"), CONTRACT))

    refusal = check_source(
        landed.replace("mailer.send(email, 'a')".replace("'", '"'), "mailer.purge()"), CONTRACT
    )

    assert "calls mailer.purge" in refusal.reason


def test_names_come_from_where_they_are_defined():
    """Types, errors and ports from the spec that has them, callees from their module, their errors with them."""
    expected = {
        "Email": ".._shared.types",
        "Stamp": ".types",
        "MailerDown": ".types",
        "TooLate": ".._shared.types",
        "Mailer": ".types",
        "Clock": ".._shared.types",
        "NoSuchBox": "..mail.types",
        "Untidy": ".types",
        "notify": "..mail.notify",
        "tidy": ".tidy",
    }

    assert expected == own_names(CONTRACT)


def test_the_contract_says_where_an_error_of_a_callee_is_defined():
    """A shared error that only a callee of another spec raises is imported from the shared file."""
    contract = CONTRACT.model_copy(update={"homes": {"NoSuchBox": "_shared"}})

    assert own_names(contract)["NoSuchBox"] == ".._shared.types"
