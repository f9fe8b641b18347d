"""The gradient check: the package passes it, and kinks, scales and sizes do not mislead it."""

from collections import Counter

import numpy as np
import pytest
from gradient_cases import FLOAT64, WrongAt, dense
from helpers import normal, pixels, small_parts, small_vae

from scratchvae import layers
from scratchvae.checks import suite as check_suite
from scratchvae.checks.gradients import GradientReport, gradcheck, is_smooth
from scratchvae.checks.gradients.comparison import KINK_TOLERANCE
from scratchvae.checks.suite import all_checks
from scratchvae.layers import ELU, Dense, Flatten, Layer, ReLU, Sequential, Sigmoid, Tanh
from scratchvae.models import RECIPES, Autoencoder
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood


def suite():
    """Return the package's own checks, made anew, each under a name of its own."""
    checks, counts = {}, Counter()
    for name, check in all_checks():
        counts[name] += 1
        checks[name if counts[name] == 1 else f"{name}-{counts[name]}"] = check
    return checks


@pytest.mark.parametrize("name", suite())
def test_the_package_passes_its_own_check(name):
    report = suite()[name]()
    assert report.passed, f"\n{report}"
    assert report.title


def test_no_parameter_is_all_zeros_where_the_suite_checks_it(monkeypatch):
    checked = []

    def look(thing, x, **options):
        checked.append(thing)
        return GradientReport(type(thing).__name__, ())

    monkeypatch.setattr(check_suite, "gradcheck", look)
    for name, check in check_suite.all_checks():
        if name in RECIPES or hasattr(layers, name):
            check()
    assert len(checked) > len(RECIPES)
    for thing in checked:
        for name, parameter in thing.parameters.items():
            assert parameter.value.any(), (thing, name)


def test_the_suite_checks_recipes_whole_in_float64_on_two_images(monkeypatch):
    seen, titles = [], []

    def look(model, x, **options):
        seen.append((model, x, options))
        return GradientReport("", [])

    monkeypatch.setattr(check_suite, "gradcheck", look)
    for name, check in check_suite.all_checks():
        if name in RECIPES:
            titles.append(check().title)
            model, x, options = seen[-1]
            assert titles[-1].split(", ")[0] == name
            assert (x.shape, x.dtype) == ((2, *model.image_shape), np.float64)
            assert model.dtype == np.float64
            assert model.latent_dim == 3 or not RECIPES[name].any_latent_dim
            assert options == {"max_coordinates": 20, "directions": 3}
            if "samples" in RECIPES[name].options:
                assert model.samples == 2
    assert titles[: len(RECIPES)] == list(RECIPES)
    assert titles[len(RECIPES) :] == [
        "kingma-welling, likelihood gaussian, reconstruction_weight 0.3",
        "zhao-mlp, likelihood discretised-logistic",
        "hierarchical-vae, free_bits 5.0",
        "hierarchical-vae, batch_norm True",
        "hierarchical-vae, inference ladder",
        "hierarchical-vae, inference ladder, batch_norm True",
        "hierarchical-vae, inference ladder, free_bits 5.0, beta 0.7",
    ]


def test_the_suite_has_every_layer_recipe_and_likelihood():
    from scratchvae import layers, models, probability

    names = {name for name, _ in all_checks()}
    assert names >= set(models.RECIPES)
    assert names >= set(layers.__all__) - {"Layer", "Parameter"}
    assert names >= {n for n in probability.__all__ if n.endswith("Likelihood")} - {"Likelihood"}
    assert names >= {"kl_full", "kl_diagonal", "kl_to_standard", "reparameterise"}


def near_zero():
    sizes = np.array([3e-6, 1e-5, 1e-4, 1e-3, 0.5])
    return np.concatenate([sizes, -sizes])[None, :]


@pytest.mark.parametrize("layer", [ReLU(), ELU(), ELU(0.7), ELU(3.0)], ids=repr)
def test_a_kink_near_an_input_does_not_fail_a_right_layer(layer):
    report = gradcheck(layer, near_zero())
    assert report.rows[0].tolerance == KINK_TOLERANCE
    assert report.passed, report


def test_a_kink_near_an_input_does_not_hide_a_wrong_layer():
    class Leaky(ReLU):
        def backward(self, dy):
            return dy * np.where(self.y > 0, 1.0, 0.01)

    assert not gradcheck(Leaky(dtype=FLOAT64), near_zero()).passed


@pytest.mark.parametrize("layer", [ReLU(), ELU(0.7)], ids=repr)
def test_an_input_on_the_kink_does_not_fail_a_right_layer(layer):
    report = gradcheck(layer, np.array([[0.0, 1e-9, -1e-7, 1.0, -1.0]]))
    assert report.passed, report
    assert report.rows[0].kinks == 3
    assert "ok (3 entries near a kink)" in str(report)


def test_black_images_and_biases_of_zero_do_not_fail_a_right_network():
    layer = dense()
    layer.parameters["bias"].value[...] = 0
    x = normal(4, 5)
    x[::2] = 0  # a ReLU's input is then exactly on its kink
    report = gradcheck(Sequential(layer, ReLU(), dense(1, 3, 2)), x)
    assert report.passed, report
    assert not layer.parameters["bias"].value.any()


class HalvedBias(Dense):
    def backward(self, dy):
        before = self.parameters["bias"].grad.copy()
        dx = super().backward(dy)
        self.parameters["bias"].grad[...] = before + 0.5 * (self.parameters["bias"].grad - before)
        return dx


def test_a_retry_near_a_kink_does_not_hide_a_wrong_network():
    wrong = HalvedBias(5, 3, rng=0, dtype=FLOAT64)
    report = gradcheck(Sequential(wrong, ReLU(), dense(1, 3, 2)), normal(4, 5))
    assert [row.name for row in report.rows if not row.passed] == ["0.bias"]
    assert next(row for row in report.rows if row.name == "0.bias").kinks == 0


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3])
def test_inputs_and_parameters_of_any_size_are_checked(scale):
    layer = dense()
    layer.parameters["weight"].value *= scale
    for x in (normal(4, 5), normal(4, 5, scale=scale)):
        assert gradcheck(layer, x).passed
    assert gradcheck(Tanh(dtype=FLOAT64), normal(4, 5, scale=min(scale, 1.0))).passed


def test_a_smooth_function_takes_one_step_whose_error_falls_as_its_fourth_power():
    calls = []

    class Counted(Tanh):
        def forward(self, x, training=False):
            calls.append(1)
            return super().forward(x, training)

    report = gradcheck(Counted(dtype=FLOAT64), np.array([[0.3, -0.9, 1.2]]))
    assert report.max_relative_error < 1e-10  # the plain central difference leaves 1e-7
    # Two of unused copies, another batch, two to differentiate, one to hold to the copies', one to
    # see that it is a number, four for each entry.
    assert len(calls) == 7 + 4 * 3


def test_where_all_gradients_are_zero_there_is_no_error():
    class Constant(Layer):
        def forward(self, x, training=False):
            return np.ones_like(x)

        def backward(self, dy):
            return np.zeros_like(dy)

    report = gradcheck(Constant(dtype=FLOAT64), normal(2, 3))
    assert report.passed
    assert report.max_relative_error == 0


def test_an_entry_far_smaller_than_the_others_is_compared_with_their_size():
    x = np.array([[0.1, 40.0]])  # the sigmoid's slope at 40 is 1e-17, lost in rounding
    assert gradcheck(Sigmoid(dtype=FLOAT64), x).passed


def test_large_arrays_are_checked_along_random_directions():
    report = gradcheck(dense(0, 40, 30), normal(6, 40), directions=3)
    assert [(row.name, row.size, row.checked) for row in report.rows] == [
        ("x", 240, 240),
        ("weight", 1200, 3),
        ("bias", 30, 30),
    ]
    assert report.rows[1].where.startswith("direction ")
    assert report.passed


@pytest.mark.parametrize("factor", [0.0, -1.0, 2.0, 1.1])
def test_one_wrong_entry_in_a_large_array_is_found(factor):
    class Wrong(Dense):
        def backward(self, dy):
            before = self.parameters["weight"].grad[17, 11]
            dx = super().backward(dy)
            grad = self.parameters["weight"].grad
            grad[17, 11] = before + factor * (grad[17, 11] - before)
            return dx

    report = gradcheck(Wrong(40, 30, rng=0, dtype=FLOAT64), normal(6, 40))
    assert [row.passed for row in report.rows] == [True, False, True]


def test_max_coordinates_is_where_directions_begin():
    x = normal(4, 5)
    assert [row.checked for row in gradcheck(dense(), x, max_coordinates=15).rows] == [4, 15, 3]
    report = gradcheck(dense(), x, max_coordinates=0, directions=7)
    assert [row.checked for row in report.rows] == [7, 7, 7]
    assert report.passed
    for seed in range(5):  # more directions than the bias has entries
        assert gradcheck(dense(), x, max_coordinates=0, directions=7, seed=seed).passed


def test_the_biases_of_a_large_layer_are_checked_along_directions():
    assert gradcheck(dense(0, 20, 300), normal(4, 20)).rows[2].checked == 300
    assert gradcheck(dense(0, 200, 300), normal(64, 200)).rows[2].checked == 4


def test_gradcheck_keeps_to_a_given_tolerance():
    layer = WrongAt("bias", (1,), lambda entry: 1.001 * entry)
    assert not gradcheck(layer, normal(4, 5)).passed
    report = gradcheck(layer, normal(4, 5), tolerance=0.01)
    assert report.passed
    assert report.rows[0].tolerance == 0.01


def test_gradcheck_passes_training_on():
    class HalvedInTraining(Tanh):
        def forward(self, x, training=False):
            self.factor = 0.5 if training else 1.0
            return self.factor * super().forward(x)

        def backward(self, dy):
            return 0.5 * super().backward(dy)

    layer = HalvedInTraining(dtype=FLOAT64)
    assert gradcheck(layer, normal(2, 3)).passed
    assert not gradcheck(layer, normal(2, 3), training=False).passed


def test_is_smooth_asks_the_layers():
    assert is_smooth(Sequential(dense(), Tanh()))
    assert not is_smooth(Sequential(dense(), Sequential(Tanh(), ReLU())))
    assert not is_smooth(ELU())
    assert is_smooth(small_vae())
    vae = small_vae()
    vae.decoder.layers.append(ReLU())
    assert not is_smooth(vae)


def test_is_smooth_asks_the_variance_head():
    assert not is_smooth(small_vae(variance_head=ELU(dtype=FLOAT64)))


@pytest.mark.parametrize("likelihood", [BernoulliLikelihood(), GaussianLikelihood(0.1)], ids=repr)
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_a_vae_passes_with_any_number_of_samples_and_beta(likelihood, samples, beta):
    vae = small_vae(likelihood, samples=samples, beta=beta)
    report = gradcheck(vae, pixels(2, 3, 5, 1))
    assert report.passed, report
    assert [row.name for row in report.rows] == list(vae.parameters)


def test_gradcheck_takes_the_noise_of_a_model():
    vae, x = small_vae(samples=2), pixels(2, 3, 5, 1)
    noise = normal(2, 2, 2, seed=5)
    kept = noise.copy()
    report = gradcheck(vae, x, noise=noise)
    assert report.passed
    np.testing.assert_array_equal(noise, kept)
    assert str(report) == str(gradcheck(vae, x, noise=noise, seed=9))


def test_an_autoencoder_passes():
    encoder, decoder = small_parts(outputs=1)
    model = Autoencoder(encoder, decoder, GaussianLikelihood(), image_shape=(3, 5, 1), latent_dim=2)
    assert gradcheck(model, pixels(2, 15)).passed


def test_a_network_that_flattens_first_passes():
    assert gradcheck(Sequential(Flatten(), dense(0, 6, 2)), normal(3, 2, 3)).passed
