"""Images are read as they are meant: axes, ranges and types, put right or refused."""

import warnings

import numpy as np
import pytest
from helpers import pixels, refused, small_vae
from hypothesis import given
from hypothesis import strategies as st

from scratchvae.errors import InputError
from scratchvae.layers import Dense, Flatten, Reshape, Sequential, Sigmoid
from scratchvae.models import VAE, build
from scratchvae.probability import GaussianLikelihood
from scratchvae.training import Trainer

BYTES = np.random.default_rng(5).integers(0, 256, (6, 3, 5, 1), dtype=np.uint8)


def vae(shape, *last):
    size = int(np.prod(shape))
    return VAE(
        Sequential(Flatten(), Dense(size, 4, rng=0)),
        Sequential(Dense(2, size, rng=1), *last, Reshape(shape)),
        GaussianLikelihood(),
        image_shape=shape,
        latent_dim=2,
    )


@given(st.permutations([1, 2, 3]), st.sampled_from([(4, 3, 2), (5, 4, 3), (6, 6, 2), (2, 7, 7)]))
def test_axes_in_another_order_are_refused_with_the_order_that_is_right(order, shape):
    model, images = vae(shape), pixels(5, *shape)
    moved = images.transpose(0, *order)
    if moved.shape == images.shape:
        return
    with pytest.raises(InputError, match="must be of shape") as error:
        model.encode(moved)
    if "np.moveaxis(images, -1, 0)" in str(error.value):  # as many images as it has rows
        assert np.moveaxis(moved, -1, 0).shape == images.shape
        return
    axes = [int(axis) for axis in str(error.value).rpartition("(0, ")[2].strip(")").split(", ")]
    assert moved.transpose(0, *axes).shape == images.shape


def test_channels_first_are_to_be_moved_to_the_end():
    images = pixels(5, 6, 6, 3)
    with refused("(5, 3, 6, 6)", "images.transpose(0, 2, 3, 1)"):
        vae((6, 6, 3)).encode(np.moveaxis(images, -1, 1))
    with refused("test_images.transpose(0, 2, 1, 3)"):
        vae((4, 3, 2)).fit(pixels(2, 4, 3, 2), test_images=pixels(2, 3, 4, 2))


def test_axes_of_one_entry_may_stand_anywhere():
    images = pixels(6, 3, 5, 1)
    model = small_vae()
    wanted = model.encode(images)
    for shape in ((6, 15), (6, 3, 5), (6, 1, 3, 5), (6, 3, 1, 5), (6, 3, 5, 1, 1)):
        np.testing.assert_array_equal(model.encode(images.reshape(shape)), wanted)
        assert model.reconstruct(images.reshape(shape)).shape == shape
    for shape in ((6, 5, 3), (6, 1, 5, 3), (6, 5, 1, 3)):
        with refused("must be of shape"):
            model.encode(images.reshape(shape))
    for one in (images[0], images[0, :, :, 0], images[0].ravel()):
        with refused("images[None]"):
            model.encode(one)


def test_zeros_and_ones_in_eight_bits_are_refused():
    black_and_white = (BYTES > 127).astype(np.uint8)
    model = small_vae()
    calls = (model.fit, model.encode, model.elbo, model.evaluate, Trainer(model).step)
    for call in calls:
        with refused("8-bit", "images * 255"):
            call(black_and_white)
    with refused("test_images * 255"):
        model.fit(BYTES, test_images=black_and_white)
    white = model.encode(black_and_white * 255)
    np.testing.assert_array_equal(model.encode(black_and_white.astype(bool)), white)
    for constant in (0, 2, 255):
        model.encode(np.full_like(BYTES, constant))


@pytest.mark.parametrize(
    ("images", "remedy"),
    [
        (BYTES.astype(np.int64), "use .astype(np.uint8)"),
        (BYTES.astype(">i2"), "use .astype(np.uint8)"),
        ((BYTES > 9).astype(np.int32), "(images * 255).astype(np.uint8)"),
        (BYTES.astype(np.uint16) * 257, "images / 65535"),
        (BYTES.astype(np.int16) - 128, "images / 12"),
    ],
)
def test_whole_numbers_of_more_bits_are_refused_with_what_makes_pixels_of_them(images, remedy):
    with refused(images.dtype.name if images.dtype.isnative else ">i2", remedy):
        small_vae().encode(images)


def test_what_hides_in_an_array_is_not_overlooked():
    images = pixels(6, 3, 5, 1)
    model = small_vae()
    masked = np.ma.masked_less(images, 0.1)
    with refused("masked", ".filled(0)"):
        model.encode(masked)
    unmasked = model.encode(np.ma.masked_less(images, -1))
    np.testing.assert_array_equal(unmasked, model.encode(images))
    for other in (images.astype(object), images.astype(complex), images.astype(str)):
        with refused("array of real numbers", str(other.dtype)):
            model.encode(other)
    with refused("float32 can hold", "e+199"):
        small_vae(GaussianLikelihood(), dtype=np.float32).encode(images * 1e200)


@pytest.mark.parametrize("method", ["fit", "elbo", "evaluate", "step"])
def test_a_decoder_that_ends_in_a_sigmoid_is_compared_with_images_from_0_to_1(method):
    model = vae((3, 5, 1), Sigmoid())
    call = Trainer(model).step if method == "step" else getattr(model, method)
    for images, values in ((BYTES / 1.0, "255.0"), (pixels(6, 3, 5, 1) + 0.5, "1.4")):
        with refused("from 0 to 1 for this model", values, "255", "np.clip"):
            call(images)
    call(np.full((6, 3, 5, 1), 1 + 1e-7))
    # What is only encoded may be noisy.
    assert np.isfinite(model.encode(pixels(6, 3, 5, 1) - 0.5)).all()
    assert np.isfinite(build("denoising-autoencoder").reconstruct(1.3 * pixels(2, 784))).all()


@pytest.mark.parametrize("recipe", ["learned-variance", "fleuret-autoencoder"])
def test_floats_that_look_like_bytes_are_warned_of(recipe):
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1)) / 1.0
    with pytest.warns(UserWarning, match="from 0.0 to 255.0, .*divide 8-bit pixels by 255"):
        build(recipe, latent_dim=2).fit(images, epochs=1)
    with pytest.warns(UserWarning, match="divide 8-bit pixels by 255"):
        vae((3, 5, 1)).encode(BYTES / 1.0)
    with pytest.warns(UserWarning, match="divide 8-bit pixels by 255"):
        vae((3, 5, 1), Sigmoid()).encode(BYTES / 1.3)


def test_a_likelihood_without_a_range_takes_any_numbers():
    images = pixels(6, 3, 5, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for some in (images - 0.5, 100 * images, 40 * images - 20, 2 * np.rint(images) - 1):
            vae((3, 5, 1)).fit(some, epochs=1, learning_rate=1e-5)


def test_the_message_of_a_range_never_contradicts_itself():
    images = np.full((4, 3, 5, 1), 0.5, np.float32)
    images[1, 2, 3] = 1.0001
    with refused("not from 0.5 to 1.0001"):
        small_vae(dtype=np.float32).elbo(images)
    # A rounding error of two bytes is larger.
    half = np.full((4, 3, 5, 1), np.nextafter(np.float16(1), np.float16(2)))
    assert np.isfinite(small_vae(dtype=np.float32).elbo(half)).all()


class Elsewhere:
    """An array of another library, which gives NumPy an error in its place."""

    def __init__(self, error):
        self.error = error

    def __array__(self, *arguments, **options):
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("use .detach()"), KeyError("dtype"), MemoryError()])
def test_an_array_that_cannot_be_converted_is_refused_with_its_own_reason(error):
    with refused("images is a Elsewhere, of which NumPy makes no array", str(error)):
        small_vae().encode(Elsewhere(error))


def test_masked_images_are_refused_in_a_list_as_well():
    images = [np.ma.masked_less(image, 0.2) for image in pixels(4, 3, 5, 1)]
    masked = sum(np.ma.count_masked(image) for image in images)
    for given_as in (images, tuple(images), np.ma.stack(images)):
        with refused(f"{masked} of them are masked"):
            small_vae().encode(given_as)
    whole = [np.ma.array(image.data) for image in images]
    assert small_vae().encode(whole).shape == (4, 2)


@pytest.mark.parametrize("greatest", [3, 15, 16])
def test_pixels_of_fewer_bits_are_not_taken_for_eight_in_silence(greatest):
    # scikit-learn's digits are from 0 to 16: divided by 255, they would be nearly black.
    few = (BYTES % greatest + 1).astype(np.uint8)
    advice = "divide them by the largest value that they can have"
    with pytest.warns(
        UserWarning, match=f"none is above {greatest}, which is nearly black.*{advice}"
    ):
        vae((3, 5, 1)).fit(few, epochs=1)
    with refused("must be 8-bit", f"images / {greatest}"):
        vae((3, 5, 1)).encode(few.astype(np.int64))
    with pytest.warns(UserWarning, match=advice):
        vae((3, 5, 1)).fit(few.astype(np.float64), epochs=1)
    with refused("must be from 0 to 1", advice):
        vae((3, 5, 1), Sigmoid()).fit(few.astype(np.float64))


def test_black_images_are_black():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vae((3, 5, 1)).fit(np.zeros((4, 3, 5, 1), np.uint8), epochs=1)
