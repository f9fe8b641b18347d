"""What tests of a VAE's passes as whole programs share: rounds held to the model's own passes."""

import numpy as np

from scratchvae.engine import Engine

# Two sums of up to a few hundred terms of order 1 to 10, in another order.
CLOSE = {np.float32: 2e-5, np.float64: 1e-12}


def is_whole(engine):
    """Tell whether the passes of the last round were whole programs."""
    return engine._vae is not None and engine._vae._plan is not None


def outcome(engine, model, x, eps, backwards=1):
    """Return loss, terms and gradients of a pass forward and passes back, by name."""
    terms = engine.forward(model, x, eps)
    engine.zero_grad(model)
    for _ in range(backwards):
        engine.backward(model)
    named = {name: np.array(value) for name, value in vars(terms).items()}
    named |= {f"terms {place}": array for place, array in enumerate(model.terms)}
    return named | {name: p.grad.copy() for name, p in model.parameters.items()}


def forward(engine, model, x, eps):
    """Return the loss of a round that has a forward pass only."""
    with engine.round(model) as double:
        return engine.forward(double, x, eps)


def assert_as_written(engine, model, x, eps, backwards=1):
    """Hold a round of the double's passes to the model's own, as they are written."""
    with engine.round(model) as double:
        assert double is not model
        found = outcome(engine, double, x, eps, backwards)
    expected = outcome(Engine(keeps=True), model, x, eps, backwards)  # not within a round
    for name, array in expected.items():
        scale = max(float(np.abs(array).max(initial=0)), 1.0)
        close = CLOSE[x.dtype.type] * scale
        np.testing.assert_allclose(found[name], array, rtol=0, atol=close, err_msg=name)
        assert found[name].dtype == array.dtype
