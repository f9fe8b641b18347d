"""Each layer refuses what does not fit it, and names itself and the argument."""

import numpy as np
import pytest
from helpers import normal, refused

from scratchvae.layers import BatchNorm, Conv2D, ConvTranspose2D, Dense, Flatten, Reshape

IMAGES = (2, 5, 4, 2)
LAYERS = {
    "Dense": (lambda **options: Dense(5, 3, **options), (4, 5)),
    "Conv2D": (lambda **options: Conv2D(2, 3, 3, **options), IMAGES),
    "ConvTranspose2D": (lambda **options: ConvTranspose2D(2, 3, 3, 1, 0, 0, **options), IMAGES),
    "BatchNorm": (lambda **options: BatchNorm(2, **options), IMAGES),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_refuses_another_dtype_or_shape_by_name(name):
    make, shape = LAYERS[name]
    layer = make(dtype=np.float64)
    x = normal(*shape)
    dy = np.ones_like(layer.forward(x, training=True))
    layer.backward(dy)
    with refused(f"{name}: x is float32"):
        layer.forward(x.astype(np.float32), training=True)
    with refused(name, "(N,"):
        layer.forward(x[..., :1], training=True)
    with refused(name, "(N,"):
        layer.forward(x[0, ..., 0], training=True)
    layer.forward(x, training=True)
    with refused(f"{name}: dy is float32"):
        layer.backward(dy.astype(np.float32))
    with refused(f"{name}: dy must be of shape"):
        layer.backward(dy[:1])
    with refused("dtype"):
        make(dtype="int")


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (Dense, ("in_features", "out_features")),
        (Conv2D, ("in_channels", "out_channels", "kernel_size", "stride", "padding")),
        (
            ConvTranspose2D,
            ("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding"),
        ),
        (BatchNorm, ("channels",)),
    ],
)
def test_a_size_that_is_none_is_refused_by_name(make, names):
    sizes = {name: 0 if "padding" in name else 2 for name in names}
    make(**sizes)
    for name in names:
        for wrong in (-1, 1.5, "2", None):
            with refused(f"{name} must be"):
                make(**(sizes | {name: wrong}))


def test_batch_norm_refuses_an_epsilon_by_name():
    for wrong in (0, -1.0, None):
        with refused("epsilon must be"):
            BatchNorm(2, epsilon=wrong)


def test_what_to_do_about_a_shape_is_said():
    with refused("put a Flatten before it if the examples are images"):
        Dense(5, 3, rng=0).forward(np.ones(IMAGES, np.float32))
    with refused("channels come last"):
        ConvTranspose2D(2, 3, 3, 1, 0, 0).forward(np.ones((2, 2, 5, 4), np.float32))
    with refused("Flatten expects a batch of examples, not a single number"):
        Flatten().forward(np.array(1.0))


def test_a_number_for_each_example_can_be_reshaped():
    assert Reshape((1, 1)).forward(np.ones(3)).shape == (3, 1, 1)


def test_a_transposed_convolution_shows_an_output_padding_that_it_has():
    plain = repr(ConvTranspose2D(2, 3, 3, 2, 1, 0))
    padded = repr(ConvTranspose2D(2, 3, 3, 2, 1, 1))
    assert "output_padding" not in plain
    assert padded == f"{plain[:-1]}, output_padding=1)"
