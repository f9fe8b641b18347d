"""A VAE's passes as whole programs give what ``models/vae.py`` gives, or leave it to that."""

import numpy as np
import pytest
from helpers import (
    IMAGE_SHAPE,
    assert_same,
    each_dtype,
    normal,
    pixels,
    refused,
    small_parts,
    small_vae,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stack_cases import Stranger

from scratchvae.engine import Engine
from scratchvae.engine.engine import is_on
from scratchvae.errors import InputError
from scratchvae.layers import BatchNorm, Dense, LogSoftplus, Parameter, Sequential, Tanh
from scratchvae.models import VAE
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    kl_to_standard,
)
from scratchvae.training import Trainer

pytestmark = pytest.mark.skipif(not is_on(), reason="passes run as they are written")

LIKELIHOODS = {
    "bernoulli": BernoulliLikelihood,
    "gaussian": lambda: GaussianLikelihood(0.3),
    "with constant": lambda: GaussianLikelihood(0.3, include_constant=True),
}
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


def replaced_parameter(model):
    model.encoder.layers[1].parameters["weight"] = Parameter(np.full((15, 3), 0.1))


CHANGES = {
    "beta": lambda model: setattr(model, "beta", 3.0),
    "its reconstruction's weight": lambda model: setattr(model, "reconstruction_weight", 0.5),
    "the variance": lambda model: setattr(model.likelihood, "variance", 0.7),
    "the constant": lambda model: setattr(model.likelihood, "include_constant", True),
    "the likelihood": lambda model: setattr(model, "likelihood", BernoulliLikelihood()),
    "the floor": lambda model: setattr(model.variance_head, "floor", 0.5),
    "the head": lambda model: setattr(model, "variance_head", Sequential()),
    "a network": lambda model: setattr(model, "encoder", small_parts(seed=5)[0]),
    "a layer": lambda model: model.decoder.layers.__setitem__(1, BatchNorm(3, dtype=np.float64)),
    "another layer": lambda model: model.encoder.layers.append(Tanh()),
    "a parameter": replaced_parameter,
    "a value": lambda model: setattr(
        model.decoder.layers[0].parameters["weight"], "value", np.full((2, 3), 0.2)
    ),
    "a gradient": lambda model: setattr(
        model.decoder.layers[0].parameters["bias"], "grad", np.ones(3)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whole_passes_follow_their_model(change):
    model = small_vae(GaussianLikelihood(0.3), variance_head=LogSoftplus(0.1))
    engine = Engine(keeps=True)
    x, eps = pixels(4, *IMAGE_SHAPE), normal(1, 4, 2)
    for step in range(6):
        if step == 3:
            CHANGES[change](model)
        assert_as_written(engine, model, x, eps)
        assert is_whole(engine)
        with engine.round(model):
            arrays = engine.arrays(model)
        assert arrays == (model.parameters, model.buffers)
    assert len(engine._vae._plans) == 1  # those of layers that are gone are not kept


def test_whole_passes_have_one_double_while_their_model_is_as_it_was():
    model, engine, doubles = small_vae(), Engine(keeps=True), []
    x, eps = pixels(4, *IMAGE_SHAPE), normal(1, 4, 2)
    for _ in range(4):
        with engine.round(model) as double:
            engine.forward(double, x, eps)
            engine.hand_back(model)
        doubles.append((id(double), engine._stands))
        assert double.encoder.network is model.encoder
    assert doubles[2:] == [(doubles[0][0], True)] * 2


def test_a_network_that_is_refused_between_steps_leaves_no_half_made_double():
    trainer, x = Trainer(small_vae()), pixels(4, *IMAGE_SHAPE)
    for _ in range(3):
        trainer.step_on_floats(x)
    model, own = trainer.model, trainer.model.encoder
    model.encoder = small_parts(seed=5)[0]
    model.encoder.layers[1].parameters["weight"].grad = np.zeros(3)
    with refused("the gradient of Dense's weight"):
        trainer.step_on_floats(x)
    model.encoder = own
    with trainer.engine.round(model) as double:
        assert [network.network for network in double.networks.values()] == [
            *model.networks.values()
        ]


def doubled_kl(mean, log_variance):
    return 2 * kl_to_standard(mean, log_variance)


@pytest.mark.parametrize("place", ["a formula", "a method", "the model's own method"])
def test_what_is_replaced_while_a_model_trains_is_what_runs(place, monkeypatch):
    model, engine = small_vae(), Engine(keeps=True)
    x, eps = pixels(4, *IMAGE_SHAPE), normal(1, 4, 2)
    for _ in range(3):
        before = forward(engine, model, x, eps)
    assert is_whole(engine)
    if place == "a formula":
        monkeypatch.setattr("scratchvae.models.vae.kl_to_standard", doubled_kl)
    elif place == "a method":
        plain = VAE._mean_loss
        monkeypatch.setattr(
            VAE, "_mean_loss", lambda self, nll, kl, *w: plain(self, nll, 2 * kl, *w)
        )
    else:
        model.forward = lambda *given, **named: VAE.forward(model, *given, **named)
    for _ in range(2):
        after = forward(engine, model, x, eps)
        assert not is_whole(engine)
        factor = 1 if place == "the model's own method" else 2
        assert after.kl == pytest.approx(factor * before.kl)


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


def test_moments_that_are_replaced_while_a_model_trains_are_the_ones_that_move():
    trainer, x = Trainer(small_vae()), pixels(4, *IMAGE_SHAPE)
    for _ in range(4):
        trainer.step_on_floats(x)
    state = trainer.optimiser.state
    replaced = {name: np.zeros_like(array) for name, array in state.items()}
    for name in ("first/encoder.1.weight", "second/decoder.2.bias"):
        state[name] = np.zeros_like(state[name])
        trainer.step_on_floats(x)
        assert is_whole(trainer.engine)
        assert state[name].any()
    trainer.optimiser.state = replaced
    trainer.step_on_floats(x)
    assert all(array.any() for array in replaced.values())


def test_a_model_has_its_terms_after_a_step_that_follows_a_refused_one():
    trainer, x = Trainer(small_vae()), pixels(4, *IMAGE_SHAPE)
    bias = trainer.model.encoder.layers[-1].parameters["bias"].value
    before, bias[-1] = bias[-1], 2000
    with refused("the loss became inf"):
        trainer.step_on_floats(x)
    bias[-1] = before
    loss = [trainer.step_on_floats(x) for _ in range(3)][-1]
    assert trainer.model.terms[0].mean() == pytest.approx(loss.reconstruction)
