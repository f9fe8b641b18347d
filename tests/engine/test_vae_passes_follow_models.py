"""A VAE's passes as whole programs follow what is changed or replaced in their model."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, normal, pixels, refused, small_parts, small_vae
from whole_passes import assert_as_written, forward, is_whole

from scratchvae.engine import Engine
from scratchvae.engine.engine import is_on
from scratchvae.layers import BatchNorm, LogSoftplus, Parameter, Sequential, Tanh
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood, kl_to_standard
from scratchvae.training import Trainer

pytestmark = pytest.mark.skipif(not is_on(), reason="passes run as they are written")


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
