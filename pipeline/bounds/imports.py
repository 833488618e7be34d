"""Imports of one function: which of the model's may stay, and which the tool supplies."""

import ast
import re
import symtable
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.bounds.callees import name_of
from pipeline.bounds.names import (
    ANNOTATIONS,
    REFUSED_BUILTINS,
    REFUSED_MEMBERS,
    allowed_imports,
    is_builtin,
    load_module,
    public_names,
    well_known_module,
)
from pipeline.bounds.replies import RefusedError
from pipeline.records import Callee, Contract

_ONLY_TYPES = frozenset(("collections.abc", "typing"))
"""Their names mostly serve annotations, which are the tool's; only one in use must be allowed."""


@dataclass(frozen=True)
class Binding:
    """A name that an import statement defines: a module, or one member of it."""

    name: str
    module: str
    member: str | None = None

    @property
    def path(self) -> str:
        return self.module if self.member is None else f"{self.module}.{self.member}"

    @property
    def is_module(self) -> bool:
        return self.member is None or load_module(self.path) is not None

    @property
    def statement(self) -> str:
        start = f"import {self.module}" if self.member is None else f"from {self.module} import {self.member}"
        return start if self.name == (self.member or self.module) else f"{start} as {self.name}"


def own_names(contract: Contract) -> dict[str, str]:
    """Name -> module, relative to the function's file, of the types, errors, ports and callees of a contract."""
    names = {name: f"..{home}.types" if home else ".types" for name, home in name_homes(contract).items()}
    for callee in contract.uses:
        function, home = name_of(callee.function), _home_of(callee, contract)
        names[function] = f"..{home}.{function}" if home else f".{function}"
    return names


def name_homes(contract: Contract) -> dict[str, str | None]:
    """Type, error or port of a contract -> the spec that defines it; None for its own spec.

    An error that only a callee of another spec raises is that spec's, unless the contract says otherwise.
    """
    errors = callee_errors(contract)
    homes: dict[str, str | None] = dict.fromkeys(
        (*contract.types, *contract.errors, *contract.ports, *errors)
    )
    for callee in contract.uses:
        for name in _raised_by(callee):
            if name in errors:
                homes[name] = homes[name] or _home_of(callee, contract)
    return homes | {name: home for name, home in contract.homes.items() if name in homes}


def _home_of(callee: Callee, contract: Contract) -> str | None:
    spec = callee.function.rpartition(".")[0]
    return spec if spec not in {"", contract.spec} else None


def _raised_by(callee: Callee) -> list[str]:
    return [match[0] for line in callee.raises if (match := re.match(r"[^\W\d]\w*", line))]


def callee_errors(contract: Contract) -> dict[str, str]:
    """Name -> meaning of the errors only a callee raises; a caller may want to handle them."""
    found = {}
    for callee in contract.uses:
        for name in _raised_by(callee):
            if name not in contract.errors and not is_builtin(name):
                found[name] = f"Raised by {callee.function}."
    return found


def annotation_names(annotations: Iterable[str]) -> set[str]:
    """Every name that these annotations refer to."""
    return {
        node.id
        for annotation in annotations
        for node in ast.walk(ast.parse(annotation.strip(), mode="eval"))
        if isinstance(node, ast.Name)
    }


def free_names(body: str, contract: Contract) -> set[str]:
    """Names the body takes from outside the function, as Python itself resolves them."""
    params = ", ".join(param.name for param in contract.params)
    keyword = "async def" if contract.is_async else "def"
    source = f"{keyword} {contract.function}({params}):\n{body}"
    try:
        pending = symtable.symtable(source, "<reply>", "exec").get_children()
    except SyntaxError as error:
        raise RefusedError(f"cannot be read: {error.msg}") from error
    free = set()
    while pending:
        table = pending.pop()
        pending.extend(table.get_children())
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if symbol.is_global() and not name.startswith(("__", ".")):
                free.add(name)
    return free


def signature_bindings(contract: Contract) -> dict[str, Binding]:
    """The imports of the standard library that the contract's own signature needs."""
    names = annotation_names([*(param.type for param in contract.params), contract.returns])
    own = own_names(contract)
    return {
        name: Binding(name, ANNOTATIONS[name], name)
        for name in sorted(names)
        if name in ANNOTATIONS and name not in own
    }


def read_imports(nodes: Iterable[ast.stmt], contract: Contract, *, landed: bool) -> dict[str, Binding]:
    """The names that import statements bind, without those the tool writes itself.

    `landed` is True for a file, whose imports are real: there `.types` and a callee's module are spelled out.
    """
    bindings: dict[str, Binding] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            found = [_module_binding(alias, contract) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not _is_own(node, contract, landed=landed):
            found = [_member_binding(node, alias, contract) for alias in node.names]
        else:
            continue
        for binding in found:
            if bindings.setdefault(binding.name, binding) != binding:
                raise RefusedError(f"imports two things as '{binding.name}'")
    return bindings


def _module_binding(alias: ast.alias, contract: Contract) -> Binding:
    _require_allowed(alias.name, contract)
    root = alias.name.partition(".")[0]
    return Binding(alias.asname, alias.name) if alias.asname else Binding(root, root)


def _member_binding(node: ast.ImportFrom, alias: ast.alias, contract: Contract) -> Binding:
    if alias.name == "*":
        raise RefusedError(f"imports * from '{node.module}'; import the names it needs")
    name = alias.asname or alias.name
    if node.level or node.module is None:
        raise RefusedError(f"imports '{alias.name}' from a file the contract does not name")
    binding = Binding(name, node.module, alias.name)
    wanted = signature_bindings(contract).get(alias.name)
    of_signature = wanted is not None and wanted.module == node.module
    if (
        not of_signature
        and binding.path not in allowed_imports(contract.bounds)
        and node.module not in _ONLY_TYPES
    ):
        _require_allowed(node.module, contract)
    return binding


def _require_allowed(module: str, contract: Contract) -> None:
    if module not in allowed_imports(contract.bounds) or load_module(module) is None:
        raise RefusedError(f"imports '{module}', which is not among the modules the contract allows")


def _is_own(node: ast.ImportFrom, contract: Contract, *, landed: bool) -> bool:
    """Whether the statement only imports what the tool imports by itself."""
    if node.module == "__future__" and not node.level:
        if [alias.name for alias in node.names] != ["annotations"]:
            raise RefusedError("imports a future feature; only annotations is allowed")
        return True
    own = own_names(contract)
    if not all(alias.name in own for alias in node.names):
        return False
    origin = "." * node.level + (node.module or "")
    if landed:
        mine = all(own[alias.name] == origin for alias in node.names)
    else:
        foreign = (node.module or "").partition(".")[0] not in sys.stdlib_module_names
        mine = bool(node.level) or foreign or node.module == "types"
    for alias in node.names:
        if mine and alias.asname not in {None, alias.name}:
            raise RefusedError(f"imports '{alias.name}' under another name; use its own")
    return mine


def resolve(
    names: set[str], tree: ast.AST, contract: Contract, given: dict[str, Binding]
) -> dict[str, Binding]:
    """What every free name of a body stands for, beyond builtins and the contract's own names.

    Raises RefusedError for a name that nothing defines, that is forbidden, or that two things claim.
    """
    own = {*own_names(contract), contract.function}
    wanted = signature_bindings(contract)
    bindings = {}
    for name in sorted(names):
        if name in own:
            if name in given:
                raise RefusedError(f"imports '{name}', which is a name of the contract itself")
        elif name in given:
            bindings[name] = _without_conflict(given[name], wanted.get(name))
        elif name in wanted:
            bindings[name] = wanted[name]
        elif name in REFUSED_BUILTINS:
            raise RefusedError(f"uses '{name}': {REFUSED_BUILTINS[name]}")
        elif not is_builtin(name):
            bindings[name] = _supplied(name, tree, allowed_imports(contract.bounds))
    return {name: _checked(binding, allowed_imports(contract.bounds)) for name, binding in bindings.items()}


def _without_conflict(given: Binding, wanted: Binding | None) -> Binding:
    if wanted is not None and given != wanted:
        raise RefusedError(
            f"has '{given.statement}', but here '{wanted.name}' is {wanted.module}.{wanted.member}, as in the"
            f" signature; drop that import and write names of {wanted.module} bare, without a prefix"
        )
    return given


def _supplied(name: str, tree: ast.AST, allowed: tuple[str, ...]) -> Binding:
    """The import a body forgot: of a module if the name is only used as one, otherwise of a well-known name."""
    member = well_known_module(name, allowed)
    is_root = name in allowed or any(module.startswith(f"{name}.") for module in allowed)
    if is_root and (member is None or _used_as_module(name, tree, allowed)):
        return Binding(name, name)
    if member is not None:
        return Binding(name, member, name)
    raise RefusedError(f"uses the name '{name}', which nothing defines")


def _used_as_module(name: str, tree: ast.AST, allowed: tuple[str, ...]) -> bool:
    prefixed: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            if node.attr not in public_names(name) and f"{name}.{node.attr}" not in allowed:
                return False
            prefixed.add(node.value)
    return all(node in prefixed for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name)


def _checked(binding: Binding, allowed: tuple[str, ...]) -> Binding:
    """The binding, if what it names is public, allowed, and not a module in disguise."""
    path = binding.path
    if binding.member is None or path in allowed:
        return binding
    if binding.module not in allowed and ANNOTATIONS.get(binding.member) != binding.module:
        raise RefusedError(f"imports '{binding.module}', which is not among the modules the contract allows")
    if binding.member not in public_names(binding.module):
        raise RefusedError(f"'{binding.module}' has no public name '{binding.member}'")
    if path in REFUSED_MEMBERS:
        raise RefusedError(f"uses '{path}': {REFUSED_MEMBERS[path]}")
    return binding
