"""What a model's reply may hold: decided by the syntax tree alone, before anything runs it.

Keeps the function inside its contract's bounds; knows nothing of what the function should compute.
"""

import ast
import io
import re
import threading
import tokenize
import unicodedata
import warnings
from collections.abc import Iterator

from pipeline.bounds.callees import FunctionNode
from pipeline.bounds.imports import Binding, free_names, own_names, read_imports, resolve
from pipeline.bounds.names import DEFAULT_IMPORTS
from pipeline.bounds.reach import needed_imports
from pipeline.bounds.replies import (
    MAX_SOURCE_BYTES,
    FunctionText,
    Insufficient,
    Refusal,
    RefusedError,
    parse_code,
    parse_insufficient,
)
from pipeline.bounds.rewrite import Hoisted, drop_prefixes, hoist_imports
from pipeline.formatting import format_python
from pipeline.records import Contract

__all__ = [
    "DEFAULT_IMPORTS",
    "FunctionText",
    "Insufficient",
    "Refusal",
    "check_reply",
    "check_source",
    "read_source",
]

_MAX_DEPTH = 100
_WARNINGS_LOCK = threading.Lock()
_ELISION = re.compile(
    r"#\s*(\.\.\.|…)"
    r"|\b(TODO|FIXME|XXX)\b"
    r"|(?i:\byour (code|logic|implementation)\b)"
    r"|(?i:\b(rest|remainder) of (the |your )?(code|function|implementation|logic|body)\b)"
    r"|(?i:#\W*(existing|remaining|other|same) (code|implementation|logic)( \w+)?\W*$)"
    r"|(?i:#\W*(placeholder|stub)\b)"
    r"|(?i:\bimplement(ation)? (goes |comes )?(here|it|me|this|your|later|the (logic|function|rest|body))\b)"
    r"|(?i:\b(not( yet)?|to be|needs to be) implemented\b)"
)
"""Comments that stand for code the model did not write."""
_PRAGMA = re.compile(r"#\s*(fmt|yapf)\s*:")


def check_reply(reply: str, contract: Contract) -> FunctionText | Insufficient | Refusal:
    """The function in a model's reply, ready to land; its complaint about the contract; or why it may not land.

    Imports the body forgot are supplied, those it does not need are dropped; signature and docstring are the
    tool's. Raises DrystoneError only for a broken world (no ruff), never for a reply.
    """
    try:
        complaint = parse_insufficient(reply)
        if complaint is not None:
            return complaint
        return _check_code(parse_code(reply), contract, landed=False)
    except RefusedError as refused:
        return Refusal(reason=" ".join(str(refused).split()))


def check_source(source: str, contract: Contract) -> Refusal | None:
    """Whether a landed file, which a person may have edited or written, still keeps the same rules.

    Beyond them its signature must be the contract's to the letter, and its imports must be real.
    """
    found = read_source(source, contract)
    return found if isinstance(found, Refusal) else None


def read_source(source: str, contract: Contract) -> FunctionText | Refusal:
    """The function in a file that `check_source` lets pass, ready to land; or why it does not pass."""
    if re.match(r"(.*\n)?[ \t]*#.*coding[:=]", source):
        return Refusal(reason="declares an encoding; the text is UTF-8")
    try:
        return _check_code(source.replace("\r\n", "\n"), contract, landed=True)
    except RefusedError as refused:
        return Refusal(reason=" ".join(str(refused).split()))


def _check_code(code: str, contract: Contract, *, landed: bool) -> FunctionText:
    tree = _parse(code)
    _check_comments(code)
    function, imports = _the_function(tree, contract)
    _check_signature(function, contract, landed=landed)
    if not landed:
        code = drop_prefixes(code, tree, function, contract)
        function, imports = _the_function(_parse(code), contract)
    hoisted = hoist_imports(code, function)
    function, _ = _the_function(_parse(hoisted.code), contract)
    imports += hoisted.nodes
    statements = _without_docstring(function)
    _check_stub(statements)
    given = read_imports(imports, contract, landed=landed)
    cut = _cut_body(hoisted, function, statements)
    free = free_names(cut, contract)
    _check_names([*imports, function], contract)
    bindings = resolve(free, ast.Module(statements, []), contract, given)
    if landed:
        _check_bound(imports, free, contract, given=given, bindings=bindings)
    needed = needed_imports(statements, contract, free=free, bindings=bindings)
    body = _format_body(cut, contract)
    lines = body.count("\n")
    if lines > contract.bounds.max_lines:
        raise RefusedError(f"has {lines} lines in its body; at most {contract.bounds.max_lines} are allowed")
    return FunctionText(body=body, imports=tuple(sorted(needed)))


# -- the text as a whole -----------------------------------------------------------------------------------


def _parse(code: str) -> ast.Module:
    size = len(code.encode("utf-8", "surrogatepass"))
    if size > MAX_SOURCE_BYTES:
        raise RefusedError(f"is {size} bytes long; at most {MAX_SOURCE_BYTES} are read")
    for character in code:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in "\n\t":
            raise RefusedError(f"holds the invisible character U+{ord(character):04X}; write it as an escape")
    try:
        with _WARNINGS_LOCK, warnings.catch_warnings():
            warnings.simplefilter("error", SyntaxWarning)
            tree = ast.parse(code, feature_version=(3, 11))
            if _is_deep(tree):
                raise RefusedError("is nested too deeply to be read")
            compile(tree, "<reply>", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise RefusedError(f"line {error.lineno}: {error.msg}" + (f": {line}" if line else "")) from error
    except (MemoryError, OverflowError, RecursionError, ValueError) as error:
        raise RefusedError(
            "cannot be parsed: it is nested too deeply or holds an impossible value"
        ) from error
    return tree


def _is_deep(tree: ast.AST) -> bool:
    level: list[ast.AST] = [tree]
    for _ in range(_MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return bool(level)


def _check_comments(code: str) -> None:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (SyntaxError, tokenize.TokenError) as error:
        raise RefusedError(f"cannot be read: {error}") from error
    for token in tokens:
        if token.type == tokenize.COMMENT and _ELISION.search(token.string):
            raise RefusedError(f"line {token.start[0]}: leaves code out ('{token.string}'); write all of it")
        if token.type == tokenize.COMMENT and _PRAGMA.match(token.string):
            raise RefusedError(
                f"line {token.start[0]}: steers the formatter ('{token.string}'); drop the comment"
            )


def _the_function(tree: ast.Module, contract: Contract) -> tuple[FunctionNode, list[ast.stmt]]:
    """The one function, and the import statements before it."""
    function: FunctionNode | None = None
    imports: list[ast.stmt] = []
    for index, node in enumerate(tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom) and function is None:
            imports.append(node)
        elif isinstance(node, FunctionNode) and node.name == contract.function:
            if function is not None:
                raise RefusedError(f"defines '{node.name}' twice")
            function = node
        elif not (index == 0 and _is_text(node)):
            raise RefusedError(f"line {node.lineno}: holds {_named(node)} beside the function; drop it")
    if function is None:
        raise RefusedError(f"does not define the function '{contract.function}'")
    if isinstance(function, ast.AsyncFunctionDef) and not contract.is_async:
        raise RefusedError(f"defines the async function '{function.name}'; write 'def {function.name}'")
    if isinstance(function, ast.FunctionDef) and contract.is_async:
        raise RefusedError(f"does not define an async function; write 'async def {function.name}'")
    return function, imports


def _named(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            kind = "async function" if isinstance(node, ast.AsyncFunctionDef) else "function"
            return f"the {kind} '{name}'"
        case ast.ClassDef(name=name):
            return f"the class '{name}'"
        case ast.Import() | ast.ImportFrom():
            return "an import after the function"
        case _:
            return f"'{ast.unparse(node).splitlines()[0][:60]}'"


# -- the function ------------------------------------------------------------------------------------------


def _check_signature(function: FunctionNode, contract: Contract, *, landed: bool) -> None:
    given = function.args
    if function.decorator_list:
        raise RefusedError("has a decorator; decorators keep state or change the signature")
    if given.defaults or given.kw_defaults or given.kwonlyargs or given.vararg or given.kwarg:
        raise RefusedError("has a default, keyword-only or starred parameter; keep the given signature")
    names = [arg.arg for arg in (*given.posonlyargs, *given.args)]
    expected = [param.name for param in contract.params]
    if names != expected:
        raise RefusedError(f"has the parameters ({', '.join(names)}); they must be ({', '.join(expected)})")
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own_nodes(function)):
        raise RefusedError("is a generator (it yields); return the whole value")
    if landed:
        params = ", ".join(f"{param.name}: {param.type}" for param in contract.params)
        kept = ast.parse(f"def f({params}) -> {contract.returns}: pass").body[0]
        if isinstance(kept, ast.FunctionDef) and _shape(kept) != _shape(function):
            raise RefusedError(f"must have the signature ({params}) -> {contract.returns}")


def _shape(function: FunctionNode) -> str:
    return ast.dump(function.args) + (ast.dump(function.returns) if function.returns else "")


def _own_nodes(function: FunctionNode) -> Iterator[ast.AST]:
    """Every node of the function that runs as part of it, not of a function inside it."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _without_docstring(function: FunctionNode) -> list[ast.stmt]:
    return function.body[1:] if _is_text(function.body[0]) else function.body


def _check_stub(statements: list[ast.stmt]) -> None:
    if all(isinstance(node, ast.Pass) or _is_constant(node) for node in statements):
        raise RefusedError("is a stub without a body; write the whole function")


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _check_names(nodes: list[ast.stmt], contract: Contract) -> None:
    """A plain name is forbidden wherever it stands; `module.name` is found where names are followed."""
    forbidden = set(contract.bounds.forbidden_names)
    for node in ast.walk(ast.Module(nodes, [])):
        named = {getattr(node, field, None) for field in ("arg", "asname", "attr", "id", "name", "rest")}
        for text in sorted(text for text in named if isinstance(text, str)):
            if text in forbidden:
                raise RefusedError(f"uses '{text}', which a constraint of the contract forbids")
            if text.startswith("__") and not isinstance(node, ast.Attribute):
                raise RefusedError(f"uses the name '{text}', which belongs to Python itself")


def _check_bound(
    nodes: list[ast.stmt],
    free: set[str],
    contract: Contract,
    *,
    given: dict[str, Binding],
    bindings: dict[str, Binding],
) -> None:
    """In a landed file nothing is supplied: every name must come from one of its imports."""
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    own = {name for name in own_names(contract) if name not in imported and name != contract.function}
    for name in sorted(free & (own | (bindings.keys() - given.keys()))):
        raise RefusedError(f"uses the name '{name}' without importing it")


# -- the body as text --------------------------------------------------------------------------------------


def _cut_body(hoisted: Hoisted, function: FunctionNode, statements: list[ast.stmt]) -> str:
    """The lines of the body with their comments, without docstring and imports.

    Whole lines keep their indentation, as texts over several lines would change with it.
    """
    lines = hoisted.code.split("\n")
    first = function.body[0]
    docstring = first if _is_text(first) else None
    start = min(_first_line(node) for node in function.body)
    if docstring is not None:
        start = (docstring.end_lineno or docstring.lineno) + 1
    while docstring is None and start - 1 > function.lineno and re.match(r"\s*(#|$)", lines[start - 2]):
        start -= 1
    end = function.end_lineno or function.lineno
    while end < len(lines) and re.match(r"\s+#|\s*$", lines[end]):
        end += 1
    opening, column = statements[0].lineno, statements[0].col_offset
    head = []
    if lines[opening - 1].encode()[:column].strip():
        indent = lines[docstring.lineno - 1][: docstring.col_offset] if docstring else ""
        head = [(indent if indent.isspace() else "    ") + lines[opening - 1].encode()[column:].decode()]
        start = opening + 1
    kept = [lines[number - 1] for number in range(start, end + 1) if number not in hoisted.emptied]
    return "\n".join([*head, *kept]).rstrip().lstrip("\n") + "\n"


def _first_line(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, FunctionNode) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _format_body(cut: str, contract: Contract) -> str:
    formatted = format_python(f"{'async ' * contract.is_async}def f():\n{cut}")
    if formatted is None:
        raise RefusedError("cannot be formatted: it is not plain Python 3.11")
    return formatted.partition("\n")[2]
