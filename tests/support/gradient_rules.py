"""Mistakes in backward passes, made by rule: every place in the source where one can be made.

A rule knows nothing of the layer. It says where in the syntax tree it applies and what stands there
afterwards; whether that changes any number is found out by running it.
"""

import ast
import copy
from collections.abc import Iterator


class _Replace(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else super().generic_visit(node)


def replaced(tree, old, new):
    """Return a copy of a tree with a node (or nothing, or several) in place of another."""
    place = next(i for i, node in enumerate(ast.walk(tree)) if node is old)
    tree = copy.deepcopy(tree)
    twin = next(node for i, node in enumerate(ast.walk(tree)) if i == place)
    tree = _Replace(twin, copy.deepcopy(new)).visit(tree)
    return ast.fix_missing_locations(tree)


def backward_mutants(tree, dy, shapes) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield each mistake in a backward pass.

    Parameters
    ----------
    tree
        The function.
    dy
        The argument that the gradient comes in; ``None`` for a loss, whose backward pass is what
        follows the line that computes the loss.
    shapes
        The shapes of its arrays by name, as ``x`` or ``self.x``.
    """
    start = _first_line(tree, dy)
    counted = _counting_nodes(tree)
    for node in ast.walk(tree):
        if getattr(node, "lineno", 0) < start or node in counted:
            continue
        for rule, new in _changes(node, dy, shapes):
            yield rule, replaced(tree, node, new)
    if dy is not None:
        yield "in place", _with_first(tree, f"{dy} *= 2")


def forward_mutants(tree, style, first) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield each mistake in a forward pass that its backward pass suffers from."""
    for node in ast.walk(tree):
        if style == "classes" and isinstance(node, ast.Assign):
            name = ast.unparse(node.targets[0])
            if name.startswith("self."):
                guard = ast.parse(f"if not hasattr(self, {name[5:]!r}):\n    pass").body[0]
                guard.body = [node]
                yield "stale", replaced(tree, node, guard)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ctx.save_for_backward":
            kept = ", ".join(ast.unparse(one) for one in node.args)
            call = f"ctx.save_for_backward(*KEPT.setdefault('first', ({kept},)))"
            yield "stale", replaced(tree, node, _expression(call))
        if style in ("functions", "course") and isinstance(node, ast.Return):
            y, cache = (ast.unparse(one) for one in node.value.elts)
            kept = f"return {y}, KEPT.setdefault('first', {cache})"
            yield "stale", replaced(tree, node, ast.parse(kept).body[0])
    if first is not None:
        yield "in place", _with_first(tree, f"{first} -= {first}.mean()")
        yield "in place", _with_first(tree, f"{first} *= 0.5")


def _first_line(tree, dy):
    if dy is not None:
        return tree.body[0].lineno
    loss = next(
        i
        for i, line in enumerate(tree.body)
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "loss"
    )
    return tree.body[loss + 1].lineno


def _counting_nodes(tree):
    """Return the nodes that compute indices and shapes rather than numbers."""
    counting = {ast.unparse(node.target) for node in ast.walk(tree) if isinstance(node, ast.For)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            if names and (names <= counting or ".shape" in ast.unparse(node.value)):
                counting |= {n.id for n in ast.walk(node.targets[0]) if isinstance(n, ast.Name)}
    found = set()
    for node in ast.walk(tree):
        inside = []
        if isinstance(node, ast.Subscript):
            inside = [node.slice]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            "reshape",
            "zeros",
            "zeros_like",
            "pad",
            "ones",
            "arange",
        ):
            inside = node.args
        elif isinstance(node, ast.BinOp):
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            inside = [node] if names and names <= counting else []
        for one in inside:
            found |= {n for n in ast.walk(one) if not isinstance(n, ast.Slice)}
    return found


def _with_first(tree, line):
    tree = copy.deepcopy(tree)
    docstring = isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant)
    tree.body.insert(1 if docstring else 0, ast.parse(line).body[0])
    return ast.fix_missing_locations(tree)


def _expression(text):
    return ast.parse(text).body[0].value


def _changes(node, dy, shapes):
    """Yield each rule that applies to a node, with what stands there afterwards."""
    for rule in (_signs, _factors, _products, _sums, _transposes, _names, _statements, _indices):
        yield from rule(node, dy, shapes)
    yield from _masks(node)


def _computed(node):
    """Return the value of a statement if it is computed there: not a name, nor unpacked."""
    if not isinstance(node, ast.Assign | ast.Return | ast.AugAssign) or node.value is None:
        return []
    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    made = ("zeros", "pad", "ones", "copy", "reshape", "sliding_window_view", "shape", "astype")
    return [
        one
        for one in values
        if isinstance(one, ast.BinOp | ast.Call | ast.UnaryOp)
        and not any(f"{name}" in ast.unparse(one) for name in made)
    ]


def _signs(node, dy, shapes):
    for value in _computed(node):
        yield "sign", replaced(node, value, ast.UnaryOp(ast.USub(), value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", node.operand
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield "sign", ast.BinOp(node.left, other, node.right)
        yield "missing term", node.left
        alone = node.right
        if isinstance(node.op, ast.Sub):
            alone = ast.UnaryOp(ast.USub(), node.right)
        yield "missing term", alone
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield "sign", ast.AugAssign(node.target, other, node.value)


def _factors(node, dy, shapes):
    for value in _computed(node):
        for factor in (0.5, 2.0):
            times = ast.BinOp(ast.Constant(factor), ast.Mult(), value)
            yield "factor", replaced(node, value, times)
        if dy is not None:
            mean = ast.BinOp(value, ast.Div(), _expression(f"len({dy})"))
            yield "factor", replaced(node, value, mean)
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            lower = node.right.value - 1
            yield "power", ast.BinOp(node.left, ast.Pow(), ast.Constant(lower))
        if isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Constant):
            yield "factor", node.right
        count = isinstance(node.right, ast.Constant) or ast.unparse(node.right) in ("n", "N", "D")
        if isinstance(node.op, ast.Div) and (count or "len(" in ast.unparse(node.right)):
            yield "factor", node.left
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div):
        yield "factor", ast.Pass()


def _products(node, dy, shapes):
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div):
        return
    other = ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult()
    yield "product for quotient", ast.BinOp(node.left, other, node.right)
    if not isinstance(node.left, ast.Constant):
        yield "missing factor", node.left
    if isinstance(node.op, ast.Mult) and not isinstance(node.right, ast.Constant):
        yield "missing factor", node.right


def _called(node):
    """Return the method or function of NumPy that is called, and the array that it is called on."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None, None
    library = isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "jnp", "torch")
    if library:
        return node.func.attr, node.args[0] if node.args else None
    return node.func.attr, node.func.value


def _sums(node, dy, shapes):
    name, array = _called(node)
    if name not in ("sum", "mean"):
        return
    yield "missing sum", array
    other = copy.deepcopy(node)
    other.func.attr = "mean" if name == "sum" else "sum"
    yield "mean for sum", other
    for place, keyword in enumerate(node.keywords):
        if keyword.arg in ("axis", "dim"):
            axis = ast.literal_eval(keyword.value)
            changed = [axis[1:], axis[:-1]] if isinstance(axis, tuple) else [0 if axis else 1]
            for new in changed:
                other = copy.deepcopy(node)
                other.keywords[place].value = _expression(repr(new))
                yield "wrong axis", other


def _flipped(node):
    return _expression(f"({ast.unparse(node)}).swapaxes(0, 1)")


def _transposes(node, dy, shapes):
    name, array = _called(node)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "transpose", node.value
    if name == "t" and not node.args:
        yield "transpose", array
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield "transpose", _flipped(node)
        for side in ("left", "right"):
            old = getattr(node, side)
            if not ast.unparse(old).endswith((".T", ".t()")):
                yield "transpose", replaced(node, old, _flipped(old))
    if name == "dot" and node.args:
        yield "transpose", _flipped(node)


def _names(node, dy, shapes):
    """Another array of the same shape."""
    if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return
    name = ast.unparse(node)
    for other, shape in shapes.items():
        if other != name and name in shapes and shape == shapes[name] and shape:
            yield "wrong array", _expression(other)


def _statements(node, dy, shapes):
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        if isinstance(node.op, ast.Add):
            yield "overwritten", ast.Assign([node.target], node.value, lineno=node.lineno)
        if not isinstance(node.target, ast.Attribute):
            yield "missing term", ast.Pass()
    if isinstance(node, ast.Expr) and ast.unparse(node).startswith("np.add.at("):
        array, ids, values = (ast.unparse(one) for one in node.value.args)
        yield "overwritten", ast.parse(f"{array}[{ids}] += {values}").body[0]


def _indices(node, dy, shapes):
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range" and len(node.args) == 1:
        count = ast.unparse(node.args[0])
        yield "index", _expression(f"range({count} - 1)")
        yield "index", _expression(f"range(1, {count})")
    if isinstance(node, ast.Slice):
        for side in ("lower", "upper"):
            bound = getattr(node, side)
            if bound is not None and not (side == "upper" and node.lower is not None):
                for step in (1, -1):
                    one = _expression(f"{ast.unparse(bound)} + {step}")
                    yield "index", replaced(node, bound, one)
        if node.lower is not None and node.upper is not None:
            both = {
                side: _expression(f"{ast.unparse(getattr(node, side))} + 1")
                for side in ("lower", "upper")
            }
            yield "index", ast.Slice(both["lower"], both["upper"], node.step)


def _masks(node):
    opposite = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.Eq: ast.NotEq}
    if isinstance(node, ast.Compare) and type(node.ops[0]) in opposite:
        yield "mask", ast.Compare(node.left, [opposite[type(node.ops[0])]()], node.comparators)
    name, _ = _called(node)
    if name == "where" and len(node.args) == 3:
        other = copy.deepcopy(node)
        other.args = [node.args[0], node.args[2], node.args[1]]
        yield "mask", other
