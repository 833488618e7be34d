"""What a generated function may name: builtins, modules of the standard library, and their public names.

The tables are decisions, with the reason a refusal gives; what a module holds is read from the module itself.
"""

import builtins
import functools
import importlib
import sys
import types

from pipeline.records import Bounds

DEFAULT_IMPORTS = (
    "base64",
    "binascii",
    "bisect",
    "calendar",
    "cmath",
    "collections",
    "collections.abc",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "graphlib",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "numbers",
    "operator",
    "re",
    "statistics",
    "string",
    "struct",
    "textwrap",
    "typing",
    "unicodedata",
    "urllib.parse",
    "uuid",
    "zoneinfo",
)
"""Modules of the standard library that compute from their arguments alone; `zoneinfo` reads time zone rules."""

ANNOTATIONS = {
    "Any": "typing",
    "Decimal": "decimal",
    "Fraction": "fractions",
    "Literal": "typing",
    "UUID": "uuid",
    "date": "datetime",
    "datetime": "datetime",
    "time": "datetime",
    "timedelta": "datetime",
    "timezone": "datetime",
}
"""Names of the standard library that a spec's annotations may use, and the module of each."""

_RUNS_TEXT = "it runs code made at run time"
_IO = "it does input or output"
_BY_TEXT = "it reaches names by text"
_VARIES = "its value differs from one run to the next"
_CLOCK = "it reads the clock; the time must come in as an argument"
_RANDOM = "it is random; the value must come in as an argument"
_STATE = "it reads or changes state outside the call"
_ENDS = "it ends the process"
_CLASS = "it belongs to a class, and only one function may be written"
_SYSTEM = "it depends on the machine"

BUILTINS = frozenset(
    "BaseException BaseExceptionGroup Ellipsis NotImplemented abs all any ascii bin bool bytearray bytes"
    " callable chr complex dict divmod enumerate filter float format frozenset hasattr hex int isinstance"
    " issubclass iter len list map max memoryview min next object oct ord pow range repr reversed round set"
    " slice sorted str sum tuple type zip".split()
)
"""Builtin functions and classes a body may use; every builtin error may be used as well."""

REFUSED_BUILTINS = {
    **dict.fromkeys(("__import__", "compile", "eval", "exec"), _RUNS_TEXT),
    **dict.fromkeys(("breakpoint", "help", "input", "open", "print"), _IO),
    **dict.fromkeys(("delattr", "dir", "getattr", "globals", "locals", "setattr", "vars"), _BY_TEXT),
    **dict.fromkeys(("hash", "id"), _VARIES),
    **dict.fromkeys(("GeneratorExit", "KeyboardInterrupt", "SystemExit", "exit", "quit"), _ENDS),
    **dict.fromkeys(("classmethod", "property", "staticmethod", "super"), _CLASS),
}

REFUSED_MEMBERS = {
    **dict.fromkeys(
        (
            "datetime.date.today",
            "datetime.datetime.now",
            "datetime.datetime.today",
            "datetime.datetime.utcnow",
        ),
        _CLOCK,
    ),
    **dict.fromkeys(
        (
            "calendar.prcal",
            "calendar.prmonth",
            "hashlib.file_digest",
            "json.dump",
            "json.load",
            "re.DEBUG",
            "typing.reveal_type",
            "zoneinfo.ZoneInfo.from_file",
            "zoneinfo.ZoneInfo.no_cache",
        ),
        _IO,
    ),
    **dict.fromkeys(
        (
            "calendar.LocaleHTMLCalendar",
            "calendar.LocaleTextCalendar",
            "calendar.firstweekday",
            "calendar.setfirstweekday",
            "decimal.BasicContext",
            "decimal.DefaultContext",
            "decimal.ExtendedContext",
            "decimal.getcontext",
            "decimal.setcontext",
            "enum.global_enum",
            "enum.global_enum_repr",
            "enum.global_flag_repr",
            "typing.clear_overloads",
            "typing.get_overloads",
            "typing.no_type_check",
            "typing.no_type_check_decorator",
            "typing.overload",
            "typing.runtime_checkable",
            "zoneinfo.ZoneInfo.clear_cache",
            "zoneinfo.reset_tzpath",
        ),
        _STATE,
    ),
    **dict.fromkeys(
        (
            "functools.singledispatch",
            "functools.singledispatchmethod",
            "typing.ForwardRef",
            "typing.evaluate_forward_ref",
            "typing.get_type_hints",
        ),
        _RUNS_TEXT,
    ),
    **dict.fromkeys(
        (
            "functools.update_wrapper",
            "functools.wraps",
            "operator.attrgetter",
            "operator.methodcaller",
            "string.Formatter",
        ),
        _BY_TEXT,
    ),
    **dict.fromkeys(
        (
            "dataclasses.dataclass",
            "dataclasses.make_dataclass",
            "enum.EnumMeta",
            "enum.EnumType",
            "functools.total_ordering",
        ),
        _CLASS,
    ),
    **dict.fromkeys(
        (
            "statistics.NormalDist.samples",
            "statistics.kde_random",
            "uuid.uuid1",
            "uuid.uuid4",
            "uuid.uuid6",
            "uuid.uuid7",
            "uuid.uuid8",
        ),
        _RANDOM,
    ),
    **dict.fromkeys(
        ("uuid.getnode", "uuid.main", "zoneinfo.TZPATH", "zoneinfo.available_timezones"), _SYSTEM
    ),
}
"""Public names of allowed modules that break determinism or reach beyond the function."""

REFUSED_ATTRIBUTES = {
    **dict.fromkeys(("now", "today", "utcnow"), _CLOCK),
    "samples": _RANDOM,
    **dict.fromkeys(("from_file", "prmonth", "prweek", "pryear", "tofile"), _IO),
    "register": _STATE,
}
"""Attributes refused on whatever they are reached from, unless a record of the contract has such a field."""

FRAME_ATTRIBUTES = frozenset(
    "ag_await ag_code ag_frame co_code cr_await cr_code cr_frame cr_origin f_back f_builtins f_code f_globals"
    " f_locals f_trace func_code func_globals gi_code gi_frame gi_yieldfrom tb_frame tb_lasti tb_lineno"
    " tb_next".split()
)
"""Attributes that lead from a generator, a coroutine or an error to the frames of the process."""

WELL_KNOWN: tuple[tuple[str, str], ...] = (
    ("datetime", "UTC date datetime time timedelta timezone"),
    (
        "decimal",
        (
            "Decimal DecimalException DivisionByZero InvalidOperation ROUND_CEILING ROUND_DOWN ROUND_FLOOR"
            " ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP localcontext"
        ),
    ),
    ("fractions", "Fraction"),
    ("uuid", "NAMESPACE_DNS NAMESPACE_OID NAMESPACE_URL UUID uuid3 uuid5"),
    ("zoneinfo", "ZoneInfo ZoneInfoNotFoundError"),
    ("collections", "ChainMap Counter OrderedDict defaultdict deque namedtuple"),
    (
        "itertools",
        (
            "accumulate chain combinations combinations_with_replacement cycle dropwhile groupby islice pairwise"
            " permutations product repeat starmap takewhile zip_longest"
        ),
    ),
    ("functools", "cmp_to_key partial reduce"),
    ("heapq", "heapify heappop heappush heappushpop heapreplace nlargest nsmallest"),
    ("bisect", "bisect bisect_left bisect_right insort insort_left insort_right"),
    (
        "math",
        "ceil comb cos exp factorial floor gcd hypot isclose isfinite isinf isnan isqrt lcm log log10 log2",
    ),
    ("math", "perm pi prod sin sqrt tan trunc"),
    (
        "statistics",
        (
            "StatisticsError fmean mean median median_high median_low mode multimode pstdev pvariance quantiles"
            " stdev variance"
        ),
    ),
    (
        "string",
        "ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits punctuation whitespace",
    ),
    ("operator", "itemgetter"),
    ("copy", "copy deepcopy"),
    ("dataclasses", "asdict astuple replace"),
    ("json", "JSONDecodeError dumps loads"),
    ("hashlib", "blake2b md5 sha1 sha256 sha512"),
    ("hmac", "compare_digest"),
    ("base64", "b64decode b64encode urlsafe_b64decode urlsafe_b64encode"),
    ("html", "escape unescape"),
    ("textwrap", "dedent indent shorten"),
    (
        "urllib.parse",
        "parse_qs parse_qsl quote quote_plus unquote unquote_plus urlencode urljoin urlparse urlsplit",
    ),
    (
        "collections.abc",
        "Callable Collection Hashable Iterable Iterator Mapping MutableMapping MutableSequence Sequence",
    ),
    (
        "typing",
        "Any DefaultDict Deque Dict FrozenSet List Literal Optional Set Tuple Type TypeVar Union cast",
    ),
    ("enum", "Enum IntEnum StrEnum"),
)
"""Names whose import the tool supplies when a body uses one without it; the first allowed module wins."""


def allowed_imports(bounds: Bounds) -> tuple[str, ...]:
    """The modules a function under these bounds may import; forbidding one forbids what is inside it."""
    forbidden = bounds.forbidden_imports
    return tuple(m for m in DEFAULT_IMPORTS if not any(m == f or m.startswith(f"{f}.") for f in forbidden))


def is_builtin(name: str) -> bool:
    """Whether a body may use this builtin."""
    found = getattr(builtins, name, None)
    error = isinstance(found, type) and issubclass(found, Exception)
    return name in BUILTINS or (error and not name.startswith("_"))


@functools.cache
def load_module(name: str) -> types.ModuleType | None:
    """A module of the standard library; None if there is none of that name. Nothing else is ever imported."""
    if name.partition(".")[0] not in sys.stdlib_module_names:
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@functools.cache
def public_names(module: str) -> frozenset[str]:
    """What a module offers: its `__all__`, or else its names without underscore; never another module."""
    loaded = load_module(module)
    names = getattr(loaded, "__all__", None) or dir(loaded)
    return frozenset(
        name
        for name in names
        if not name.startswith("_") and not isinstance(getattr(loaded, name, None), types.ModuleType)
    )


def well_known_module(name: str, allowed: tuple[str, ...]) -> str | None:
    """The allowed module that a well-known name comes from."""
    for module, names in WELL_KNOWN:
        if module in allowed and name in names.split() and name in public_names(module):
            return module
    return None
