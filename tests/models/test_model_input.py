"""Images and latents that a model cannot use are refused."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, pixels, refused, small_vae

from scratchvae.probability import GaussianLikelihood

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)


@pytest.mark.parametrize("method", ["encode", "reconstruct", "elbo", "evaluate", "score", "fit"])
def test_images_that_do_not_fit_are_refused(method):
    vae = small_vae()
    call = getattr(vae, method)
    with refused("(N, 3, 5, 1)", "15 numbers each", "(6, 14)"):
        call(pixels(6, 14))
    with refused("(15,)"):
        call(pixels(15))
    with refused("int64"):
        call(np.zeros((2, 3, 5, 1), np.int64))
    with refused("0 to 1", "divide 8-bit pixels by 255", "np.clip"):
        call(255 * IMAGES)
    with refused("0 to 1"):
        call(IMAGES - 1)
    for bad in (np.nan, np.inf):
        broken = IMAGES.copy()
        broken[4, 2, 1, 0] = bad
        with refused("images[4, 2, 1, 0]", str(bad)):
            call(broken)


def test_images_may_leave_the_unit_interval_by_a_rounding_error():
    for value in (np.nextafter(np.float32(1), np.float32(2)), -1e-9, 1 + 1e-6):
        assert np.isfinite(small_vae().elbo(np.full((2, *IMAGE_SHAPE), value))).all()
    for value in (1.25, -0.25):
        with refused("0 to 1", str(value), "np.clip"):
            small_vae().elbo(np.full((2, *IMAGE_SHAPE), value))


@pytest.mark.parametrize("method", ["encode", "reconstruct", "elbo", "evaluate", "score", "fit"])
@pytest.mark.parametrize("bad", [None, 3.0, "images", [[1, 2], [3]]], ids=repr)
def test_what_is_no_images_at_all_is_refused(method, bad):
    with refused("images"):
        getattr(small_vae(), method)(bad)


def test_latents_that_do_not_fit_are_refused():
    vae = small_vae()
    for shape in ((4, 3), (2,), (4, 2, 1)):
        with refused("(N, 2)", str(shape)):
            vae.decode(np.zeros(shape))
    with refused("z[1, 0]", "nan"):
        vae.decode(np.array([[0.0, 0.0], [np.nan, 0.0]]))
    with refused("z must be an array of numbers", "not of one shape"):
        vae.decode([[1, 2], [3]])
    for bad in ([["one", "two"]], {}, None, 1j * np.ones((1, 2))):
        with refused("z must be an array of real numbers"):
            vae.decode(bad)
    for bad in (-1, 1.5, "2"):
        with refused("count"):
            vae.sample(bad)
    with refused("seed"):
        vae.sample(1, seed=-1)


def test_a_gaussian_takes_images_of_any_size():
    model = small_vae(GaussianLikelihood())
    assert np.isfinite(model.elbo(10 * IMAGES - 5)).all()
