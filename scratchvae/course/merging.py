"""Putting a notebook's cell into a program: definitions take the place of those before them."""

import ast
import builtins
from types import UnionType

_KEPT = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
_ALWAYS = {"np", "numpy", "math", *vars(builtins)}


def merge(text: str, cell: str) -> str:
    """Return ``text`` with the imports and definitions of ``cell`` in it, and what these need.

    A name's definition is replaced where it stands. New functions and classes come at the end, and
    new values that they use after the imports. The cell's other statements, such as the call of the
    checker, are left out.
    """
    last_value = 0  # the line after the last value that was put after the imports
    for node in _worth_keeping(ast.parse(cell).body, _defined(text)):
        lines, places = text.splitlines(), {_name(old): old for old in ast.parse(text).body}
        source = cell.splitlines()[_first_line(node) - 1 : node.end_lineno]
        name = _name(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            if source[0] not in lines:
                place = _after_imports(text, ast.Import)
                lines[place:place] = source
        elif name in places:
            lines[_first_line(places[name]) - 1 : places[name].end_lineno] = source
        elif isinstance(node, ast.Assign):
            place = last_value or _after_imports(text, ast.Import | ast.ImportFrom)
            lines[place:place] = source if last_value else ["", *source]
            last_value = place + len(source) + (not last_value)
        else:
            lines += ["", "", *source]
        text = "\n".join(lines) + "\n"
    return text


def _worth_keeping(statements: list[ast.stmt], known: set[str]) -> list[ast.stmt]:
    """Return the imports among statements, then the definitions and the values that these use.

    A value is kept if it can be computed from what is ``known``, from NumPy and from such values.
    """
    definitions = [s for s in statements if isinstance(s, ast.FunctionDef | ast.ClassDef)]
    wanted = {name for each in definitions for name in _names(each)}
    values: dict[int, ast.Assign] = {}
    for place, node in reversed([*enumerate(statements)]):  # what is used stands before
        if isinstance(node, ast.Assign) and _name(node) in wanted:
            values[place] = node
            wanted |= _names(node.value)
    kept: list[ast.stmt] = []
    for place, node in enumerate(statements):
        value = values.get(place)
        if value is None and isinstance(node, _KEPT):
            kept.append(node)
        elif value is not None and _names(value.value) <= known | _ALWAYS:
            kept.append(node)
            known = known | {_name(node)}
    return sorted(kept, key=lambda node: not isinstance(node, ast.Import | ast.ImportFrom))


def _defined(text: str) -> set[str]:
    return {_name(node) for node in ast.parse(text).body}


def _names(node: ast.AST) -> set[str]:
    """Return the names that a piece of code reads and does not set itself."""
    names = [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    arguments = {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}
    stored = {name.id for name in names if not isinstance(name.ctx, ast.Load)}
    return {name.id for name in names} - stored - arguments


def _after_imports(text: str, kinds: type | UnionType) -> int:
    """Return the line after the last import of these kinds."""
    imports = [node for node in ast.parse(text).body if isinstance(node, kinds)]
    return (imports[-1].end_lineno or 0) if imports else 0


def _name(node: ast.stmt) -> str:
    """Return what a statement defines: a function, a class or a value; else nothing."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        return target.id if isinstance(target, ast.Name) else ""
    return ""


def _first_line(node: ast.stmt) -> int:
    """Return the line that a statement begins in, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])
