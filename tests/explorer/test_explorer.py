"""The latent explorer's page: its decoder, its weights, its points and its size."""

import re
from pathlib import Path

import numpy as np
import pytest
from explorer_pages import (
    LAYERS,
    MEANS,
    colourful,
    content_of,
    decoded,
    pictures_of,
    stirred,
)
from helpers import refused
from hypothesis import given
from hypothesis import strategies as st

import scratchvae
from scratchvae import explorer
from scratchvae.explorer.decoder import MOST_ROUNDING
from scratchvae.explorer.packing import pack, unpack
from scratchvae.layers import (
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
    MaskedDense,
    MaxPool2D,
    ReLU,
    Reshape,
    Sequential,
    Softplus,
    Tanh,
)
from scratchvae.models import RECIPES, VAE
from scratchvae.probability import DiscretisedLogisticLikelihood, GaussianLikelihood, Likelihood

TAKEN = [name for name in RECIPES if name not in ("hierarchical-vae", "vq-vae", "diffusion")]
DECODER = (Path(explorer.__file__).parent / "decoder.js").read_text(encoding="utf-8")

# What a page promises, of pixels from 0 to 1.
AGREED = 1e-4


def small(recipe, **options):
    latents = {"latent_dim": 3} if RECIPES[recipe].any_latent_dim else {}
    return stirred(scratchvae.build(recipe, seed=0, **latents, **options))


def assert_decodes_alike(model, page, count=20):
    """Expect the page's decoder to give what the model does, for random latents."""
    content = content_of(page)
    labels = np.arange(count) % max(model.classes, 1)
    z = np.random.default_rng(1).standard_normal((count, model.latent_dim)).astype(model.dtype)
    expected = model.decode(z, labels if model.classes else None)
    found = [decoded(content, *each) for each in zip(z, labels, strict=True)]
    np.testing.assert_allclose(np.stack(found), expected, rtol=0, atol=AGREED)


@pytest.mark.parametrize("recipe", TAKEN)
def test_the_decoder_in_the_page_is_the_recipes(recipe):
    model = small(recipe)
    assert_decodes_alike(model, explorer.page(model))


def test_a_page_has_odd_sizes_colours_and_decoded_scales():
    assert_decodes_alike(colourful(), explorer.page(colourful()))
    model = colourful()
    model.likelihood = DiscretisedLogisticLikelihood(minimum_log_scale=-np.inf)
    assert_decodes_alike(model, explorer.page(model))


def test_every_layer_that_a_decoder_may_have():
    normed = [LayerNorm(24), Tanh(), Dropout(0.5), MaskedDense(np.tri(24, 60)), Softplus()]
    images = [
        Reshape((5, 4, 3)),
        Conv2D(3, 4, 3, stride=2, padding="same"),  # to 3 by 2
        LayerNorm((3, 2, 4)),
        ReLU(),
        ConvTranspose2D(4, 2, 3, stride=2, output_size=(8, 6)),
        BatchNorm(2),
        Conv2D(2, 1, 2, padding="same"),
    ]
    likelihood, shape = GaussianLikelihood(), (8, 6, 1)
    decoder = Sequential(Dense(2, 24), Sequential(*normed), *images)
    model = VAE(Dense(48, 4), decoder, likelihood, image_shape=shape, latent_dim=2)
    page = explorer.page(stirred(model))
    assert_decodes_alike(model, page)


def test_the_browser_knows_the_layers_and_likelihoods_that_are_written():
    for names, place in ((LAYERS, "LAYERS"), (MEANS, "MEANS")):
        (table,) = re.findall(rf"^const {place} = {{\n(.*?)^}};", DECODER, re.M | re.S)
        known = re.findall(r'^    "?([\w-]+)"?(?=: |\()', table, re.M)
        assert sorted(known) == sorted(names)


@given(st.data())
def test_a_packed_number_is_off_by_half_a_step_of_its_column(data):
    width = data.draw(st.sampled_from([2, 3]))
    shape = data.draw(st.tuples(*[st.integers(1, 4)] * data.draw(st.integers(1, 4))))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    scale = 10.0 ** rng.integers(-3, 3, shape[-1]) * rng.integers(0, 2, shape[-1])
    array = (rng.standard_normal(shape) * scale).astype(np.float32)
    found = unpack(pack(array, width))
    assert found.shape == shape
    largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
    step = largest / (2 ** (8 * width - 1) - 1)
    # Half a step, and what float32 rounds in the scale and in the product.
    assert (np.abs(found - array) <= 0.5 * step + 2e-7 * largest).all()
    np.testing.assert_array_equal(unpack(pack(array)), array)


def test_weights_take_the_bytes_that_keep_the_image():
    model = small("zhao-mlp")
    *_, last = (layer for layer in model.decoder.layers if isinstance(layer, Dense))
    weight = last.parameters["weight"].value

    def widths(page):
        layers = content_of(page)["layers"]
        return {layer["weight"].get("width", 4) for layer in layers if "weight" in layer}

    assert widths(explorer.page(model)) == {2}
    weight *= 100  # sigmoids that are steep, so that a weight counts for more
    page = explorer.page(model)
    assert widths(page) == {3}
    assert 0 < content_of(page)["rounding"] < MOST_ROUNDING
    assert_decodes_alike(model, page)
    weight *= 1e5
    assert widths(explorer.page(model)) == {4}


def test_points_are_the_images_latents_and_the_images_themselves():
    model = small("zhao-cnn", image_shape=(8, 7, 3))
    images = np.random.default_rng(0).integers(0, 256, (11, 8, 7, 3), np.uint8)
    labels = np.arange(11) % 4
    content = content_of(explorer.page(model, images, labels))
    np.testing.assert_array_equal(pictures_of(content), images)
    assert content["labels"] == labels.tolist()
    z = model.encode(images)
    # 16 bits of each latent's range: half a step of 1 / 32,767 of the largest.
    np.testing.assert_allclose(unpack(content["codes"]), z, rtol=0, atol=2e-5 * np.abs(z).max())
    assert (np.abs(z) < content["highest"]).all()
    floats = content_of(explorer.page(model, images / np.float32(255)))
    np.testing.assert_array_equal(pictures_of(floats), images)
    assert floats["labels"] is None


def test_the_plane_is_of_the_two_latents_that_images_spread_most_in():
    model = small("linear-autoencoder")
    *_, last = (layer for layer in model.encoder.layers if isinstance(layer, Dense))
    last.parameters["weight"].value[...] *= np.array([1, 100, 10], np.float32)
    images = np.random.default_rng(0).random((30, 28, 28, 1), np.float32)
    content = content_of(explorer.page(model, images))
    assert content["widest_first"] == [1, 2, 0]


def test_a_page_has_fewer_images_rather_than_more_than_1_5_megabytes():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1200, 24, 24, 3), np.uint8)
    model = small("linear-autoencoder", image_shape=(24, 24, 3))
    page = explorer.page(model, noise)
    count = content_of(page)["codes"]["shape"][0]
    assert 1_350_000 < len(page.encode()) <= 1_500_000
    assert 50 < count < 1000
    assert len(pictures_of(content_of(page))) == count
    plain = explorer.page(model, np.zeros((1200, 24, 24, 3), np.uint8))
    assert content_of(plain)["codes"]["shape"][0] == 1000
    large = explorer.page(small("learned-variance"), np.zeros((1200, 784), np.uint8))
    assert len(large) > 1_500_000  # its decoder alone
    assert content_of(large)["codes"]["shape"][0] == 50


def test_a_page_names_no_address_that_would_be_fetched():
    images = np.zeros((3, 28, 28, 1), np.uint8)
    page = explorer.page(small("zhao-mlp"), images, np.arange(3))
    assert "http:" not in page
    assert "https:" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)|url\(|import\b|fetch\(', page)
    assert "default-src 'none'" in page


class Own(Likelihood):
    name = "own"

    def mean(self, decoded):
        return decoded


class Square(Layer):
    def forward(self, x, training=False):
        return x * x


def test_what_cannot_be_explored_is_refused_in_one_line_and_nothing_is_written(tmp_path):
    path = tmp_path / "explorer.html"

    def refuses(model, *words, images=None, labels=None):
        refused(lambda: explorer.write(model, path, images, labels), *words)
        assert not list(tmp_path.iterdir())

    for recipe in ("hierarchical-vae", "vq-vae", "diffusion"):
        model = scratchvae.build(recipe)
        refuses(model, type(model).__name__, "the recipes zhao-mlp, zhao-cnn,")
    model = small("zhao-mlp")
    refuses(model, "labels are of no use without images", labels=np.arange(3))
    refuses(model, "labels must be 3 whole numbers", images=np.zeros((3, 784)), labels=[1, 2])
    refuses(small("conditional-vae"), "needs the class of each image", images=np.zeros((3, 784)))
    refuses(small("zhao-mlp", image_shape=(30,)), "images of shape (H, W, 1)", "(30,)")
    refuses(small("zhao-mlp", image_shape=(6, 6, 2)), "images of shape (H, W, 1)", "(6, 6, 2)")
    model.likelihood = Own()
    refuses(model, "does not know the mean of a Own", "BernoulliLikelihood")
    for layer in (Square(), MaxPool2D(1)):
        model = small("zhao-cnn")
        model.decoder = Sequential(*model.decoder.layers[:3], layer, *model.decoder.layers[3:])
        refuses(model, f"the explorer has no layer {type(layer).__name__}", "(4, 4, 32)")
    with pytest.raises(scratchvae.InputError, match="it is a folder"):
        explorer.write(small("zhao-mlp"), tmp_path)


def test_a_file_is_the_page(tmp_path):
    model, path = small("autoencoder"), tmp_path / "explorer.html"
    explorer.write(model, path)
    assert path.read_text(encoding="utf-8") == explorer.page(model)
