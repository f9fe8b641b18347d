"""What the tests of the benchmark share."""

import numpy as np
import pytest

from scratchvae.benchmarks import Plan
from scratchvae.benchmarks.bound import BoundPlan
from scratchvae.benchmarks.growth import Axis, dense_vae
from scratchvae.benchmarks.kernels import convolution, product
from scratchvae.benchmarks.steps import Contest
from scratchvae.benchmarks.timing import Ceiling, Effort, Timings

RECIPES = ["zhao-mlp", "kingma-welling", "zhao-cnn", "fleuret-conv"]
LITTLE = Effort(rounds=2, seconds=0.0)
TINY = Plan(
    cases=(product(3, 4, 5), convolution("forward", 2, 5, 1, 2, 3)),
    recipes=("zhao-mlp",),
    batch=3,
    ceiling_size=8,
    kernel_effort=LITTLE,
    recipe_effort=LITTLE,
    # Any bound will do: it is reached when it is first looked at.
    bound=BoundPlan(target=-1e6, every=1, most_epochs=1, rounds=1),
    growth=(Axis("width", "hidden units", "dense", (2, 3), dense_vae, lambda _: 4),),
    growth_effort=LITTLE,
)


# One image's forward pass, layer by layer, then three times their sum without the first layer's
# input gradient.
MLP = (784 * 300 + 300 * 100 + 100 * 10 + 10 * 4) + (2 * 10 + 10 * 100 + 100 * 300 + 300 * 784)
KINGMA = (784 * 500 + 500 * 40) + (20 * 500 + 500 * 784)
CNN_FIRST = 14 * 14 * 9 * 1 * 32
CNN_ENCODER = CNN_FIRST + 7 * 7 * 9 * 32 * 64 + 4 * 4 * 9 * 64 * 32 + 512 * 4
CNN_DECODER = (
    2 * 512
    + 4 * 4 * 9 * 32 * 64  # of a transposed convolution each input pixel meets every tap
    + 7 * 7 * 9 * 64 * 32
    + 14 * 14 * 9 * 32 * 32
    + 28 * 28 * 9 * 32 * 1
)
CONV_FIRST = 28 * 28 * 1 * 1 * 32
CONV_ENCODER = CONV_FIRST + 32 * (
    24 * 24 * 25 * 32 + 20 * 20 * 25 * 32 + 9 * 9 * 16 * 32 + 4 * 4 * 9 * 32 + 16 * 64
)
CONV_DECODER = 32 * (
    16 * 32 + 4 * 4 * 9 * 32 + 9 * 9 * 16 * 32 + 20 * 20 * 25 * 32 + 24 * 24 * 25 * 1
)
BY_HAND = {
    "zhao-mlp": 3 * MLP - 784 * 300,
    "kingma-welling": 3 * KINGMA - 784 * 500,
    "zhao-cnn": 3 * (CNN_ENCODER + CNN_DECODER) - CNN_FIRST,
    "fleuret-conv": 3 * (CONV_ENCODER + CONV_DECODER) - CONV_FIRST,
}


KERNEL_KEYS = {
    "name",
    "shape",
    "multiply_adds",
    "gflops",
    "share_of_ceiling",
    "ratio",
    "ratio_to",
}
RECIPE_KEYS = {"name", "batch", "threads", "ours_ms", "multiply_adds", "share_of_ceiling"}
RECIPE_KEYS |= {"profile", "peak_mb"}
RIVAL_KEYS = {"plain", "plain_ms", "ratio", "best", "best_ms", "ratio_best", "losses_agree"}
RIVAL_KEYS |= {"configurations", "notes"}


def timed(monkeypatch, **seconds):
    """Let every comparison come out at these seconds."""
    timings = Timings({name: [value] for name, value in seconds.items()})
    monkeypatch.setattr(Ceiling, "compare", lambda *_: timings)


def some_images(model, count):
    """Return images of random pixels, binarised where the model's settings say so."""
    x = np.random.default_rng(0).random((count, *model.image_shape))
    if model.settings.pixels == "binarised":
        x = np.round(x)
    return x.astype(model.dtype)


def same_gradients(model, x, eps, loss, gradients, layouts, tolerance):
    """Expect a rival's loss and gradients, in its layouts, to be those of our model."""
    ours = model.forward(x, eps, training=True).loss
    model.zero_grad()
    model.backward()
    assert loss == pytest.approx(ours, rel=tolerance)
    assert set(gradients) == set(model.parameters)
    for key, parameter in model.parameters.items():
        mine, theirs = layouts[key](parameter.grad), gradients[key]
        # A bias before a batch norm changes nothing: what is left of its gradient is rounding.
        scale = max(np.abs(mine).max(), 1e-2 * np.abs(loss))
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * scale, err_msg=key)


def losses_of(rival, make, x):
    """Return a rival's figures where everything takes as long: its losses are what matters."""
    contest = Contest("a model", make, x, [rival], lambda line: None, thorough=True)
    return contest.figures(Timings({key: [1.0] for key in contest.work}))["rivals"][rival.name]
