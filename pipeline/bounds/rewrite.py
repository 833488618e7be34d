"""Rewrites a reply's text where Python's own meaning allows it: imports moved out, a module's prefix dropped.

By positions of the syntax tree; the number of lines stays, so that a refusal names the line the model wrote.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.bounds.callees import FunctionNode
from pipeline.bounds.imports import own_names, signature_bindings
from pipeline.bounds.names import is_builtin, public_names
from pipeline.bounds.replies import RefusedError
from pipeline.records import Contract

ImportNode = ast.Import | ast.ImportFrom


def bound_names(node: ast.AST) -> Iterator[str]:
    """Every name that something in the tree binds, in whatever scope, once for each time; not by imports."""
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case _:
                pass


# -- imports inside the function ---------------------------------------------------------------------------


@dataclass
class Hoisted:
    """A text whose function holds no imports any more."""

    code: str
    nodes: list[ast.stmt] = field(default_factory=list)
    """The import statements that were inside it."""
    emptied: set[int] = field(default_factory=set)
    """Numbers of the lines that held nothing else."""


def hoist_imports(code: str, function: FunctionNode) -> Hoisted:
    """Take every import statement out of the function, wherever in it.

    Raises RefusedError where the name could stand for something else before, after or around the import.
    """
    hoisted = Hoisted(code)
    lines = [line.encode() for line in code.split("\n")]
    for block in _blocks(function):
        imports = [node for node in block if isinstance(node, ast.Import | ast.ImportFrom)]
        hoisted.nodes += imports
        alone = len(imports) == len(block)
        for first, last in reversed(_runs(block)):
            _remove_run(block[first : last + 1], block[last + 1 :][:1], lines, hoisted.emptied, alone=alone)
            if alone and first == 0:
                lines[block[0].lineno - 1] += b"pass"
                hoisted.emptied.discard(block[0].lineno)
    _check_same_meaning(function)
    hoisted.code = b"\n".join(lines).decode()
    return hoisted


def _blocks(function: FunctionNode) -> list[list[ast.stmt]]:
    """The blocks of statements, from the end of the text to its start: what was cut moves nothing before it."""
    found = [getattr(node, name, None) for node in ast.walk(function) for name in _BLOCK_FIELDS]
    blocks = [block for block in found if isinstance(block, list) and block]
    return sorted(blocks, key=lambda block: (block[0].lineno, block[0].col_offset), reverse=True)


_BLOCK_FIELDS = ("body", "orelse", "finalbody")


def _runs(block: list[ast.stmt]) -> list[tuple[int, int]]:
    """First and last index of imports that follow one another on one line."""
    runs: list[tuple[int, int]] = []
    for index, node in enumerate(block):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if runs and runs[-1][1] == index - 1 and block[index - 1].end_lineno == node.lineno:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs


def _remove_run(
    run: list[ast.stmt], following: list[ast.stmt], lines: list[bytes], emptied: set[int], *, alone: bool
) -> None:
    start, end = run[0], run[-1]
    end_line, end_column = end.end_lineno or end.lineno, end.end_col_offset or 0
    before = lines[start.lineno - 1][: start.col_offset]
    after = lines[end_line - 1][end_column:]
    if following and following[0].lineno == end_line:
        after = lines[end_line - 1][following[0].col_offset :]
    elif after.lstrip(b"; \t").startswith(b"#") or not after.strip(b"; \t"):
        after = b""
    if end_line > start.lineno and (after or (before.strip() and not alone)):
        raise RefusedError(f"line {start.lineno}: has an import beside other code; give it a line of its own")
    for number in range(start.lineno, end_line + 1):
        lines[number - 1] = b""
    lines[start.lineno - 1] = before + after
    if not before.strip() and not after:
        emptied |= set(range(start.lineno, end_line + 1))
    else:
        emptied |= set(range(start.lineno + 1, end_line + 1))


def _check_same_meaning(function: FunctionNode) -> None:
    bound = set(bound_names(function))
    for name, node in _imported(function):
        if name in bound:
            raise RefusedError(
                f"line {node.lineno}: imports '{name}' and binds that name to something else; use another name"
            )
    for inner in ast.walk(function):
        if isinstance(inner, FunctionNode) and inner is not function:
            for name, node in _imported(inner):
                if is_builtin(name):
                    raise RefusedError(
                        f"line {node.lineno}: imports '{name}' inside a block; put it at the top"
                    )


def _imported(tree: ast.AST) -> Iterator[tuple[str, ImportNode]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], node


# -- the prefix of a module that shares its name with a class of the signature -----------------------------


def drop_prefixes(code: str, tree: ast.Module, function: FunctionNode, contract: Contract) -> str:
    """`datetime.timedelta` as `timedelta`, where `import datetime` would take the name of the signature's class.

    The text as it is if that is not needed, or not certain to keep the meaning of every use.
    """
    for name, wanted in signature_bindings(contract).items():
        if name == wanted.module and any(_binds_module(node, name) for node in ast.walk(tree)):
            code = _without_prefix(code, tree, function, contract, module=name)
    return code


def _binds_module(node: ast.AST, module: str) -> bool:
    return isinstance(node, ast.Import) and any(
        alias.name == module and alias.asname in {None, module} for alias in node.names
    )


def _without_prefix(
    code: str, tree: ast.Module, function: FunctionNode, contract: Contract, *, module: str
) -> str:
    inside = ast.Module(function.body, [])
    uses = [node for node in ast.walk(inside) if isinstance(node, ast.Attribute) and _is_of(node, module)]
    names = [node for node in ast.walk(inside) if isinstance(node, ast.Name) and node.id == module]
    members = {node.attr for node in uses}
    imported = {name for name, node in _imported(tree) if getattr(node, "module", "") != module}
    taken = {*bound_names(function), *imported, *own_names(contract)} - {module}
    taken |= {alias for alias, node in _imported(tree) if alias in members and not _plain(node, alias)}
    new = {name: f"{module}_{name}" if name in taken else name for name in sorted(members)}
    certain = (
        uses
        and len(uses) == len(names)
        and module not in bound_names(function)
        and members <= public_names(module)
        and not taken & set(new.values())
        and _used_names(inside).isdisjoint(set(new.values()) - members)
        and _used_names(inside).isdisjoint(name for name in members if is_builtin(name))
    )
    if not certain:
        return code
    member_list = ", ".join(old if old == now else f"{old} as {now}" for old, now in new.items())
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.Import) and _binds_module(node, module)
    ]
    edits: list[tuple[ast.expr | ast.stmt, str]] = [(node, new[node.attr]) for node in uses]
    for node in imports:
        rest = [alias for alias in node.names if alias.name != module or alias.asname not in {None, module}]
        edits.append(
            (
                node,
                (f"{ast.unparse(ast.Import(rest))}; " if rest else "")
                + f"from {module} import {member_list}",
            )
        )
    rewritten = _splice(code, edits)
    return rewritten if rewritten and _same_but_prefix(rewritten, function, module, new) else code


def _plain(node: ImportNode, name: str) -> bool:
    return all(alias.asname is None for alias in node.names if name in {alias.name, alias.asname})


def _is_of(node: ast.Attribute, module: str) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == module and isinstance(node.ctx, ast.Load)


def _used_names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _splice(code: str, edits: list[tuple[ast.expr | ast.stmt, str]]) -> str | None:
    """The text with each of these nodes, all of one line, replaced; None if one is of several lines."""
    lines = [line.encode() for line in code.split("\n")]
    for node, text in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        if node.end_lineno != node.lineno:
            return None
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + text.encode() + line[node.end_col_offset :]
    try:
        return b"\n".join(lines).decode()
    except UnicodeDecodeError:
        return None


class _Bare(ast.NodeTransformer):
    def __init__(self, module: str, new: dict[str, str]) -> None:
        self.module = module
        self.new = new

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if _is_of(node, self.module):
            return ast.Name(self.new[node.attr], ast.Load())
        return self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        """Imports are checked by themselves."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Imports are checked by themselves."""


def _same_but_prefix(rewritten: str, function: FunctionNode, module: str, new: dict[str, str]) -> bool:
    """Whether the new text is the old function in everything else; Python 3.11 misplaces parts of f-strings."""
    try:
        found = [node for node in ast.parse(rewritten).body if isinstance(node, FunctionNode)]
    except SyntaxError:
        return False
    old = _Bare(module, new).visit(ast.Module(copy.deepcopy(function.body), []))
    kept = [_Bare("", {}).visit(ast.Module(node.body, [])) for node in found]
    return [ast.dump(node) for node in kept] == [ast.dump(old)]
