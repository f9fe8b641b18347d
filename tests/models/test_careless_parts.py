"""A likelihood or a network of a user's own that gives something else is named in one line."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, assert_same, pixels, refused, small_parts, small_vae

from scratchvae.layers import Layer, Sigmoid
from scratchvae.models import VAE, Autoencoder, build
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood
from scratchvae.training import Trainer

X = pixels(4, *IMAGE_SHAPE)
FAULTS = {
    "nothing": lambda y: None,
    "one number": lambda y: y.sum(),
    "a list": lambda y: y.tolist(),
    "a row too few": lambda y: y[:-1],
    "one row": lambda y: y[:1],
    "a mean over the batch": lambda y: y.mean(axis=0),
    "an axis too many": lambda y: y[..., np.newaxis],
    "complex numbers": lambda y: y + 0j,
    "objects": lambda y: y.astype(object),
}
OF_OTHER_NUMBERS = {
    "whole numbers": lambda y: y.astype(int),
    "another dtype": lambda y: y.astype(np.float32 if y.dtype == np.float64 else np.float64),
}


@pytest.fixture(params=["on", "off"])
def engine(request, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", request.param)


def careless(method, fault):
    """Return a likelihood of which one method gives something else."""

    def wrong(self, *arguments):
        return fault(np.asarray(getattr(GaussianLikelihood, method)(self, *arguments)))

    return type("Careless", (GaussianLikelihood,), {method: wrong})(0.3)


def uses(method, model):
    """Return what calls a method of the model's likelihood."""
    return {
        "negative_log_likelihood": (
            lambda: model.evaluate(X),
            lambda: model.elbo(X),
            lambda: Trainer(model).step(X),
        ),
        "gradient": (lambda: Trainer(model).step(X),),
        "mean": (lambda: model.decode(np.zeros((4, 2))), lambda: model.sample(4)),
        "sample": (lambda: model.sample(4, pixel_noise=True),),
    }[method]


METHODS = ("negative_log_likelihood", "gradient", "mean", "sample")


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("method", METHODS)
def test_what_a_likelihood_of_ones_own_gives_is_checked(method, name, engine):
    model = small_vae(careless(method, FAULTS[name]))
    before = model.state()
    for use in uses(method, model):
        with refused(f"what Careless.{method} returns must"):
            use()
    assert_same(model.state(), before)


@pytest.mark.parametrize("name", OF_OTHER_NUMBERS)
@pytest.mark.parametrize("method", METHODS)
def test_other_numbers_are_taken_as_they_are_meant_or_refused(method, name):
    model = small_vae(careless(method, OF_OTHER_NUMBERS[name]))
    whole = name == "whole numbers"
    if method == "gradient" or (method == "negative_log_likelihood" and whole):
        for use in uses(method, model):
            with refused(f"Careless.{method} returns", "int64" if whole else "float32"):
                use()
    elif method == "negative_log_likelihood":
        assert model.elbo(X).dtype == model.dtype
        np.testing.assert_allclose(
            model.elbo(X), small_vae(GaussianLikelihood(0.3)).elbo(X), rtol=1e-6
        )
    else:
        for use in uses(method, model):
            assert use().dtype == model.dtype


@pytest.mark.parametrize("method", METHODS[:2])
def test_a_likelihood_that_makes_nan_of_finite_numbers_is_named(method):
    model = small_vae(careless(method, lambda y: y * np.nan))
    before = model.state()
    for use in uses(method, model):
        with refused(f"what Careless.{method} returns must be finite", "decoded numbers of up to"):
            use()
    assert_same(model.state(), before)
    # Where a layer before it diverged, that is where one has to look.
    model.decoder.layers[0].parameters["bias"].value[...] = np.nan
    with refused("became nan", "first in decoder.0 (Dense)"):
        Trainer(model).step(X)


@pytest.mark.parametrize("constant", [None, np.nan, "a", [1.0]])
def test_a_constant_that_is_no_number_is_refused(constant):
    model = small_vae(careless("omitted_constant", lambda y: constant))
    with refused("what Careless.omitted_constant returns must be a finite number"):
        model.elbo(X)


class Around(Layer):
    """A network whose forward or backward pass gives something else than the layer in it."""

    def __init__(self, inner, method, fault):
        super().__init__(dtype=inner.dtype)
        self.inner, self.method, self.fault = inner, method, fault
        self.parameters, self.buffers = dict(inner.parameters), dict(inner.buffers)

    def forward(self, x, training=False):
        y = self.inner.forward(x, training)
        return self.fault(y) if self.method == "forward" else y

    def backward(self, dy):
        dx = self.inner.backward(dy)
        return self.fault(dx) if self.method == "backward" else dx


NETWORKS = {
    "autoencoder": ("encoder", "decoder"),
    "sparse-autoencoder": ("encoder", "decoder"),
    "denoising-autoencoder": ("encoder", "decoder"),
    "kingma-welling": ("encoder", "decoder"),
    "conditional-vae": ("encoder", "decoder"),
    "iwae": ("encoder", "decoder"),
    "hierarchical-vae": ("encoder", "decoder", "upper_encoder", "prior"),
    "ladder": ("encoder", "decoder", "upper_encoder", "prior", "lower_head"),
    "vq-vae": ("encoder", "decoder", "prior"),
    "diffusion": ("decoder",),
}
# Those that begin with the image have no use for the gradient of what goes into them.
FIRST = {("vq-vae", "prior"), ("diffusion", "decoder")}
PASSES = [
    (recipe, network, method)
    for recipe, networks in NETWORKS.items()
    for network in networks
    for method in ("forward", "backward")
    if method == "forward" or not (network == "encoder" or (recipe, network) in FIRST)
]


@pytest.mark.parametrize(("recipe", "network", "method"), PASSES)
def test_what_a_network_of_ones_own_gives_is_checked(recipe, network, method, engine):
    images = np.random.default_rng(0).random((4, 28, 28, 1), dtype=np.float32)
    for name, fault in (FAULTS | OF_OTHER_NUMBERS).items():
        options = {"inference": "ladder"} if recipe == "ladder" else {}
        model = build("hierarchical-vae" if recipe == "ladder" else recipe, **options)
        setattr(model, network, Around(getattr(model, network), method, fault))
        before, labels = model.state(), np.arange(4) if model.classes else None
        x = model.as_images(images)
        with refused():
            Trainer(model).step(x, labels)
        if method == "forward" and name != "another dtype":
            given = {} if labels is None else {"labels": labels}
            with refused():
                model.evaluate(x, **given)
        assert_same(model.state(), before)


def test_rows_that_a_network_loses_are_missed():
    class Losing(Sigmoid):
        def forward(self, x, training=False):
            return super().forward(x)[:-1]

    encoder, decoder = small_parts(outputs=1)
    encoder.layers.append(Losing())
    model = Autoencoder(
        encoder, decoder, BernoulliLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2
    )
    with refused("what encoder.forward gives must be of shape (4, 2), not (3, 2)"):
        model.encode(X)

    class Shortened(VAE):
        def encode_distribution(self, x, training=False):
            return tuple(each[:-1] for each in super().encode_distribution(x, training))

    with refused("the encoder must give (4, 2), a row for each of 4, not (3, 2)"):
        small_vae(model=Shortened).encode(X)

    class Flat(GaussianLikelihood):
        def mean(self, decoded):
            return decoded.reshape(len(decoded), -1)

    with refused("what Flat.mean returns must be of shape (3, 3, 5, 1)", "(3, 15)"):
        small_vae(Flat()).decode(np.zeros((3, 2)))
