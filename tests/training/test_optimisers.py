"""Optimisers against their formulas, and against PyTorch."""

import numpy as np
import pytest
from helpers import normal, refused

from scratchvae.layers import Parameter
from scratchvae.training import SGD, Adam


def parameters(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return {str(place): Parameter(rng.standard_normal(shape)) for place, shape in enumerate(shapes)}


def slopes(step, name, shape):
    """Return a made-up gradient: of any size, and zero at times."""
    rng = np.random.default_rng([step, int(name)])
    return rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 3) * (rng.random(shape) > 0.2)


def run(optimiser, learned, steps=25):
    for step in range(steps):
        for name, parameter in learned.items():
            parameter.grad[...] = slopes(step, name, parameter.value.shape)
        optimiser.step()


def test_adam_is_the_textbooks():
    learned = parameters((3, 2), (4,))
    expected = {name: p.value.copy() for name, p in learned.items()}
    run(Adam(learned, 0.03, beta_1=0.8, beta_2=0.95, epsilon=1e-6), learned)
    for name, start in expected.items():
        for index in np.ndindex(start.shape):
            value, m, v = float(start[index]), 0.0, 0.0
            for step in range(25):
                g = float(slopes(step, name, start.shape)[index])
                m = 0.8 * m + 0.2 * g
                v = 0.95 * v + 0.05 * g * g
                m_hat, v_hat = m / (1 - 0.8 ** (step + 1)), v / (1 - 0.95 ** (step + 1))
                value -= 0.03 * m_hat / (v_hat**0.5 + 1e-6)
            assert learned[name].value[index] == pytest.approx(value, rel=1e-10)


def test_adams_first_step_is_the_learning_rate_whatever_the_gradient():
    learned = {"a": Parameter(np.zeros(4))}
    learned["a"].grad[...] = [1e-3, -1.0, 1e5, 0.0]
    Adam(learned, 0.01).step()
    np.testing.assert_allclose(learned["a"].value, [-0.01, 0.01, -0.01, 0], rtol=1e-4)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_the_textbooks(momentum):
    learned = parameters((3, 2), (4,))
    expected = {name: p.value.copy() for name, p in learned.items()}
    run(SGD(learned, 0.03, momentum), learned)
    for name, start in expected.items():
        for index in np.ndindex(start.shape):
            value, velocity = float(start[index]), 0.0
            for step in range(25):
                velocity = momentum * velocity + float(slopes(step, name, start.shape)[index])
                value -= 0.03 * velocity
            assert learned[name].value[index] == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("optimiser", [Adam, SGD])
def test_an_optimiser_changes_values_in_place_and_nothing_else(optimiser):
    learned = {"a": Parameter(normal(3, 2, dtype=np.float32)), "b": Parameter(normal(4))}
    arrays = {name: (id(p.value), id(p.grad), p.value.dtype) for name, p in learned.items()}
    for p in learned.values():
        p.grad[...] = 1
    optimiser(learned, 0.1).step()
    assert {n: (id(p.value), id(p.grad), p.value.dtype) for n, p in learned.items()} == arrays
    assert all((p.grad == 1).all() for p in learned.values())
    for bad in (0, -1, np.nan, "fast"):
        with refused("learning_rate"):
            optimiser(learned, bad)


@pytest.mark.parametrize("optimiser", [Adam, SGD])
def test_an_optimiser_moves_a_value_that_was_given_transposed_or_strided(optimiser):
    for ones in (lambda: np.ones((3, 2)).T, lambda: np.ones((4, 6))[::2, ::3]):
        assigned = Parameter(np.zeros(ones().shape))
        assigned.value = ones()
        learned = {"made": Parameter(ones()), "assigned": assigned}
        for parameter in learned.values():
            parameter.grad[...] = 1
        optimiser(learned, 0.1).step()
        for parameter in learned.values():
            np.testing.assert_allclose(parameter.value, 0.9, rtol=1e-6)


def test_momentum_and_betas_must_be_below_one():
    for bad in (-0.1, 1.0, 2.0, np.nan, "much", None):
        with refused("momentum", repr(bad)):
            SGD(parameters((2,)), 0.1, bad)
        for name in ("beta_1", "beta_2"):
            with refused(name, "below 1", repr(bad)):
                Adam(parameters((2,)), 0.1, **{name: bad})
    for beta in (0, 0.0, 0.999):
        learned = parameters((2,))
        run(Adam(learned, 0.1, beta_1=beta, beta_2=beta), learned, steps=2)
        assert np.isfinite(learned["0"].value).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_optimisers_agree_with_torch(name):
    torch = pytest.importorskip("torch")
    learned = parameters((3, 2), (4,))
    theirs = {n: torch.nn.Parameter(torch.tensor(p.value.copy())) for n, p in learned.items()}
    if name == "adam":
        ours, other = Adam(learned, 0.01), torch.optim.Adam(theirs.values(), lr=0.01)
    else:
        ours = SGD(learned, 0.01, 0.9)
        other = torch.optim.SGD(theirs.values(), lr=0.01, momentum=0.9)
    run(ours, learned)
    for step in range(25):
        for n, parameter in theirs.items():
            parameter.grad = torch.tensor(slopes(step, n, tuple(parameter.shape)))
        other.step()
    for n, parameter in learned.items():
        np.testing.assert_allclose(parameter.value, theirs[n].detach().numpy(), rtol=1e-9)


@pytest.mark.parametrize("optimiser", [SGD, Adam])
@pytest.mark.parametrize("wrong", [np.ones((4, 4)), np.ones((3, 2), np.float32)])
def test_a_gradient_that_does_not_fit_is_refused_before_anything_changes(optimiser, wrong):
    learned = parameters((2, 5), (3, 2))
    optimiser = optimiser(learned, 0.1)
    learned["0"].grad[...] = 1
    before = {name: p.value.copy() for name, p in learned.items()}
    state = {name: array.copy() for name, array in optimiser.state.items()}
    learned["1"].grad = wrong
    with refused("gradient of 1", "(3, 2) float64", str(wrong.shape), str(wrong.dtype)):
        optimiser.step()
    assert optimiser.steps == 0
    for name, p in learned.items():
        np.testing.assert_array_equal(p.value, before[name])
    for name, array in optimiser.state.items():
        np.testing.assert_array_equal(array, state[name])


def test_an_optimiser_starts_from_zeros_of_each_values_shape_and_type():
    learned = {"a": Parameter(normal(3, 2, dtype=np.float32)), "b": Parameter(normal(4))}
    for optimiser, kinds in (
        (SGD(learned, 0.25), ["velocity"]),
        (Adam(learned), ["first", "second"]),
    ):
        assert optimiser.steps == 0
        assert optimiser.parameters == learned
        assert optimiser.parameters is not learned
        assert list(optimiser.state) == [f"{kind}/{name}" for kind in kinds for name in learned]
        for name, array in optimiser.state.items():
            value = learned[name.partition("/")[2]].value
            assert (array.shape, array.dtype) == (value.shape, value.dtype)
            assert not array.any()
    assert (SGD(learned, 0.25).learning_rate, SGD(learned, 0.25).momentum) == (0.25, 0)
    adam = Adam(learned)
    assert (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon) == (1e-3, 0.9, 0.999, 1e-8)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: SGD(p, 0), "learning_rate must be a finite number above 0, not 0"),
        (lambda p: SGD(p, 0.1, 1), "momentum must be at least 0 and below 1, not 1"),
        (lambda p: Adam(p, -1), "learning_rate must be a finite number above 0, not -1"),
        (lambda p: Adam(p, beta_1=1), "beta_1 must be at least 0 and below 1, not 1"),
        (lambda p: Adam(p, beta_2=1), "beta_2 must be at least 0 and below 1, not 1"),
        (lambda p: Adam(p, epsilon=0), "epsilon must be a finite number above 0, not 0"),
        (
            lambda p: SGD(list(p), 0.1),
            "parameters must be a Mapping, such as network.parameters, not ['0']",
        ),
        (
            lambda p: Adam(None),
            "parameters must be a Mapping, such as network.parameters, not None",
        ),
        (lambda p: Adam(p | {"w": 3}), "parameters['w'] must be a Parameter, not 3"),
    ],
)
def test_what_an_optimiser_cannot_use_is_refused_by_its_name(make, words):
    with refused(words):
        make(parameters((2,)))


@pytest.mark.parametrize(("make", "kind"), [(lambda p: SGD(p, 0.1), "velocity"), (Adam, "first")])
def test_what_does_not_fit_a_value_is_named_with_both_shapes(make, kind):
    learned = parameters((2, 5), (3, 2))
    optimiser = make(learned)
    learned["1"].grad = np.ones(3)
    with refused(
        "the gradient of 1 must have its value's shape and type, (3, 2) float64, not (3,) float64: "
        "assign one that fits"
    ):
        optimiser.step()
    learned["1"].value = np.ones((3, 2), np.float32)
    with refused(
        f"{kind}/1 is of shape (3, 2) float64, and the value now (3, 2) float32: make a new "
        "optimiser for it"
    ):
        optimiser.step()
    assert optimiser.steps == 0
