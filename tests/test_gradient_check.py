import numpy as np
import pytest
from helpers import normal, pixels, refused, small_parts, small_vae

from scratchvae.check_suite import all_checks
from scratchvae.gradient_check import check_gradients, gradcheck, is_smooth
from scratchvae.gradient_check.comparison import KINK_TOLERANCE, SMOOTH_TOLERANCE
from scratchvae.layers import ELU, Dense, Flatten, Layer, ReLU, Sequential, Sigmoid, Tanh
from scratchvae.models import Autoencoder
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood

FLOAT64 = np.float64


def dense(rng=0, size_in=5, size_out=3):
    return Dense(size_in, size_out, rng=rng, dtype=FLOAT64)


def suite():
    """Return the package's own checks, each with a name of its own."""
    seen = {}
    for name, check in all_checks():
        seen[name] = seen.get(name, 0) + 1
        yield pytest.param(check, id=name if seen[name] == 1 else f"{name}-{seen[name]}")


@pytest.mark.parametrize("check", list(suite()))
def test_the_package_passes_its_own_check(check):
    report = check()
    assert report.passed, f"\n{report}"


def test_the_suite_has_every_layer_recipe_and_likelihood():
    from scratchvae import layers, models, probability

    names = {name for name, _ in all_checks()}
    assert names >= set(models.RECIPES)
    assert names >= set(layers.__all__) - {"Layer", "Parameter"}
    assert names >= {n for n in probability.__all__ if n.endswith("Likelihood")} - {"Likelihood"}
    assert names >= {"kl_full", "kl_diagonal", "kl_to_standard", "reparameterise"}


# What a report says.


def test_a_report_has_a_row_for_the_input_and_each_parameter():
    report = gradcheck(dense(), normal(4, 5))
    assert report.title == "Dense"
    assert [(row.name, row.size, row.checked) for row in report.rows] == [
        ("x", 20, 20),
        ("weight", 15, 15),
        ("bias", 3, 3),
    ]
    for row in report.rows:
        assert row.passed
        assert row.tolerance == SMOOTH_TOLERANCE
        assert 0 <= row.max_relative_error < 1e-9
        assert row.analytic == pytest.approx(row.numeric, rel=1e-8)
        # The place is an index into the array that was checked.
        shape = {"x": (4, 5), "weight": (5, 3), "bias": (3,)}[row.name]
        index = tuple(int(i) for i in row.where.strip("()").split(",") if i)
        np.zeros(shape)[index]
        assert len(index) == len(shape)
    assert report.passed
    assert report.max_relative_error == max(row.max_relative_error for row in report.rows)


class WrongAt(Dense):
    """A dense layer with one entry of one gradient changed."""

    def __init__(self, name, index, change):
        super().__init__(5, 3, rng=0, dtype=FLOAT64)
        self.change = name, index, change

    def backward(self, dy):
        name, index, change = self.change
        before = {name: p.grad.copy() for name, p in self.parameters.items()}
        dx = super().backward(dy)
        if name == "x":
            dx[index] = change(dx[index])
        else:
            grad = self.parameters[name].grad
            with np.errstate(invalid="ignore"):  # of infinities, in a second pass
                grad[index] = before[name][index] + change(grad[index] - before[name][index])
        return dx


@pytest.mark.parametrize(
    ("name", "index"), [("x", (2, 3)), ("weight", (4, 1)), ("bias", (2,)), ("x", (0, 0))]
)
@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.01, 1.00001, 1e6])
def test_the_wrong_entry_is_named(name, index, factor):
    report = gradcheck(WrongAt(name, index, lambda entry: factor * entry), normal(4, 5))
    assert not report.passed
    wrong = [row for row in report.rows if not row.passed]
    assert [row.name for row in wrong] == [name]
    assert wrong[0].where == str(index)
    assert wrong[0].max_relative_error == report.max_relative_error
    assert wrong[0].max_relative_error == pytest.approx(
        abs(1 - factor) / max(1, abs(factor)), rel=0.01
    )
    printed = str(report)
    assert printed.count("WRONG") == 1
    assert f"backward says {wrong[0].analytic:.6g}" in printed
    assert f"the slope is {wrong[0].numeric:.6g}" in printed


@pytest.mark.parametrize("entry", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("name", "index"), [("x", (2, 3)), ("weight", (4, 1)), ("bias", (2,))])
def test_a_gradient_that_is_no_number_fails_and_is_named(name, index, entry):
    report = gradcheck(WrongAt(name, index, lambda _: entry), normal(4, 5))
    assert not report.passed
    assert [row.name for row in report.rows if not row.passed] == [name]
    assert report.max_relative_error == np.inf
    assert next(row for row in report.rows if row.name == name).where == str(index)


def test_printed_it_is_a_table_with_a_row_for_each():
    report = gradcheck(Sequential(dense(), Tanh(dtype=FLOAT64), dense(1, 3, 2)), normal(4, 5))
    title, head, *rows = str(report).splitlines()
    assert title == "Sequential"
    assert [row.split()[0] for row in rows] == ["x", "0.weight", "0.bias", "2.weight", "2.bias"]
    assert all(row.endswith("ok") for row in rows)
    assert "20 of 20" in rows[0]
    # Columns line up: all but the verdict end where their heading does.
    for heading, cell in (("checked", "20 of 20"), ("where", report.rows[0].where)):
        assert head.index(heading) + len(heading) == rows[0].index(cell) + len(cell)


class Misshapen(Dense):
    """Adds up its bias's gradient as it should, but stores it in another shape."""

    def __init__(self, given):
        super().__init__(5, 3, rng=0, dtype=FLOAT64)
        self.given, self.total = given, np.zeros(3)

    def zero_grad(self):
        super().zero_grad()
        self.total = np.zeros(3)

    def backward_parameters(self, dy):
        bias = self.parameters["bias"]
        bias.grad = self.total
        super().backward_parameters(dy)
        bias.grad = np.resize(self.total, self.given)


@pytest.mark.parametrize("given", [(1, 3), (3, 1), (2,), ()])
def test_a_gradient_of_another_shape_fails(given):
    report = gradcheck(Misshapen(given), normal(4, 5))
    assert not report.passed
    rows = {row.name: row for row in report.rows}
    assert {name: row.passed for name, row in rows.items()} == {
        "x": True,
        "weight": True,
        "bias": False,
    }
    assert rows["bias"].where == f"shape {given}"
    assert f"shape {given}" in str(report)


def test_an_input_gradient_of_another_shape_or_none_at_all_fails():
    class Transposed(Tanh):
        def backward(self, dy):
            return super().backward(dy).T

    class Forgotten(Tanh):
        def backward(self, dy):
            super().backward(dy)

    for layer, shape in ((Transposed(dtype=FLOAT64), (5, 4)), (Forgotten(dtype=FLOAT64), ())):
        report = gradcheck(layer, normal(4, 5))
        assert not report.passed
        assert report.rows[0].where == f"shape {shape}"


def test_nothing_to_check_is_not_a_pass():
    report = check_gradients("nothing", lambda: 0.0, {}, {}, rng=np.random.default_rng(0))
    assert not report.passed
    assert report.max_relative_error == 0


# What it leaves as it was.


def test_values_and_input_are_put_back_bit_for_bit():
    vae = small_vae(GaussianLikelihood(0.3))
    vae.parameters["encoder.1.weight"].value[0, 0] = -0.0
    network = Sequential(dense(), ELU(dtype=FLOAT64), dense(1, 3, 2))
    for thing, x in ((vae, pixels(3, 3, 5, 1)), (network, normal(4, 5))):
        before = {name: p.value.tobytes() for name, p in thing.parameters.items()}
        objects = {name: id(p.value) for name, p in thing.parameters.items()}
        given = x.tobytes()
        gradcheck(thing, x)
        gradcheck(thing, x, max_coordinates=0)
        assert {name: p.value.tobytes() for name, p in thing.parameters.items()} == before
        assert {name: id(p.value) for name, p in thing.parameters.items()} == objects
        assert x.tobytes() == given


def test_values_are_put_back_even_if_a_forward_pass_fails():
    array = normal(3)
    before = array.tobytes()

    def value():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check_gradients("f", value, {"a": array}, {"a": array}, rng=np.random.default_rng(0))
    assert array.tobytes() == before


def test_an_input_that_may_not_be_written_to_will_do():
    x = normal(4, 5)
    x.setflags(write=False)
    assert gradcheck(dense(), x).passed


def test_a_seed_fixes_the_report():
    x = pixels(2, 3, 5, 1)
    first, again, other = (gradcheck(small_vae(), x, seed=seed) for seed in (1, 1, 2))
    assert str(first) == str(again)
    assert str(first) != str(other)


# What it refuses.


def test_float32_is_refused_with_the_reason():
    with refused("gradcheck needs float64 and x is float32", "7 digits", "astype"):
        gradcheck(dense(), normal(4, 5, dtype=np.float32))
    with refused("weight is float32", "dtype=np.float64"):
        gradcheck(Dense(5, 3, rng=0), normal(4, 5))
    with refused("encoder.1.weight is float32"):
        gradcheck(small_vae(dtype=np.float32), pixels(2, 3, 5, 1))
    with refused("x is uint8"):
        gradcheck(small_vae(), np.zeros((2, 3, 5, 1), np.uint8))


def test_an_input_that_is_not_finite_or_empty_or_no_array_is_refused():
    for bad in (np.nan, np.inf):
        x = normal(4, 5)
        x[2, 1] = bad
        with refused("x[2, 1]", str(bad)):
            gradcheck(dense(), x)
    for shape in ((0, 5), (4, 0)):
        with refused("at least one example", str(shape)):
            gradcheck(dense(), np.zeros(shape))
    with refused("NumPy array", "list"):
        gradcheck(dense(), [[1.0] * 5])
    with refused("must be of shape (N, 3, 5, 1)"):
        gradcheck(small_vae(), pixels(2, 4))
    with refused("Dense expects x"):
        gradcheck(dense(), normal(4, 6))


def test_settings_that_make_no_sense_are_refused():
    for bad in (-1, 2.5):
        with refused("max_coordinates"):
            gradcheck(dense(), normal(4, 5), max_coordinates=bad)
    with refused("directions"):
        gradcheck(dense(), normal(4, 5), directions=0)
    for bad in (0, -1.0, np.nan):
        with refused("tolerance"):
            gradcheck(dense(), normal(4, 5), tolerance=bad)
    with refused("noise"):
        gradcheck(dense(), normal(4, 5), noise=np.zeros((1, 4, 5)))
    with refused("eps"):
        gradcheck(small_vae(), pixels(2, 3, 5, 1), noise=np.zeros((1, 3, 2)))


@pytest.mark.parametrize("thing", [np.tanh, None, Tanh])
def test_what_is_neither_layer_nor_model_is_refused(thing):
    with refused("layer"):
        gradcheck(thing, normal(2, 3))


def test_a_backward_pass_that_changes_its_argument_is_refused():
    class InPlace(Tanh):
        def backward(self, dy):
            dy *= 1 - self.y**2
            return dy

    with refused("InPlace.backward changed its argument dy"):
        gradcheck(InPlace(dtype=FLOAT64), normal(2, 3))


# Kinks, scales and sizes.


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
    assert "3 beside a kink" in str(report)


def test_black_images_and_biases_of_zero_do_not_fail_a_right_network():
    layer = dense()
    layer.parameters["bias"].value[...] = 0
    x = normal(4, 5)
    x[::2] = 0  # a ReLU's input is then exactly on its kink
    report = gradcheck(Sequential(layer, ReLU(), dense(1, 3, 2)), x)
    assert report.passed, report
    assert not layer.parameters["bias"].value.any()


class HalvedBias(Dense):
    def backward_parameters(self, dy):
        before = self.parameters["bias"].grad.copy()
        super().backward_parameters(dy)
        self.parameters["bias"].grad[...] = before + 0.5 * (self.parameters["bias"].grad - before)


def test_trying_again_beside_a_kink_does_not_hide_a_wrong_network():
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
    assert len(calls) == 3 + 4 * 3  # another batch, two to differentiate, four for each entry


def test_where_all_gradients_are_zero_there_is_no_error():
    class Constant(Layer):
        def forward(self, x, training=False):
            return np.ones_like(x)

        def backward(self, dy):
            return np.zeros_like(dy)

    report = gradcheck(Constant(dtype=FLOAT64), normal(2, 3))
    assert report.passed
    assert report.max_relative_error == 0


def test_an_entry_far_smaller_than_the_others_is_measured_against_them():
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
        def backward_parameters(self, dy):
            before = self.parameters["weight"].grad[17, 11]
            super().backward_parameters(dy)
            grad = self.parameters["weight"].grad
            grad[17, 11] = before + factor * (grad[17, 11] - before)

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


def test_a_tolerance_of_ones_own_counts():
    layer = WrongAt("bias", (1,), lambda entry: 1.001 * entry)
    assert not gradcheck(layer, normal(4, 5)).passed
    report = gradcheck(layer, normal(4, 5), tolerance=0.01)
    assert report.passed
    assert report.rows[0].tolerance == 0.01


def test_training_is_passed_on():
    class HalvedInTraining(Tanh):
        def forward(self, x, training=False):
            self.factor = 0.5 if training else 1.0
            return self.factor * super().forward(x)

        def backward(self, dy):
            return 0.5 * super().backward(dy)

    layer = HalvedInTraining(dtype=FLOAT64)
    assert gradcheck(layer, normal(2, 3)).passed
    assert not gradcheck(layer, normal(2, 3), training=False).passed


def test_smooth_is_what_the_layers_say():
    assert is_smooth(Sequential(dense(), Tanh()))
    assert not is_smooth(Sequential(dense(), Sequential(Tanh(), ReLU())))
    assert not is_smooth(ELU())
    assert is_smooth(small_vae())
    vae = small_vae()
    vae.decoder.layers.append(ReLU())
    assert not is_smooth(vae)


def test_is_smooth_hears_of_the_variance_head():
    assert not is_smooth(small_vae(variance_head=ELU(dtype=FLOAT64)))


# Whole models.


@pytest.mark.parametrize("likelihood", [BernoulliLikelihood(), GaussianLikelihood(0.1)], ids=repr)
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_a_vae_passes_with_any_number_of_samples_and_beta(likelihood, samples, beta):
    vae = small_vae(likelihood, samples=samples, beta=beta)
    report = gradcheck(vae, pixels(2, 3, 5, 1))
    assert report.passed, report
    assert [row.name for row in report.rows] == list(vae.parameters)


def test_the_noise_of_a_check_can_be_given():
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


def test_a_layer_of_ones_own_that_flattens_first_passes():
    assert gradcheck(Sequential(Flatten(), dense(0, 6, 2)), normal(3, 2, 3)).passed
