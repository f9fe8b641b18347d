"""The doctor on gradients' paths, training steps, batch norm and latents."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from small_vaes import SmallVAE, torch_parts

import scratchvae
from scratchvae.checks.doctor.parameters import Parameters


def causes(report):
    return [finding.cause for finding in report.findings]


def normalised(vae):
    def encode(x):
        mean, log_variance = vae.encode(x)
        return (mean - mean.mean(0)) / mean.std(0), log_variance

    return encode


STEPS = {
    "encoder cut off": {"z_path": 0.0},
    "KL cut off": {"kl_path": 0.0},
    "decoder cut off": {"decoder_rate": 0.0},
    "does not learn": {"rate": 0.0},
}


@pytest.mark.parametrize("cause", STEPS)
def test_a_step_that_leaves_something_out_is_named_without_a_framework(cause):
    vae = SmallVAE(**STEPS[cause])
    assert causes(scratchvae.doctor(**vae.parts()))[:1] == [cause]


def test_a_right_vae_is_not_accused_and_keeps_its_weights():
    vae = SmallVAE()
    before = {name: value.copy() for name, value in vae.weights.items()}
    report = scratchvae.doctor(**vae.parts())
    assert report.findings == []
    assert report.passed
    assert {"learning", "training step"} <= {row.cause for row in report.rows if row.kind == "ok"}
    for name, value in vae.weights.items():
        np.testing.assert_array_equal(value, before[name])


def test_global_random_numbers_go_on_as_if_nothing_had_been():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    scratchvae.doctor(draw=lambda m, v: np.random.normal(m, np.exp(v / 2)))  # noqa: NPY002
    np.testing.assert_array_equal(np.random.random(3), expected)  # noqa: NPY002


def test_steps_that_go_uphill_do_not_learn():
    # So slowly that 300 steps stay among the finite numbers.
    report = scratchvae.doctor(**SmallVAE(rate=-0.0005).parts())
    assert causes(report) == ["does not learn"]
    assert "does not lower" in report.findings[0].sentence


def test_images_compared_with_others_reconstructions_are_noted_and_their_own_are_not():
    def noted(vae, train_step):
        report = scratchvae.doctor(**vae.parts(train_step=train_step))
        assert report.findings == []
        return [row.cause for row in report.notes]

    right = SmallVAE(rate=0.3)
    assert noted(right, right.train_step) == []
    wrong = SmallVAE(rate=0.3)
    # With the mean image for every target there is nothing for z to tell.
    assert noted(wrong, lambda x: wrong.train_step(0 * x + x.mean(0))) == ["learning"]


class Layer(NamedTuple):
    w: Any
    b: Any


def test_arrays_in_tuples_are_put_back_by_a_new_tuple_in_their_place():
    jnp = pytest.importorskip("jax").numpy
    state = {"layers": [Layer(jnp.ones((2, 3)), jnp.zeros(3)), (jnp.ones(2), jnp.ones(1))]}
    parameters = Parameters(state)
    before = parameters.values()
    assert len(before) == 4
    assert parameters.movable
    with parameters.kept():
        state["layers"] = [Layer(each[0] + 1, each[1] - 1) for each in state["layers"]]
    assert isinstance(state["layers"][0], Layer)
    for name, value in parameters.values().items():
        np.testing.assert_array_equal(value, before[name])
    assert not Parameters(lambda: state["layers"][0]).movable  # nobody says where the tuple is


def test_weights_that_cannot_be_put_back_are_not_trained():
    vae = SmallVAE()
    report = scratchvae.doctor(**vae.parts(parameters=lambda: [w.copy() for w in [np.ones(3)]]))
    assert "training step" in [row.cause for row in report.unchecked]
    assert report.findings == []


def test_moments_that_are_normalised_over_the_batch():
    vae = SmallVAE()
    report = scratchvae.doctor(**vae.parts(encode=normalised(vae), train_step=None))
    assert causes(report) == ["batch norm on moments"]


def test_latents_that_the_decoder_does_not_use():
    vae = SmallVAE()
    report = scratchvae.doctor(**vae.parts(decode=lambda z: vae.decode(0 * z), train_step=None))
    assert causes(report) == ["latents unused"]
    one = scratchvae.doctor(
        **vae.parts(decode=lambda z: vae.decode(z * [1, 0, 1, 1]), train_step=None)
    )
    assert "latents [1] of 4" in one.findings[0].sentence


# The same in PyTorch and JAX, whose own gradients show the paths.


def test_a_right_vae_in_pytorch_is_not_accused_and_keeps_its_weights_and_mode():
    torch = pytest.importorskip("torch")
    parts = torch_parts(torch)
    before = {name: value.clone() for name, value in parts["parameters"].state_dict().items()}
    report = scratchvae.doctor(**parts)
    assert report.findings == []
    assert "PyTorch" in report.title
    assert parts["parameters"].training
    for name, value in parts["parameters"].state_dict().items():
        assert torch.equal(value, before[name]), name


def test_faults_of_gradients_in_pytorch_are_named():
    torch = pytest.importorskip("torch")

    def cut(mu, logvar):
        return torch.distributions.Normal(mu, (logvar / 2).exp()).sample()

    def only_decoder(model):
        return model.decoder.parameters()

    for cause, faulty in {
        "encoder cut off": {"draw": cut},
        "KL cut off": {"kl": lambda value: value.detach()},
        "batch norm mode": {"eval_": True},
    }.items():
        assert causes(scratchvae.doctor(**torch_parts(torch, **faulty)))[:1] == [cause]
    unreached = scratchvae.doctor(**torch_parts(torch, given=only_decoder))
    assert causes(unreached)[:1] == ["encoder cut off"]
    assert "changes no weight of the encoder" in unreached.findings[0].sentence


def test_a_draw_in_jax_whose_gradient_is_stopped():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def right(mean, log_variance, noise):
        return mean + jnp.exp(log_variance / 2) * noise

    def wrong(mean, log_variance, noise):
        return jax.lax.stop_gradient(right(mean, log_variance, noise))

    report = scratchvae.doctor(draw=right)
    assert report.passed
    assert "JAX" in report.title
    assert causes(scratchvae.doctor(draw=wrong)) == ["encoder cut off"]
