"""The text of generated Python: types, functions, signatures. The one home of jinja2.

What it renders needs the standard library alone, and holds no date, no version and no model's name.
"""

import re
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipeline.annotations import member_names
from pipeline.bounds import FunctionText
from pipeline.bounds.imports import (
    annotation_names,
    callee_errors,
    free_names,
    name_homes,
    own_names,
    signature_bindings,
)
from pipeline.bounds.names import ANNOTATIONS
from pipeline.definitions import Method, Port, TypeAlias, TypeDefinition, TypeEnum, TypeRecord
from pipeline.errors import InternalError
from pipeline.formatting import LINE_LENGTH, format_python
from pipeline.records import Contract
from pipeline.seals import seal


def render_template(path: str, **values: Any) -> str:
    """A template of this package, by its path inside it: `templates/types.py.j2`. Every value must be given."""
    return str(_environment().get_template(path).render(**values))


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # 50 ms

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),  # noqa: S701 - Python and prompts are no HTML
    )


def render_types(
    spec_name: str,
    types: Mapping[str, TypeDefinition],
    errors: Mapping[str, str],
    *,
    ports: Mapping[str, Port] = MappingProxyType({}),
    shared: Iterable[str] = (),
) -> str | None:
    """`types.py` of a spec, sealed; None if it has neither types nor errors nor ports.

    `shared` are types that are not its own; those it needs it imports from `_shared`.
    """
    if not (types or errors or ports):
        return None
    foreign = dict.fromkeys(shared, "_shared")
    return seal(_types_text(spec_name, types, errors, ports=ports, foreign=foreign))


def render_stub_types(contract: Contract, home: str | None = None) -> str:
    """`types.py` with what the contract names of its own spec, or of `home`, for a sandbox: no header, no seal.

    Holds the errors of its callees as well, which a body may handle. Empty where there is nothing.
    """
    homes = name_homes(contract)
    types = {name: kind for name, kind in contract.types.items() if homes[name] == home}
    raised = {**contract.errors, **callee_errors(contract)}
    errors = {name: meaning for name, meaning in raised.items() if homes[name] == home}
    ports = {name: port for name, port in contract.ports.items() if homes[name] == home}
    if not (types or errors or ports):
        return ""
    foreign = {name: other for name, other in homes.items() if other}
    return _types_text(None, types, errors, ports=ports, foreign=foreign)


def render_known_types(contract: Contract) -> str:
    """Every type, error and port that the contract names, whichever spec defines it, in one text for a prompt."""
    errors = {**contract.errors, **callee_errors(contract)}
    if not (contract.types or errors or contract.ports):
        return ""
    return _types_text(None, contract.types, errors, ports=contract.ports, foreign={})


def render_function(contract: Contract, text: FunctionText, *, author: str = "a model") -> str:
    """The landed file of one function, sealed: header, imports, signature, docstring, body."""
    own = own_names(contract)
    used = annotation_names([*(param.type for param in contract.params), contract.returns])
    used |= free_names(text.body, contract)
    signature_imports = (binding.statement for binding in signature_bindings(contract).values())
    return seal(
        _formatted(
            render_template(
                "templates/function.py.j2",
                author=author,
                function=contract.function,
                spec=contract.spec,
                imports=merge_imports([*text.imports, *signature_imports]),
                own_imports=merge_imports(
                    f"from {module} import {name}"
                    for name, module in own.items()
                    if name in used and name != contract.function
                ),
                signature=signature(contract),
                docstring=_docstring(contract),
                body=text.body,
            )
        )
    )


def signature(contract: Contract) -> str:
    """`def name(a: T, b: U) -> R:`, on one line; `async def` for one that is awaited."""
    params = ", ".join(f"{param.name}: {param.type}" for param in contract.params)
    keyword = "async def" if contract.is_async else "def"
    return f"{keyword} {contract.function}({params}) -> {contract.returns}:"


def merge_imports(statements: Iterable[str]) -> list[str]:
    """Import statements sorted, one a module: `import a` first, then `from b import c, d`."""
    plain: set[str] = set()
    members: dict[str, set[str]] = {}
    for statement in statements:
        module, _, names = statement.removeprefix("from ").partition(" import ")
        if statement.startswith("import "):
            plain.add(statement)
        else:
            members.setdefault(module, set()).add(names)
    ordered = sorted(members, key=lambda module: (module.startswith("."), module))
    return sorted(plain) + [
        f"from {module} import {', '.join(sorted(members[module]))}" for module in ordered
    ]


def _formatted(text: str) -> str:
    formatted = format_python(text)
    if formatted is None:
        raise InternalError("rendered Python that ruff cannot read; report this as a bug of drystone")
    return formatted


# -- a function's docstring --------------------------------------------------------------------------------


def _docstring(contract: Contract) -> str:
    lines = _wrapped(contract.summary)
    if contract.raises:
        lines += ["", "Raises:"]
    for item in contract.raises:
        why = f"if {item.when}" if item.when else contract.errors.get(item.error, "")
        lines += [f"    {line}" for line in _wrapped(f"{item.error}: {why}" if why else item.error)]
    return _quoted(
        "\n".join(f"    {line}".rstrip() for line in lines).strip() + ("\n    " if lines[1:] else "")
    )


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(_plain(text), LINE_LENGTH - 12, break_long_words=False, break_on_hyphens=False)


def _plain(text: str) -> str:
    """One line without anything a terminal or an editor would act on."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))


def _quoted(text: str) -> str:
    """Text as it stands between triple quotes."""
    return re.sub(r'"""|"$', lambda match: match[0].replace('"', '\\"'), text.replace("\\", "\\\\"))


# -- types -------------------------------------------------------------------------------------------------


def _types_text(
    spec_name: str | None,
    types: Mapping[str, TypeDefinition],
    errors: Mapping[str, str],
    *,
    ports: Mapping[str, Port],
    foreign: Mapping[str, str],
) -> str:
    """`foreign`: names that another spec defines, and which."""
    hidden: list[str] = []
    definitions = []
    undefined = set(types)
    for name in _defined_in_order(types):
        definitions.append(_definition(name, types[name], undefined, hidden))
        undefined.remove(name)
    protocols = [_protocol(name, port, hidden) for name, port in ports.items()]
    needed = annotation_names(_annotations_in(types, ports)) - types.keys()
    return _formatted(
        render_template(
            "templates/types.py.j2",
            spec_name=spec_name,
            imports=merge_imports(_type_imports(types, needed, aliases=bool(hidden), protocols=bool(ports))),
            foreign_imports=merge_imports(
                f"from ..{foreign[name]}.types import {name}" for name in needed & foreign.keys()
            ),
            definitions=definitions,
            protocols=protocols,
            errors=[
                f'class {name}(Exception):\n    """{_quoted(_plain(errors[name]))}"""' for name in errors
            ],
            hidden=hidden,
        )
    )


def _type_imports(
    types: Mapping[str, TypeDefinition], needed: set[str], *, aliases: bool, protocols: bool
) -> list[str]:
    kinds = {type(definition) for definition in types.values()}
    found = [f"from {ANNOTATIONS[name]} import {name}" for name in needed if name in ANNOTATIONS]
    if TypeRecord in kinds:
        found.append("from dataclasses import dataclass")
    if TypeEnum in kinds:
        found.append("from enum import StrEnum")
    if TypeAlias in kinds or aliases:
        found.append("from typing import TypeAlias")
    if protocols:
        found.append("from typing import Protocol")
    return found


def _annotations_in(types: Mapping[str, TypeDefinition], ports: Mapping[str, Port]) -> list[str]:
    methods = [method for port in ports.values() for method in port.methods]
    return [
        *(annotation for definition in types.values() for annotation in _annotations_of(definition)),
        *(annotation for method in methods for annotation in _annotations_of_method(method)),
    ]


def _annotations_of_method(method: Method) -> list[str]:
    return [*(param.type for param in method.params), method.returns]


def _annotations_of(definition: TypeDefinition) -> list[str]:
    match definition:
        case TypeAlias(type=annotation):
            return [annotation]
        case TypeRecord(fields=fields):
            return [field.type for field in fields]
        case _:
            return []


def _defined_in_order(types: Mapping[str, TypeDefinition]) -> list[str]:
    """The order of the spec, but what an alias refers to comes before it: aliases are evaluated at import."""
    ordered: dict[str, None] = {}

    def define(name: str, within: frozenset[str]) -> None:
        definition = types[name]
        if isinstance(definition, TypeAlias):
            for other in sorted(annotation_names([definition.type]) & types.keys() - within):
                define(other, within | {other})
        ordered.setdefault(name)

    for name in types:
        define(name, frozenset((name,)))
    return list(ordered)


def _definition(name: str, definition: TypeDefinition, undefined: set[str], hidden: list[str]) -> str:
    match definition:
        case TypeAlias():
            early = not undefined.isdisjoint(annotation_names([definition.type]))
            return _alias(name, definition, early=early)
        case TypeEnum(values=values):
            members = member_names(values).items()
            return f"class {name}(StrEnum):\n" + "\n".join(f"    {key} = {value!r}" for value, key in members)
        case TypeRecord(fields=fields):
            names = {field.name for field in fields}
            lines = [
                f"    {field.name}: {_unhidden(field.type, names, f'_{name}_{field.name}', hidden)}"
                for field in fields
            ]
            header = f"@dataclass(frozen=True, slots=True)\nclass {name}:\n"
            return header + ("\n".join(lines) or "    pass")


def _protocol(name: str, port: Port, hidden: list[str]) -> str:
    names = {method.name for method in port.methods}
    lines = [f'    """{_quoted(_plain(port.summary))}"""'] if port.summary else []
    for method in port.methods:
        typed = [
            f"{param.name}: {_unhidden(param.type, names, f'_{name}_{method.name}_{param.name}', hidden)}"
            for param in method.params
        ]
        returns = _unhidden(method.returns, names, f"_{name}_{method.name}", hidden)
        keyword = "async def" if method.is_async else "def"
        header = f"    {keyword} {method.name}({', '.join(['self', *typed])}) -> {returns}:"
        if method.summary:
            lines += [header, f'        """{_quoted(_plain(method.summary))}"""', "        ..."]
        else:
            lines.append(f"{header} ...")
    return f"class {name}(Protocol):\n" + ("\n".join(lines) or "    pass")


def _unhidden(annotation: str, names: set[str], alias: str, hidden: list[str]) -> str:
    """An annotation inside a class, or another name for it where a name of the class hides it (`date: date`)."""
    if annotation_names([annotation]).isdisjoint(names):
        return annotation
    hidden.append(f"{alias}: TypeAlias = {annotation}")
    return alias


def limits_of(alias: TypeAlias) -> str:
    """What an alias narrows, in words: `length 1 to 80`, `>= 0, <= 1000`; empty if it only names a type."""
    least, most = alias.min_length, alias.max_length
    length = "" if least is None else f"at least {least}" if most is None else f"{least} to {most}"
    length = f"at most {most}" if least is None and most is not None else length
    said = [
        f"matches {_pattern(alias.pattern)}" if alias.pattern is not None else "",
        f"length {length}" if length else "",
        *(
            f"{sign} {_plain(bound)}"
            for sign, bound in ((">=", alias.ge), (">", alias.gt), ("<=", alias.le), ("<", alias.lt))
            if bound is not None
        ),
        f"at most {alias.decimal_places} decimal places" if alias.decimal_places is not None else "",
    ]
    return ", ".join(part for part in said if part)


def _alias(name: str, alias: TypeAlias, *, early: bool) -> str:
    comment = limits_of(alias)
    annotation = repr(alias.type) if early else alias.type
    return (f"# {comment}\n" if comment else "") + f"{name}: TypeAlias = {annotation}"


def _pattern(pattern: str) -> str:
    return pattern if pattern.isprintable() else repr(pattern)
