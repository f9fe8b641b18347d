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
from gradient_causes import CAUSES
from gradient_rules import backward_mutants, forward_mutants
from textbook_layers import SQUARE, UNEVEN
from textbook_passes import CHECKS, PASSES

from scratchvae.errors import InputError

CHANGE = 1e-4  # of a gradient, from which on a mutant counts
MOST_OF_A_RULE = 3  # mutants of one rule in one layer
HALVES = "halves drawn anew"  # decides, with a mutant's source, which half it is in


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
            return PASSES[layer.style](layer, code_of(layer, source), arrays, settings)
    except Exception:  # whatever a mistake leads to: it is not one that goes unnoticed
        return None


def check(layer, source, sizes, seed=0):
    """Return the gradient check's report of a layer."""
    arrays, settings = arrays_for(layer, sizes, seed)
    with np.errstate(all="ignore"):
        return CHECKS[layer.style](layer, code_of(layer, source), arrays, settings, seed)


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
    return hashlib.sha256(f"{HALVES} {layer.name} {rule} {source}".encode()).hexdigest()


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
        PASSES[layer.style](layer, code_of(layer), arrays, settings)
    finally:
        sys.setprofile(before)
    return {name: size for name, size in found.items() if size is not None}
