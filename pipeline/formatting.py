"""The one home of ruff: formats Python text, and proves that its meaning is unchanged."""

import ast
import re
import subprocess
from pathlib import Path

from pipeline.errors import InternalError, SettingsError
from pipeline.sandbox.children import bare_environment

LINE_LENGTH = 100


def format_python(text: str) -> str | None:
    """`text` as it lands: ruff's style, 100 columns, whatever configuration the user has.

    None if ruff cannot read it. Raises SettingsError without ruff, InternalError if formatting changed
    anything but the white space of docstrings.
    """
    command = [
        _ruff_path(),
        "format",
        "--isolated",
        "--no-cache",
        "--quiet",
        f"--line-length={LINE_LENGTH}",
        "--target-version=py311",
        "--stdin-filename=x.py",
        "-",
    ]
    run = subprocess.run(
        command,
        input=text.encode("utf-8", "surrogatepass"),
        capture_output=True,
        env=bare_environment(0),
        check=False,
        timeout=60,
    )
    if run.returncode != 0:
        return None
    formatted = run.stdout.decode("utf-8").replace("\r\n", "\n")
    if _meaning(text) != _meaning(formatted):
        raise InternalError("ruff format changed the meaning of a text; report this as a bug of drystone")
    return formatted


def _ruff_path() -> str:
    try:
        from ruff import find_ruff_bin  # type: ignore[import-untyped]  # only runs that format

        path = Path(find_ruff_bin())
    except (ImportError, FileNotFoundError) as error:
        raise SettingsError("ruff is not installed; install drystone with its dependencies again") from error
    return str(path)


def _meaning(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body[0] if node.body else None:
                case ast.Expr(value=ast.Constant(value=str(docstring)) as constant):
                    constant.value = re.sub(r"\s+", " ", docstring).strip()
    return ast.dump(tree)
