"""What the tool renders: types that run and type-check, functions that read well, seals that show edits."""

import dataclasses
import enum
import subprocess
import sys
import typing
from types import ModuleType

import pytest

from pipeline import formatting
from pipeline.bounds import FunctionText
from pipeline.definitions import Method, Param, Port, TypeAlias, TypeEnum, TypeRecord
from pipeline.errors import InternalError, SettingsError
from pipeline.formatting import format_python
from pipeline.records import Callee, Contract, Raise
from pipeline.render import (
    merge_imports,
    render_function,
    render_known_types,
    render_stub_types,
    render_template,
    render_types,
    signature,
)
from pipeline.seals import read_seal, seal

TYPES = {
    "Emails": TypeAlias(type="list[Email] | None"),
    "Email": TypeAlias(type="str", pattern=r"[^@\s]+@'\n", max_length=254),
    "Price": TypeAlias(type="Decimal", ge="0", lt="100", decimal_places=2),
    "Owner": TypeAlias(type="Person | None"),
    "Step": TypeEnum(values=("first-action", "First Action", "", "1", "_x_", "mro", "name", "é", 'a"b\\')),
    "Person": TypeRecord(
        fields=(
            Param(name="parent", type="Person | None"),
            Param(name="emails", type="Emails"),
            Param(name="date", type="date"),
            Param(name="end", type="date | None"),
            Param(name="list", type="list[str]"),
            Param(name="extra", type="dict[str, Any]"),
            Param(name="kind", type="Literal['x', 'y']"),
            Param(name="waits", type="tuple[timedelta, Fraction, UUID, time, timezone, datetime]"),
        )
    ),
    "Empty": TypeRecord(fields=()),
}
ERRORS = {"TokenExpired": 'The "link" is older than a day.', "Odd": 'ends in \\ and """'}
CONTRACT = Contract(
    spec="onboarding",
    function="verify",
    summary='Confirms "the" address \\d of\n a """sign-up""" link"',
    params=(Param(name="person", type="Person"), Param(name="now", type="datetime")),
    returns="Literal['x'] | None",
    types={"Person": TypeRecord(fields=(Param(name="email", type="str"),))},
    errors={"TokenExpired": "The link is too old.", "Unused": "Never raised here."},
    raises=(
        Raise(error="TokenExpired", when="now > limit"),
        Raise(error="Unused"),
        Raise(error="ValueError"),
    ),
    uses=(
        Callee(function="tidy", signature="", summary="", raises=("TidyFailed",)),
        Callee(function="mail.send", signature="", summary=""),
        Callee(function="unused", signature="", summary=""),
    ),
)
PORTS = {
    "Mailer": Port(
        summary='Sends "mail".',
        methods=(
            Method(
                name="send",
                summary="Sends one.",
                params=(Param(name="to", type="Email"), Param(name="on", type="datetime | None")),
                returns="UUID",
                raises=("TokenExpired",),
            ),
            Method(name="close", is_async=True),
        ),
    ),
    "Clock": Port(
        methods=(Method(name="date", params=(Param(name="zone", type="date"),), returns="date | None"),)
    ),
    "Idle": Port(methods=()),
}
SHARING = Contract(
    spec="shop",
    function="order",
    summary="Orders.",
    params=(
        Param(name="mailer", type="Mailer"),
        Param(name="clock", type="Clock"),
        Param(name="basket", type="Basket"),
    ),
    returns="list[Email]",
    types={
        "Email": TypeAlias(type="str", max_length=9),
        "Basket": TypeRecord(fields=(Param(name="owner", type="Email"), Param(name="price", type="Price"))),
        "Price": TypeAlias(type="Decimal"),
    },
    errors={"TokenExpired": "Too old.", "Late": "Too late."},
    ports={"Mailer": PORTS["Mailer"], "Clock": PORTS["Clock"]},
    homes={"Email": "_shared", "Mailer": "_shared", "TokenExpired": "_shared"},
    is_async=True,
    calls=("mailer.send", "mailer.close", "clock.date"),
    raises=(Raise(error="TokenExpired"),),
    uses=(
        Callee(
            function="money.tax",
            signature="async def tax(mailer: Mailer, price: Price) -> Price:",
            summary="",
            raises=("NoRate: no rate",),
        ),
    ),
)
BODY = '    # kept\n    if tidy(person):\n        raise TokenExpired(re.escape("a"))\n    return send("x")\n'


def run(text: str) -> ModuleType:
    module = ModuleType("rendered")
    sys.modules["rendered"] = module
    exec(compile(text, "rendered", "exec"), module.__dict__)
    return module


@pytest.fixture
def types_module():
    yield run(render_types("onboarding", TYPES, ERRORS))
    del sys.modules["rendered"]


# -- types -------------------------------------------------------------------------------------------------


def test_records_are_frozen_and_slotted(types_module):
    """A record is a frozen dataclass with slots, whose fields are in the order of the spec."""
    person = types_module.Person
    empty = types_module.Empty()

    assert [field.name for field in TYPES["Person"].fields] == [f.name for f in dataclasses.fields(person)]
    assert not hasattr(empty, "__dict__")
    with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
        empty.name = 1


def test_annotations_resolve(types_module):
    """`get_type_hints` knows every field: recursive ones, and those whose name hides their own type."""
    hints = typing.get_type_hints(types_module.Person)

    assert types_module.Person | None == hints["parent"]
    assert list[str] | None == hints["emails"]
    assert types_module.date == hints["date"]
    assert types_module.date | None == hints["end"]
    assert list[str] == hints["list"]
    assert typing.Literal["x", "y"] == hints["kind"]


def test_enum_values_are_kept(types_module):
    """Every value of an enum has a member of its own, whatever characters it holds."""
    step = types_module.Step

    assert issubclass(step, enum.StrEnum)
    assert list(TYPES["Step"].values) == [member.value for member in step]
    assert [member.name for member in step] == [
        "FIRST_ACTION",
        "FIRST_ACTION_2",
        "VALUE",
        "VALUE_1",
        "VALUE_X",
        "MRO",
        "NAME",
        "É",
        "A_B_",
    ]


def test_errors_say_what_they_mean(types_module):
    """An error is an exception whose docstring is its meaning, however it is quoted."""
    assert issubclass(types_module.TokenExpired, Exception)
    assert [text.strip() for text in ERRORS.values()] == [
        types_module.TokenExpired.__doc__.strip(),
        types_module.Odd.__doc__.strip(),
    ]


def test_aliases_state_their_constraint():
    """What narrows an alias is said above it, on one line."""
    text = render_types("onboarding", TYPES, {})

    assert "\n# matches [^@\\s]+@'\\n, length at most 254\nEmail: TypeAlias = str\n" in text
    assert "\n# >= 0, < 100, at most 2 decimal places\nPrice: TypeAlias = Decimal\n" in text


def test_aliases_in_a_circle_can_be_imported():
    """Aliases that refer to each other are quoted where they come too early."""
    circle = {"A": TypeAlias(type="list[B]"), "B": TypeAlias(type="list[A]"), "C": TypeAlias(type="list[C]")}

    module = run(render_types("onboarding", circle, {}))

    assert (module.B, module.C) == ("list[A]", "list[C]")
    assert typing.get_args(module.A) == ("list[A]",)


def test_nothing_to_render():
    """A spec without types and errors has no types file."""
    assert render_types("onboarding", {}, {}) is None


def test_only_what_is_needed_is_imported():
    """A file of errors imports nothing."""
    assert "import" not in render_types("onboarding", {}, ERRORS).replace(
        "from __future__ import annotations", ""
    )


def test_ports_are_protocols():
    """A port is a `Protocol` after records and errors: its words, its methods in order, async where it says so."""
    text = render_types("shop", {}, ERRORS, ports=PORTS, shared=("Email", "Unused"))

    assert (
        "\nfrom datetime import date, datetime\nfrom typing import Protocol, TypeAlias\nfrom uuid import UUID\n"
        in text
    )
    assert "\n\nfrom .._shared.types import Email\n" in text
    assert text[text.index("class Mailer") :] == PROTOCOLS
    assert text.index("class Odd(") < text.index("class Mailer(")
    assert text == render_types("shop", {}, ERRORS, ports=PORTS, shared=("Unused", "Email"))


PROTOCOLS = '''\
class Mailer(Protocol):
    """Sends "mail"."""

    def send(self, to: Email, on: datetime | None) -> UUID:
        """Sends one."""
        ...

    async def close(self) -> None: ...


class Clock(Protocol):
    def date(self, zone: _Clock_date_zone) -> _Clock_date: ...


class Idle(Protocol):
    pass


# A name of the same spelling hides these types inside its class.
_Clock_date_zone: TypeAlias = date
_Clock_date: TypeAlias = date | None
'''


def test_ports_alone():
    """A spec of ports has a types file; shared names alone make none."""
    text = render_types("shop", {}, {}, ports={"Idle": PORTS["Idle"]})

    assert isinstance(run(text).Idle, type)
    assert render_types("shop", {}, {}, shared=("Email",)) is None


def test_stub_types_of_each_home():
    """What a contract names is one module for each spec that defines some of it, which import from one another."""
    own, shared, money = (render_stub_types(SHARING, home) for home in (None, "_shared", "money"))

    assert "from .._shared.types import Email\n" in own
    assert [
        line.split("(")[0].split()[1].rstrip(":") for line in own.splitlines() if line.startswith("class ")
    ] == ["Basket", "Late", "Clock"]
    assert "\nEmail: TypeAlias = str\n" in shared
    assert "class Mailer(Protocol):" in shared
    assert "class TokenExpired(Exception):" in shared
    assert "class NoRate(Exception):" in money
    assert "import" not in money.replace("from __future__ import annotations", "")
    assert render_stub_types(SHARING, "other") == ""


def test_known_types_are_one_text():
    """For a prompt, everything a contract names stands in one text, whoever defines it; it runs."""
    text = render_known_types(SHARING)

    assert "from .." not in text
    assert {"Email", "Basket", "Price", "TokenExpired", "Late", "NoRate", "Mailer", "Clock"} <= vars(
        run(text)
    ).keys()
    assert render_known_types(CONTRACT.model_copy(update={"types": {}, "errors": {}, "uses": ()})) == ""


def test_stub_types():
    """The contract's own types and errors and its callees' errors, without header or seal."""
    text = render_stub_types(CONTRACT)

    module = run(text)

    assert text.startswith("from __future__ import annotations\n")
    assert {"Person", "TokenExpired", "Unused", "TidyFailed"} <= vars(module).keys()
    assert render_stub_types(CONTRACT.model_copy(update={"types": {}, "errors": {}, "uses": ()})) == ""


def test_mypy_accepts_what_is_rendered(tmp_path):
    """Rendered types and functions pass `mypy --strict` together, as they would land."""
    package = tmp_path / "onboarding"
    package.mkdir()
    (tmp_path / "mail").mkdir()
    for folder in (package, tmp_path / "mail", tmp_path):
        (folder / "__init__.py").touch()
    (package / "types.py").write_text(
        render_types("onboarding", {**TYPES, **CONTRACT.types}, CONTRACT.errors)
    )
    (package / "all_types.py").write_text(render_types("onboarding", TYPES, ERRORS))
    (package / "stub_types.py").write_text(render_stub_types(CONTRACT))
    (package / "verify.py").write_text(
        render_function(CONTRACT, FunctionText(body=BODY, imports=("import re",)))
    )
    (package / "tidy.py").write_text(
        "from .types import Person\n\n\ndef tidy(person: Person) -> bool:\n    return bool(person)\n"
    )
    (tmp_path / "mail" / "send.py").write_text(
        "from typing import Literal\n\n\ndef send(x: str) -> Literal['x'] | None:\n    return None\n"
    )

    for spec, home in (("shop", None), ("_shared", "_shared"), ("money", "money")):
        (tmp_path / spec).mkdir()
        (tmp_path / spec / "__init__.py").touch()
        (tmp_path / spec / "types.py").write_text(render_stub_types(SHARING, home))
    (tmp_path / "shop" / "order.py").write_text(
        render_function(SHARING, FunctionText(body=ORDER, imports=("from datetime import datetime",)))
    )
    (tmp_path / "shop" / "all_types.py").write_text(
        render_types("shop", {}, ERRORS, ports=PORTS, shared=("Email",))
    )
    (tmp_path / "money" / "tax.py").write_text(
        "from decimal import Decimal as Price\n\nfrom .._shared.types import Mailer\n\n\n"
        "async def tax(mailer: Mailer, price: Price) -> Price:\n    return price\n"
    )

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "--cache-dir",
            tmp_path / "cache",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


ORDER = """\
    if clock.date(datetime(2026, 1, 1).date()) is None:
        raise Late
    try:
        await tax(mailer, basket.price)
    except NoRate:
        await mailer.close()
    return [str(mailer.send(basket.owner, None))]
"""


# -- functions ---------------------------------------------------------------------------------------------

LANDED = '''\
from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from ..mail.send import send
from .tidy import tidy
from .types import Person, TokenExpired


def verify(person: Person, now: datetime) -> Literal["x"] | None:
    """Confirms "the" address \\\\d of a \\"\\"\\"sign-up\\"\\"\\" link"

    Raises:
        TokenExpired: if now > limit
        Unused: Never raised here.
        ValueError
    """
    # kept
    if tidy(person):
        raise TokenExpired(re.escape("a"))
    return send("x")
'''


def test_function():
    """A landed function: exactly the imports it needs, the contract's signature and words, the model's body."""
    text = render_function(CONTRACT, FunctionText(body=BODY, imports=("import re",)))
    header, _, rest = text.partition("\n\n")

    assert rest == LANDED
    assert header.startswith("# Written by a model under verify.contract.json.\n")
    assert "specs/onboarding.yaml" in header
    assert read_seal(text) == "sealed"


def test_signature():
    """The signature is the contract's, on one line."""
    assert signature(CONTRACT) == "def verify(person: Person, now: datetime) -> Literal['x'] | None:"


def test_async_function():
    """An async contract's function is awaited; each name comes from the spec that defines it."""
    text = render_function(SHARING, FunctionText(body=ORDER, imports=("from datetime import datetime",)))

    assert signature(SHARING).startswith("async def order(mailer: Mailer, clock: Clock, basket: Basket) ->")
    assert text.partition("annotations\n")[2].startswith(
        "\nfrom datetime import datetime\n\n"
        "from .._shared.types import Email, Mailer\n"
        "from ..money.tax import tax\n"
        "from ..money.types import NoRate\n"
        "from .types import Basket, Clock, Late\n\n\n"
        "async def order("
    )


def test_imports_are_merged():
    """One statement a module, sorted: plain ones first, the tool's own last."""
    statements = ["from .types import B", "from re import b", "import z", "from re import a", "import a.b"]

    merged = merge_imports([*statements, "import z"])

    assert merged == ["import a.b", "import z", "from re import a, b", "from .types import B"]


def test_every_value_of_a_template_is_needed():
    """A template never renders with a value missing."""
    with pytest.raises(Exception, match="undefined"):
        render_template("templates/function.py.j2", function="verify")


# -- formatting --------------------------------------------------------------------------------------------


def test_text_that_is_not_python():
    """What ruff cannot read is None, not an error."""
    assert format_python("def (") is None


def test_users_configuration_plays_no_part(tmp_path, monkeypatch):
    """A ruff configuration nearby changes nothing."""
    (tmp_path / "ruff.toml").write_text("line-length = 20\n[format]\nquote-style = 'single'\n")
    monkeypatch.chdir(tmp_path)

    assert (
        format_python('x = ["aaaaaaaaaaaaaaa", "bbbbbbbbbbb"]\n')
        == 'x = ["aaaaaaaaaaaaaaa", "bbbbbbbbbbb"]\n'
    )


def test_without_ruff(monkeypatch):
    """Without ruff the run ends with what to do about it."""
    monkeypatch.setitem(sys.modules, "ruff", None)

    with pytest.raises(SettingsError, match="ruff is not installed"):
        format_python("x = 1\n")


def test_changed_meaning_is_a_bug(monkeypatch, tmp_path):
    """A formatter that changes the meaning of a text is found out."""
    ruff = tmp_path / "ruff"
    ruff.write_text("#!/bin/sh\necho 'x = 2'\n")
    ruff.chmod(0o755)
    monkeypatch.setattr(formatting, "_ruff_path", lambda: str(ruff))

    with pytest.raises(InternalError, match="meaning"):
        format_python("x = 1\n")


# -- seals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["#", "//"])
def test_seal(prefix):
    """A sealed text is sealed, with either line end; sealing twice is sealing once."""
    text = seal(f"{prefix} header\n\nx = 1\n", prefix)

    assert read_seal(text) == "sealed"
    assert read_seal(text.replace("\n", "\r\n")) == "sealed"
    assert seal(text, prefix) == text
    assert text.startswith(f"{prefix} header\n{prefix} sealed sha256:")


@pytest.mark.parametrize(
    ("old", "new"), [("x = 1", "x = 2"), ("# header", "# Header"), ("\n\nx", "\nx"), ("x = 1\n", "x = 1")]
)
def test_every_edit_shows(old, new):
    """Any change beyond line ends is an edit."""
    assert read_seal(seal("# header\n\nx = 1\n").replace(old, new)) == "edited"


@pytest.mark.parametrize("text", ["", "x = 1\n", "# header\nx = 1\n", "x = 1\n# sealed sha256:" + "0" * 64])
def test_foreign(text):
    """A file without a seal in its header is not ours, whatever it holds further down."""
    assert read_seal(text) == "foreign"


def test_seal_without_header():
    """A text without comment lines is sealed on its first line."""
    text = seal("x = 1\n")

    assert text.startswith("# sealed sha256:")
    assert read_seal(text) == "sealed"
