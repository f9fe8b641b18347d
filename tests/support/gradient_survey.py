"""The textbook layers and their mutants under the gradient check, and beside it PyTorch's.

Whether a mutant changes a number is decided without the check: its gradients, and what its passes
leave of their arguments, are held to those of the right layer.
"""

import ast
import contextlib
import hashlib
import importlib
import inspect
import sys
from collections import Counter
from functools import cache
from typing import NamedTuple

import numpy as np
from gradient_rules import CAUSES, backward_mutants, forward_mutants
from textbook_layers import SQUARE, UNEVEN

from scratchvae.checks.gradients import gradcheck, gradcheck_functions
from scratchvae.errors import InputError

CHANGE = 1e-4  # of a gradient, from which on a mutant counts
MOST_OF_A_RULE = 3  # mutants of one rule in one layer


class Mutant(NamedTuple):
    """One mistake in one layer: the rule, its source, and which half of the survey it is in."""

    layer: object
    rule: str
    source: str
    held: bool


class Outcome(NamedTuple):
    """What the check said of a mutant: caught, rightly named, and the causes in its report."""

    caught: bool
    named: bool
    causes: tuple[str, ...]


@cache
def module_of(layer):
    return importlib.import_module(f"textbook.{layer.module}")


@cache
def functions_of(layer):
    """Return the trees of a layer's forward and backward pass, and what they stand in."""
    tree = ast.parse(inspect.getsource(module_of(layer)))
    top = {one.name: one for one in tree.body if hasattr(one, "name")}
    if isinstance(whole := top[layer.forward], ast.ClassDef):
        methods = {one.name: one for one in whole.body if isinstance(one, ast.FunctionDef)}
        return whole, methods["forward"], methods["backward"]
    forward = f"{layer.forward}_forward" if layer.style == "jax" else layer.forward
    return None, top[forward], top.get(layer.backward)


def code_of(layer, source=""):
    """Return the names of a layer's module, with some of them defined by ``source`` instead."""
    names = dict(vars(module_of(layer))) | {"KEPT": {}}
    exec(compile(source, f"<{layer.name}>", "exec"), names)
    return names


def mutants_of(layer):
    """Return a layer's mutants: of each rule a few, chosen by their source alone."""
    whole, forward, backward = functions_of(layer)
    arguments = [one.arg for one in (backward or forward).args.args]
    dy = (
        None
        if backward is None
        else arguments[1 if layer.style in ("classes", "torch", "jax") else 0]
    )
    inside = backward or forward
    shapes = _shapes_in(layer, inside.name)
    shapes = {n: s for n, s in shapes.items() if dy is None or n != "self"}
    found = [(rule, inside, new) for rule, new in backward_mutants(inside, dy, shapes)]
    first = next(a.arg for a in forward.args.args if a.arg not in ("self", "ctx"))
    if layer.style != "jax":  # whose arrays cannot be changed, nor kept from call to call
        found += [(r, forward, new) for r, new in forward_mutants(forward, layer.style, first)]
    by_rule = {}
    for rule, old, new in found:
        source = ast.unparse(new if whole is None else _in_class(whole, old, new))
        if source != ast.unparse(whole or old):
            by_rule.setdefault(rule, {})[_digest(layer, rule, source)] = source
    return [
        Mutant(layer, rule, source, digest[-1] in "02468ace")
        for rule, sources in sorted(by_rule.items())
        for digest, source in sorted(sources.items())
    ]


def chosen(mutants, changing):
    """Return the first few of each rule that change a number, by their digests."""
    count, kept = Counter(), []
    for mutant in mutants:
        if count[mutant.rule] < MOST_OF_A_RULE and changing(mutant):
            count[mutant.rule] += 1
            kept.append(mutant)
    return kept


def arrays_for(layer, sizes, seed=0):
    rng = np.random.default_rng(seed)
    arrays = layer.draw(rng, *sizes)
    return list(arrays), layer.settings(rng, *sizes)


def telling_sizes(mutant):
    """Return the sizes at which a mutant runs and changes a number, or ``None``."""
    for sizes in (UNEVEN, SQUARE):
        right, wrong = (numbers(mutant.layer, source, sizes) for source in ("", mutant.source))
        if wrong is not None and any(_differs(a, b) for a, b in zip(right, wrong, strict=True)):
            return sizes
        if wrong is not None:
            return None
    return None


def numbers(layer, source, sizes):
    """Return the gradients of two passes, and the arguments afterwards; ``None`` if it fails."""
    arrays, settings = arrays_for(layer, sizes)
    try:
        with np.errstate(all="ignore"):
            return _PASSES[layer.style](layer, code_of(layer, source), arrays, settings)
    except Exception:  # whatever a mistake leads to: it is not one that goes unnoticed
        return None


def check(layer, source, sizes, seed=0):
    """Return the gradient check's report of a layer."""
    arrays, settings = arrays_for(layer, sizes, seed)
    with np.errstate(all="ignore"):
        return _CHECKS[layer.style](layer, code_of(layer, source), arrays, settings, seed)


def outcome(mutant, sizes):
    """Check a mutant, and say whether it was caught and its cause rightly named."""
    expected = CAUSES[mutant.rule]
    try:
        report = check(mutant.layer, mutant.source, sizes)
    except InputError as error:
        causes = ("in place",) if " changed " in str(error) else (str(error),)
        return Outcome(True, causes[0] in expected, causes)
    causes = tuple(row.cause for row in report.rows if not row.passed)
    told = {cause for cause in causes if cause not in ("", "values")}
    return Outcome(not report.passed, bool(told) and told <= expected, causes)


def torch_says(mutant, sizes):
    """Whether ``torch.autograd.gradcheck`` finds a mutant of a ``Function``."""
    torch = sys.modules["torch"]
    arrays, settings = arrays_for(mutant.layer, sizes)
    function = code_of(mutant.layer, mutant.source)[mutant.layer.forward]
    inputs = [torch.tensor(a, requires_grad=True) for a in arrays]
    others = [torch.tensor(s) if isinstance(s, np.ndarray) else s for s in settings.values()]
    with contextlib.suppress(Exception):
        return not torch.autograd.gradcheck(function.apply, (*inputs, *others))
    return True


def _in_class(whole, old, new):
    body = [new if one is old else one for one in whole.body]
    return ast.ClassDef(
        whole.name, whole.bases, whole.keywords, body, whole.decorator_list, type_params=[]
    )


def _digest(layer, rule, source):
    return hashlib.sha256(f"{layer.name} {rule} {source}".encode()).hexdigest()


def _differs(right, wrong):
    if np.shape(right) != np.shape(wrong):
        return True
    return not np.abs(np.asarray(right) - np.asarray(wrong)).max(initial=0) <= CHANGE


def _shapes_in(layer, function):
    """Return the shapes of what a function has in its names and attributes when it returns."""
    found = {}

    def shape(value):
        return tuple(value.shape) if hasattr(value, "shape") and hasattr(value, "dtype") else None

    def watch(frame, event, argument):
        if event == "return" and frame.f_code.co_name == function:
            for name, value in frame.f_locals.items():
                found[name] = shape(value)
                if name == "self":
                    found.update({f"self.{n}": shape(v) for n, v in vars(value).items()})

    arrays, settings = arrays_for(layer, UNEVEN)
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        _PASSES[layer.style](layer, code_of(layer), arrays, settings)
    finally:
        sys.setprofile(before)
    return {name: size for name, size in found.items() if size is not None}


def _upstream(y):
    return np.random.default_rng(1).standard_normal(np.shape(y)) if np.ndim(y) else 1.0


def _passes_of_class(layer, code, arrays, settings):
    x, *learned = (a.copy() for a in arrays)
    whole = code[layer.forward](*learned, **settings)
    whole.forward(0.9 * x[::-1])
    dy = _upstream(whole.forward(x))
    first = whole.backward(dy)
    parameters = list(getattr(whole, "parameters", {}).values())
    once = [p.grad.copy() for p in parameters]
    whole.forward(x)
    second = whole.backward(dy)
    return [first, second, *once, *(p.grad for p in parameters), x, *learned, dy]


def _passes_of_functions(layer, code, arrays, settings):
    arrays = [a.copy() for a in arrays]
    forward = code[layer.forward]
    forward(*(0.9 * a[::-1] for a in arrays), **settings)
    y, kept = forward(*arrays, **settings)
    if not layer.backward:
        return [kept, *arrays]
    dy = _upstream(y)
    found = code[layer.backward](dy, kept)
    found = [np.copy(g) for g in (found if isinstance(found, tuple) else [found])]
    return [*found, *arrays, dy]


def _passes_of_torch(layer, code, arrays, settings):
    import torch

    function = code[layer.forward]
    others = [torch.tensor(s) if isinstance(s, np.ndarray) else s for s in settings.values()]

    def run(scale):
        inputs = [torch.tensor(scale * a, requires_grad=True) for a in arrays]
        before = [one.detach().clone() for one in inputs]
        y = function.apply(*inputs, *others)
        dy = torch.tensor(_upstream(y.detach().numpy()))
        gradients = torch.autograd.grad(y, inputs, dy, allow_unused=True)
        moved = [(a.detach() - b).numpy() for a, b in zip(inputs, before, strict=True)]
        return [*(np.zeros(()) if g is None else g.numpy() for g in gradients), *moved, dy.numpy()]

    run(0.9)
    return run(1.0)


def _passes_of_jax(layer, code, arrays, settings):
    import jax

    with jax.enable_x64(True):
        y, pull = jax.vjp(custom_vjp(layer, code), *arrays)
        found = pull(jax.numpy.asarray(_upstream(np.asarray(y))))
        return [np.asarray(g) for g in found]


def custom_vjp(layer, code):
    """Return one of JAX's functions with its own backward pass."""
    import jax

    function = jax.custom_vjp(code[layer.forward])
    function.defvjp(code[f"{layer.forward}_forward"], code[layer.backward])
    return function


def _check_class(layer, code, arrays, settings, seed):
    x, *learned = arrays
    return gradcheck(code[layer.forward](*learned, **settings), x, seed=seed)


def _check_functions(layer, code, arrays, settings, seed):
    backward = code[layer.backward] if layer.backward else None
    given = (*arrays, *settings.values())
    floats = [n for n, s in settings.items() if np.asarray(s).dtype.kind == "f"]
    return gradcheck_functions(code[layer.forward], backward, *given, constants=floats, seed=seed)


def _check_torch(layer, code, arrays, settings, seed):
    import torch

    given = [torch.tensor(a, requires_grad=True) for a in arrays]
    given += [torch.tensor(s) if isinstance(s, np.ndarray) else s for s in settings.values()]
    return gradcheck(code[layer.forward], *given, seed=seed)


def _check_jax(layer, code, arrays, settings, seed):
    import jax

    with jax.enable_x64(True):
        given = [jax.numpy.asarray(a) for a in arrays]
        return gradcheck(custom_vjp(layer, code), *given, seed=seed)


_PASSES = {
    "classes": _passes_of_class,
    "functions": _passes_of_functions,
    "course": _passes_of_functions,
    "torch": _passes_of_torch,
    "jax": _passes_of_jax,
}
_CHECKS = {
    "classes": _check_class,
    "functions": _check_functions,
    "course": _check_functions,
    "torch": _check_torch,
    "jax": _check_jax,
}
