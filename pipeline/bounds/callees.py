"""The functions that a body may call by name: read from the signatures in its contract."""

import ast

from pipeline.records import Contract

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def signatures(contract: Contract) -> dict[str, FunctionNode]:
    """Name -> signature, of the function itself and of those it uses, as functions without a body."""
    params = ", ".join(f"{param.name}: {param.type}" for param in contract.params)
    keyword = "async def" if contract.is_async else "def"
    texts = {contract.function: f"{keyword} {contract.function}({params}) -> {contract.returns}"}
    texts |= {name_of(callee.function): callee.signature for callee in contract.uses}
    found = {name: _parse(text) for name, text in texts.items()}
    return {name: node for name, node in found.items() if node is not None}


def name_of(callee: str) -> str:
    """What code calls it: `apply_tax` for `money.apply_tax`."""
    return callee.rpartition(".")[2]


def _parse(signature: str) -> FunctionNode | None:
    try:
        function = ast.parse(f"{signature.rstrip().removesuffix(':')}: pass").body[0]
    except SyntaxError:
        return None
    return function if isinstance(function, FunctionNode) else None
