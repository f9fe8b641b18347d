"""A VAE's passes as whole programs give what ``models/vae.py`` gives, or leave it to that."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, assert_same, each_dtype, normal, pixels, refused, small_vae
from hypothesis import given, settings
from hypothesis import strategies as st
from stack_cases import Stranger
from whole_passes import assert_as_written, forward, is_whole

from scratchvae.engine import Engine
from scratchvae.engine.engine import is_on
from scratchvae.errors import InputError
from scratchvae.layers import Dense, LogSoftplus, Sequential
from scratchvae.models import VAE
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
)
from scratchvae.training import Trainer

pytestmark = pytest.mark.skipif(not is_on(), reason="passes run as they are written")

LIKELIHOODS = {
    "bernoulli": BernoulliLikelihood,
    "gaussian": lambda: GaussianLikelihood(0.3),
    "with constant": lambda: GaussianLikelihood(0.3, include_constant=True),
}


@settings(max_examples=40)
@given(
    likelihood=st.sampled_from(list(LIKELIHOODS)),
    head=st.sampled_from([None, 1e-8, 0.1]),
    dtype=st.sampled_from([np.float32, np.float64]),
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    latents=st.integers(1, 5),
    weights=st.tuples(st.floats(0, 4), st.floats(0, 1), st.floats(0.1, 3)),
    backwards=st.integers(1, 2),
)
def test_whole_passes_are_the_models_own(
    likelihood, head, dtype, counts, latents, weights, backwards
):
    model = small_vae(
        LIKELIHOODS[likelihood](),
        latent_dim=latents,
        dtype=dtype,
        variance_head=head and LogSoftplus(head),
        beta=weights[0],
        reconstruction_weight=weights[2],
    )
    engine = Engine(keeps=True)
    for seed, count in enumerate([*counts, *counts]):
        model.kl_weight = weights[1] * seed  # as a warm-up changes it
        x = pixels(count, *IMAGE_SHAPE, seed=seed, dtype=dtype)
        assert_as_written(engine, model, x, normal(1, count, latents, dtype=dtype), backwards)
        assert is_whole(engine)


class Derived(VAE):
    def decode_parameters(self, z, *rest, **named):
        return super().decode_parameters(0.5 * z, *rest, **named)


class Doubled(BernoulliLikelihood):
    def negative_log_likelihood(self, x, decoded):
        return 2 * super().negative_log_likelihood(x, decoded)


def with_a_strangers_layer():
    model = small_vae()
    model.decoder.layers.insert(2, Stranger())
    return model


def with_a_gradient_of_its_own():
    model = small_vae()
    model.likelihood.gradient = lambda x, decoded: 0 * decoded
    return model


def with_a_strange_head():
    head = LogSoftplus(1e-8)
    head.forward = lambda x, training: LogSoftplus.forward(head, 2 * x)
    return small_vae(variance_head=head)


UNUSUAL = {
    "several draws": lambda: small_vae(samples=3),
    "a learned variance": lambda: small_vae(LearnedVarianceLikelihood()),
    "a class derived from VAE": lambda: small_vae(model=Derived),
    "a likelihood of one's own": lambda: small_vae(Doubled()),
    "a gradient of one's own": with_a_gradient_of_its_own,
    "a stranger's layer": with_a_strangers_layer,
    "a head that learns": lambda: small_vae(
        variance_head=Sequential(Dense(2, 2, rng=3, dtype=np.float64))
    ),
    "a head of one's own": with_a_strange_head,
    "no reconstruction": lambda: small_vae(reconstruction_weight=0),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_runs_as_it_is_written(name):
    model, engine = UNUSUAL[name](), Engine(keeps=True)
    for seed in range(3):
        x = pixels(4, *IMAGE_SHAPE, seed=seed)
        assert_as_written(engine, model, x, normal(model.samples, 4, 2, seed=seed))
        assert not is_whole(engine)


def wide_encoder():
    model = small_vae()
    model.encoder.layers[-1] = Dense(3, 5, rng=0, dtype=np.float64)
    return model


REFUSED = {
    "images of another shape": (small_vae, (4, 5, 3, 1), (1, 4, 2)),
    "flat images": (small_vae, (4, 15), (1, 4, 2)),
    "noise of fewer images": (small_vae, (4, *IMAGE_SHAPE), (1, 3, 2)),
    "noise of more latents": (small_vae, (4, *IMAGE_SHAPE), (1, 4, 3)),
    "noise without samples": (small_vae, (4, *IMAGE_SHAPE), (4, 2)),
    "an encoder of other outputs": (wide_encoder, (4, *IMAGE_SHAPE), (1, 4, 2)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_as_by_the_model_itself(name):
    make, shape, noise = REFUSED[name]
    model, engine = make(), Engine(keeps=True)
    x, eps = pixels(*shape), normal(*noise)
    with pytest.raises(InputError) as written:
        model.forward(x, eps, training=True)
    for _ in range(3):
        with refused(str(written.value)):
            forward(engine, model, x, eps)
        if make is small_vae:
            forward(engine, model, pixels(4, *IMAGE_SHAPE), normal(1, 4, 2))
            assert is_whole(engine)


def test_a_backward_pass_needs_a_forward_pass_in_its_own_round():
    model, engine = small_vae(), Engine(keeps=True)
    for _ in range(3):
        with engine.round(model) as double:
            with refused("forward pass first"):
                engine.backward(double)
            engine.forward(double, pixels(4, *IMAGE_SHAPE), normal(1, 4, 2))


@each_dtype
@pytest.mark.parametrize("head", [None, LogSoftplus(1e-8)])
def test_a_kl_that_overflows_is_refused(head, dtype):
    trainer = Trainer(small_vae(dtype=dtype, variance_head=head))
    x = pixels(4, *IMAGE_SHAPE, dtype=dtype)
    for _ in range(3):
        trainer.step_on_floats(x)
    assert is_whole(trainer.engine)
    bias = trainer.model.encoder.layers[-1].parameters["bias"]
    place, value = (0, np.finfo(dtype).max ** 0.6) if head else (-1, 2000)  # a mean, or its spread
    bias.value[place] = value
    before = trainer.model.state()
    with refused("the loss became inf"):
        trainer.step_on_floats(x)
    assert_same(trainer.model.state(), before)


def test_a_model_has_its_terms_after_a_step_that_follows_a_refused_one():
    trainer, x = Trainer(small_vae()), pixels(4, *IMAGE_SHAPE)
    bias = trainer.model.encoder.layers[-1].parameters["bias"].value
    before, bias[-1] = bias[-1], 2000
    with refused("the loss became inf"):
        trainer.step_on_floats(x)
    bias[-1] = before
    loss = [trainer.step_on_floats(x) for _ in range(3)][-1]
    assert trainer.model.terms[0].mean() == pytest.approx(loss.reconstruction)
