"""What the statements of one function may reach: attributes, modules, formats. By the syntax tree alone."""

import ast
import string
from types import ModuleType
from typing import Any, NoReturn

from pipeline.bounds.effects import port_calls
from pipeline.bounds.fields import Fields
from pipeline.bounds.imports import Binding
from pipeline.bounds.names import (
    FRAME_ATTRIBUTES,
    REFUSED_ATTRIBUTES,
    REFUSED_MEMBERS,
    allowed_imports,
    load_module,
    public_names,
)
from pipeline.bounds.replies import RefusedError
from pipeline.records import Contract


def needed_imports(
    statements: list[ast.stmt], contract: Contract, *, free: set[str], bindings: dict[str, Binding]
) -> set[str]:
    """The import statements that a body needs, given its free names and what they stand for.

    Raises RefusedError for the first thing in it that reaches beyond the function's bounds.
    """
    asked = port_calls(statements, contract, free=free)
    reach = _Reach(contract, free, bindings, Fields(contract, statements), asked)
    for statement in statements:
        reach.visit(statement)
    return reach.needed


class _Reach(ast.NodeVisitor):
    def __init__(
        self,
        contract: Contract,
        free: set[str],
        bindings: dict[str, Binding],
        fields: Fields,
        asked: set[ast.expr],
    ) -> None:
        self.contract = contract
        self.free = free
        self.allowed = allowed_imports(contract.bounds)
        self.bindings = bindings
        self.needed: set[str] = set()
        self.managed: set[str] = set()
        """Names bound by `with`: a local decimal context is set by attribute."""
        self.fields = fields
        self.asked = asked
        """Methods of ports, which may have any name and take any argument."""
        self.raised = {item.error for item in contract.raises}

    # -- names and attributes ----------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == "type" and "type" in self.free:
            _refuse(node, "uses 'type' as a value; only type(x) of one argument is allowed")
        binding = self.bindings.get(node.id)
        if binding is None:
            return
        if binding.is_module:
            _refuse(
                node, f"uses the module '{node.id}' as a value; write '{node.id}.<name>' where it is needed"
            )
        self._check_forbidden(node, binding.path)
        self.needed.add(binding.statement)

    def _check_forbidden(self, node: ast.AST, path: str) -> None:
        if path in self.contract.bounds.forbidden_names:
            _refuse(node, f"uses '{path}', which a constraint of the contract forbids")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        is_field = self.fields.is_read(node)
        self._check_attribute(node, node.attr, field=is_field)
        if isinstance(node.ctx, ast.Store | ast.Del):
            inside = isinstance(node.value, ast.Name) and node.value.id in self.managed - self.free
            if not inside:
                _refuse(node, f"sets the attribute '{node.attr}'; build a new value instead")
        if node.attr in {"format", "format_map"} and not is_field:
            self._check_template(node)
        chain: list[ast.Attribute] = []
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            chain.insert(0, root)
            root = root.value
        binding = self.bindings.get(root.id) if isinstance(root, ast.Name) else None
        if binding is None:
            self.generic_visit(node)
            return
        for link in chain[:-1]:
            self._check_attribute(link, link.attr, field=self.fields.is_read(link))
        self._follow(binding, chain)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        for attribute in node.kwd_attrs:
            self._check_attribute(node, attribute, field=self.fields.is_matched(node, attribute))
        self.generic_visit(node)

    def _check_attribute(self, node: ast.AST, attribute: str, *, field: bool) -> None:
        if attribute.startswith("_"):
            _refuse(node, f"reaches the private attribute '{attribute}'")
        if attribute in FRAME_ATTRIBUTES:
            _refuse(node, f"reaches the attribute '{attribute}', which leads out of the function")
        if attribute in REFUSED_ATTRIBUTES and not field:
            _refuse(node, f"uses '.{attribute}': {REFUSED_ATTRIBUTES[attribute]}")

    def _follow(self, binding: Binding, chain: list[ast.Attribute]) -> None:
        """Walk `module.name.name` through the real objects, as far as they are modules or classes."""
        module = binding.path if binding.is_module else binding.module
        path = binding.path
        found: Any = (
            load_module(path) if binding.is_module else getattr(load_module(module), binding.member or "")
        )
        for link in chain:
            if isinstance(found, ModuleType):
                found, path = self._step(link, path)
                module = path if isinstance(found, ModuleType) else module
            elif not hasattr(found, link.attr):
                _refuse(
                    link, f"uses '.{link.attr}' of {path}, which has none; maybe write '{link.attr}' bare"
                )
            elif isinstance(found, type):
                found, path = getattr(found, link.attr), f"{path}.{link.attr}"
            else:
                break
            if path in REFUSED_MEMBERS:
                _refuse(link, f"uses '{path}': {REFUSED_MEMBERS[path]}")
            self._check_forbidden(link, path)
        if isinstance(found, ModuleType):
            _refuse(chain[-1], f"uses the module '{path}' as a value")
        whole = binding.member is None and binding.name == binding.module
        self.needed.add(f"import {module}" if whole else binding.statement)

    def _step(self, link: ast.Attribute, module: str) -> tuple[Any, str]:
        path = f"{module}.{link.attr}"
        if path in self.allowed:
            return load_module(path), path
        if module not in self.allowed:
            _refuse(link, f"uses the module '{module}', which is not among the modules the contract allows")
        if link.attr not in public_names(module):
            _refuse(link, f"'{module}' has no public name '{link.attr}'")
        return getattr(load_module(module), link.attr), path

    # -- text that reaches attributes --------------------------------------------------------------------

    def _check_template(self, node: ast.Attribute) -> None:
        if not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)):
            _refuse(node, f"calls .{node.attr} on a text that is not a literal; use an f-string")
        self._check_fields(node, node.value.value)

    def _check_fields(self, node: ast.AST, template: str) -> None:
        try:
            fields = list(string.Formatter().parse(template))
        except ValueError as error:
            _refuse(node, f"has a format that cannot be read: {error}")
        for _, name, inner, _ in fields:
            if name and ("." in name or "[" in name):
                _refuse(node, f"reaches into a value by the format field '{name}'; use an f-string")
            if inner:
                self._check_fields(node, inner)

    # -- calls -------------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        if node.func in self.asked:
            for argument in (*node.args, *node.keywords):
                self.visit(argument)
            return
        given = len(node.args) + len(node.keywords)
        if isinstance(node.func, ast.Name) and node.func.id == "type" and "type" in self.free:
            if given != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
                _refuse(node, "makes a class with type()")
            self.visit(node.args[0])
            return
        if isinstance(node.func, ast.Attribute):
            zone = {"astimezone": 1, "fromtimestamp": 2}.get(node.func.attr, 0)
            if given < zone:
                _refuse(node, f"calls .{node.func.attr} without a time zone: it depends on the machine")
        if _drops_zone(node):
            _refuse(node, "it makes a moment without an offset, which reads as the machine's own time zone")
        self.generic_visit(node)

    # -- statements --------------------------------------------------------------------------------------

    def visit_With(self, node: ast.With) -> None:
        self.managed |= {
            item.optional_vars.id for item in node.items if isinstance(item.optional_vars, ast.Name)
        }
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        root: ast.expr = node
        while isinstance(root, ast.Subscript | ast.Attribute):
            root = root.value
        outside = isinstance(root, ast.Name) and root.id in self.free
        if outside and isinstance(node.ctx, ast.Store | ast.Del):
            _refuse(node, "changes something that is not the function's own")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) and node.value.value is ...:
            _refuse(node, "leaves code out ('...'); write the whole function")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if "NotImplementedError" in names - self.raised:
            _refuse(node, "leaves code out (raises NotImplementedError); write the whole function")
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        _refuse(node, f"declares '{node.names[0]}' global; keep every value inside the function")

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        _refuse(node, f"defines the class '{node.name}'; only one function may be written")

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        _refuse(node, f"defines the async function '{node.name}' inside; await where it is needed instead")


def _drops_zone(node: ast.Call) -> bool:
    """Whether this is `x.replace(tzinfo=None)`, be it by position."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    zones = [*node.args[7:9], *(keyword.value for keyword in node.keywords if keyword.arg == "tzinfo")]
    return name in {"replace", "__replace__"} and any(
        isinstance(zone, ast.Constant) and zone.value is None for zone in zones
    )


def _refuse(node: ast.AST, reason: str) -> NoReturn:
    line = getattr(node, "lineno", 0)
    raise RefusedError(f"line {line}: {reason}")
