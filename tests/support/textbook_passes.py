"""How each style of textbook layer is run and checked: its names in ``code``, its arguments."""

import numpy as np

from scratchvae.checks.gradients import gradcheck, gradcheck_functions


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
        names = (layer.forward, f"{layer.forward}_forward", layer.backward)
        compiled = code | {name: jax.jit(code[name]) for name in names}
        return gradcheck(custom_vjp(layer, compiled), *given, seed=seed)


PASSES = {
    "classes": _passes_of_class,
    "functions": _passes_of_functions,
    "course": _passes_of_functions,
    "torch": _passes_of_torch,
    "jax": _passes_of_jax,
}
CHECKS = {
    "classes": _check_class,
    "functions": _check_functions,
    "course": _check_functions,
    "torch": _check_torch,
    "jax": _check_jax,
}
