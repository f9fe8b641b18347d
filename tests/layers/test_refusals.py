"""Each layer refuses what does not fit it, and names itself and the argument."""

import numpy as np
import pytest
from helpers import normal, refused

from scratchvae.layers import (
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    MaskedDense,
    Reshape,
)

IMAGES = (2, 5, 4, 2)
LAYERS = {
    "Dense": (lambda **options: Dense(5, 3, **options), (4, 5)),
    "Conv2D": (lambda **options: Conv2D(2, 3, 3, **options), IMAGES),
    "ConvTranspose2D": (lambda **options: ConvTranspose2D(2, 3, 3, 1, 0, 0, **options), IMAGES),
    "BatchNorm": (lambda **options: BatchNorm(2, **options), IMAGES),
    "MaskedDense": (lambda **options: MaskedDense(np.tri(5, 3), **options), (4, 5)),
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
    with refused(f"{name}: dy is float32"):
        layer.backward_parameters(dy.astype(np.float32))
    with refused(f"{name}: dy must be of shape"):
        layer.backward_parameters(dy[:1])
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
    with refused(": put a Flatten before it if the examples are images"):
        Dense(5, 3, rng=0).forward(np.ones(IMAGES, np.float32))
    for layer in (Conv2D(2, 3, 3), ConvTranspose2D(2, 3, 3, 1, 0, 0)):
        with refused("(2, 2, 5, 4): channels come last"):
            layer.forward(np.ones((2, 2, 5, 4), np.float32))
    with refused("Flatten expects a batch of examples, not a single number"):
        Flatten().forward(np.array(1.0))


def test_a_number_for_each_example_can_be_reshaped():
    assert Reshape((1, 1)).forward(np.ones(3)).shape == (3, 1, 1)


def test_a_transposed_convolution_shows_an_output_padding_that_it_has():
    plain = repr(ConvTranspose2D(2, 3, 3, 2, 1, 0))
    padded = repr(ConvTranspose2D(2, 3, 3, 2, 1, 1))
    assert "output_padding" not in plain
    assert padded == f"{plain[:-1]}, output_padding=1)"


def test_images_of_just_the_kernels_size_give_one_pixel_and_smaller_ones_are_refused():
    layer = Conv2D(1, 2, 5, stride=3, padding=1)
    assert layer.forward(np.ones((1, 3, 3, 1), np.float32)).shape == (1, 1, 1, 2)
    assert layer.forward(np.ones((1, 6, 5, 1), np.float32)).shape == (1, 2, 1, 2)
    for rows, columns in ((2, 9), (9, 2)):
        with refused(
            "Conv2D with a kernel of 5 and padding 1 needs images of at least 3 rows and columns, "
            f"not {rows} by {columns}"
        ):
            layer.forward(np.ones((1, rows, columns, 1), np.float32))


def test_a_transposed_convolution_of_which_nothing_is_left_says_what_to_do():
    layer = ConvTranspose2D(1, 2, 2, stride=2, padding=1, output_padding=1)
    assert layer.forward(np.ones((1, 1, 2, 1), np.float32)).shape == (1, 1, 3, 2)
    layer = ConvTranspose2D(1, 2, 2, padding=1)
    for rows, columns in ((1, 9), (9, 1)):
        with refused(
            "ConvTranspose2D with padding 1 leaves nothing of images of "
            f"{rows} by {columns}: use less padding or larger images"
        ):
            layer.forward(np.ones((1, rows, columns, 1), np.float32))
    with refused(
        "output_padding must be below the stride of 2, not 3: otherwise a convolution of the "
        "output would have more rows than the input"
    ):
        ConvTranspose2D(1, 2, 2, stride=2, output_padding=3)


def test_batch_norm_refuses_another_number_of_channels_or_too_few_values():
    layer = BatchNorm(3, dtype=np.float64)
    for x in (normal(3), normal(4, 2), normal(3, 4)):
        with refused(f"BatchNorm expects x of shape (N, ..., 3), channels last, not {x.shape}"):
            layer.forward(x)
    with refused(
        "BatchNorm in training needs at least two values per channel, not 1: use a larger batch, "
        "or a batch size that leaves no single image over for an epoch's last"
    ):
        layer.forward(normal(1, 3), training=True)
    layer.forward(normal(2, 3), training=True)
    with refused("training must be True or False"):
        layer.forward(normal(2, 3), training="yes")


def test_reshape_counts_the_numbers_of_an_example():
    layer = Reshape((2, 3))
    for x in (np.ones((6, 5)), np.ones((2, 3)), np.array(1.0)):
        with refused(f"Reshape to (2, 3) expects 6 numbers per example, not x of shape {x.shape}"):
            layer.forward(x)
    for wrong in (6, "23", None):
        with refused("shape must be a tuple such as (28, 28, 1)"):
            Reshape(wrong)
    with refused("each number in shape must be a whole number"):
        Reshape((2, 0))


def test_what_flatten_and_reshape_are_given_is_called_by_its_name():
    for layer in (Flatten(), Reshape((6,))):
        with refused("x must be a NumPy array, not list"):
            layer.forward([[1.0] * 6])
        with refused(f"{type(layer).__name__}.backward needs a forward pass first"):
            layer.backward(np.ones((2, 6)))
        layer.forward(np.ones((2, 6)))
        with refused(f"{type(layer).__name__}: dy must be of shape (2, 6), not (3, 6)"):
            layer.backward(np.ones((3, 6)))
        with refused(f"{type(layer).__name__}: dy is float32 where float64 is expected"):
            layer.backward(np.ones((2, 6), np.float32))


@pytest.mark.parametrize("name", LAYERS)
def test_a_backward_pass_before_a_forward_pass_is_refused(name):
    layer = LAYERS[name][0]()
    with refused(f"{name}.backward needs a forward pass first: call forward(x)"):
        layer.backward(np.ones((2, 3), np.float32))
