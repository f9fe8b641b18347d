"""What of a layer is put in the place of something else is used, or refused in one line."""

import copy
import pickle

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, normal, pixels, refused, small_parts

from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Layer,
    LogSoftplus,
    Parameter,
    Reshape,
    Sequential,
)
from scratchvae.models import VAE
from scratchvae.probability import GaussianLikelihood, LearnedVarianceLikelihood
from scratchvae.training import SGD, Adam, Trainer

SINGLE = np.float32
LAYERS = {
    "Dense": (lambda: Dense(4, 3, rng=0), (2, 4)),
    "Conv2D": (lambda: Conv2D(4, 3, 2, rng=0), (2, 5, 6, 4)),
    "ConvTranspose2D": (lambda: ConvTranspose2D(4, 3, 2, rng=0), (2, 5, 6, 4)),
    "BatchNorm": (lambda: BatchNorm(4), (2, 4)),
}
each_layer = pytest.mark.parametrize("name", LAYERS)


@pytest.fixture(params=["on", "off"], autouse=True)
def _engine(request, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", request.param)


def made(name):
    make, shape = LAYERS[name]
    return make(), normal(*shape, dtype=SINGLE)


def with_norm():
    """Return a VAE with a batch norm after its first dense layer."""
    encoder, decoder = small_parts(dtype=SINGLE)
    encoder.layers.insert(2, BatchNorm(3))
    return VAE(encoder, decoder, GaussianLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2)


@each_layer
def test_a_parameter_of_another_shape_or_type_is_named(name):
    layer, x = made(name)
    for parameter in layer.parameters:
        value = layer.parameters[parameter].value
        for wrong in (value[..., :-1], value[None], value.astype(np.float64)):
            layer.parameters[parameter] = Parameter(wrong.copy())
            with refused(f"the {parameter} of this {name}"):
                layer.forward(x)
        layer.parameters[parameter] = Parameter(value)
        layer.forward(x)


@each_layer
def test_a_parameter_that_was_taken_away_is_named(name):
    layer, x = made(name)
    for parameter in tuple(layer.parameters):
        other = copy.deepcopy(layer)
        del other.parameters[parameter]
        with refused(f"the {parameter} of this {name} is gone"):
            other.forward(x)


def test_the_order_of_parameters_and_buffers_says_nothing():
    models = with_norm(), with_norm()
    for layer in models[1].encoder.layers:
        layer.parameters = dict(reversed(layer.parameters.items()))
        layer.buffers = dict(reversed(layer.buffers.items()))
    losses = [Trainer(model).step(pixels(4, *IMAGE_SHAPE)).loss for model in models]
    assert losses[0] == losses[1]
    assert models[0].encoder.layers[2].buffers["running_mean"].any()
    for name, array in models[0].state().items():
        np.testing.assert_array_equal(array, models[1].state()[name], err_msg=name)


@pytest.mark.parametrize(
    "wrong", [np.zeros(2, SINGLE), np.zeros(3), [0.0] * 3, np.zeros((3, 1), SINGLE), None], ids=repr
)
@pytest.mark.parametrize("buffer", ["running_mean", "running_variance"])
def test_running_statistics_that_do_not_fit_are_refused(wrong, buffer):
    # The compiled kernels write to as many numbers as there are channels, whatever is there.
    model = with_norm()
    model.encoder.layers[2].buffers[buffer] = wrong
    with refused(buffer):
        Trainer(model).step(pixels(4, *IMAGE_SHAPE))
    with refused(buffer):
        model.encode(pixels(4, *IMAGE_SHAPE))


def test_read_only_running_statistics_are_used_and_not_trained():
    model = with_norm()
    before = model.encode(pixels(4, *IMAGE_SHAPE))
    for buffer in model.buffers.values():
        buffer.flags.writeable = False
    with refused("running_", "must be writeable"):
        Trainer(model).step(pixels(4, *IMAGE_SHAPE))
    with refused("running_", "must be writeable"):
        model.fit(pixels(4, *IMAGE_SHAPE))
    np.testing.assert_array_equal(model.encode(pixels(4, *IMAGE_SHAPE)), before)


def test_a_model_in_memory_that_may_not_be_written_encodes():
    # So a pool of processes shares large arrays.
    model = with_norm()
    before = model.encode(pixels(4, *IMAGE_SHAPE))
    for parameter in model.parameters.values():
        parameter.value.flags.writeable = parameter.grad.flags.writeable = False
    other = with_norm()
    for name, parameter in other.parameters.items():
        parameter.value.flags.writeable = parameter.grad.flags.writeable = False
        assert parameter.value is not model.parameters[name].value
    for one in (model, other):
        np.testing.assert_array_equal(one.encode(pixels(4, *IMAGE_SHAPE)), before)


@pytest.mark.parametrize(
    ("thing", "name", "wrong"),
    [
        (ELU(), "alpha", "1"),
        (ELU(), "alpha", 0),
        (LogSoftplus(), "floor", None),
        (BatchNorm(3), "momentum", 2),
        (BatchNorm(3), "epsilon", "small"),
        (Conv2D(1, 1, 1), "stride", 0),
        (Conv2D(1, 1, 1), "padding", "valid"),
        (ConvTranspose2D(1, 1, 1), "output_padding", -1),
        (Reshape((3,)), "shape", (-1,)),
        (Sequential(ELU()), "layers", None),
        (Sequential(ELU()), "layers", [ELU]),
        (GaussianLikelihood(), "variance", -1.0),
        (GaussianLikelihood(), "include_constant", 1),
        (LearnedVarianceLikelihood(), "minimum_log_variance", "low"),
        (SGD({}, 0.1), "learning_rate", "fast"),
        (SGD({}, 0.1), "momentum", 1.0),
        (Adam({}), "learning_rate", -0.1),
        (Adam({}), "beta_1", None),
        (Adam({}), "epsilon", 0),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_a_constructor_refuses_cannot_be_set_later(thing, name, wrong):
    before = getattr(thing, name)
    with refused():
        setattr(thing, name, wrong)
    assert getattr(thing, name) is before


def test_what_is_set_later_becomes_what_a_constructor_makes_of_it():
    layer = ELU()
    layer.alpha = np.float32(0.5)
    assert type(layer.alpha) is float
    network = Sequential(ELU())
    network.layers = (layer, Dense(2, 3))
    assert network.layers == [layer, network.layers[1]]
    own = [layer]
    network.layers = own
    assert network.layers is own
    again = pickle.loads(pickle.dumps(layer))
    assert (again.alpha, vars(again)["alpha"]) == (0.5, 0.5)


class Shifted(Layer):
    """Has constants under the names of what other layers remember."""

    def __init__(self):
        super().__init__()
        self.x, self.y = np.full(3, 0.5, SINGLE), 2

    def forward(self, x, training=False):
        return self.y * (x + self.x)

    def backward(self, dy):
        return self.y * dy


class Remembering(Shifted):
    def forward(self, x, training=False):
        self.y = super().forward(x)
        return self.y


class Late(Layer):
    """Is given a constant after it was made."""

    def forward(self, x, training=False):
        return x + self.x

    def backward(self, dy):
        return dy


def test_a_constant_called_x_or_y_is_kept_and_used_everywhere():
    late = Late()
    late.x = np.float32(3)
    for layer in (Shifted(), late):
        model = with_norm()
        model.encoder.layers.insert(2, layer)
        expected = model.encode(pixels(4, *IMAGE_SHAPE))
        for other in (copy.deepcopy(model), copy.copy(model)):
            np.testing.assert_array_equal(other.encode(pixels(4, *IMAGE_SHAPE)), expected)
        assert np.array_equal(copy.copy(layer).x, layer.x)


def test_what_only_a_forward_pass_sets_is_forgotten_by_a_copy():
    class Doubling(Late):
        def forward(self, x, training=False):
            self.x = x
            return 2 * x

    layer = Doubling()
    layer.forward(normal(2, 3))
    assert not hasattr(copy.copy(layer), "x")
    # One that a constructor sets is kept, even where a pass sets it as well.
    assert copy.copy(Remembering()).y == 2


def test_a_part_that_was_taken_from_a_layer_of_a_model_is_named():
    for place, name in ((1, "bias"), (2, "scale"), (4, "weight")):
        model = with_norm()
        del model.encoder.layers[place].parameters[name]
        for call in (model.fit, model.encode):
            with refused(f"the {name} of this", "is gone"):
                call(pixels(4, *IMAGE_SHAPE))


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("steps", [0, 2])
def test_a_weight_that_was_made_read_only_is_not_trained_in_silence(optimiser, steps):
    model = with_norm()
    trainer = Trainer(model, optimiser=optimiser)
    for _ in range(steps):
        trainer.step(pixels(4, *IMAGE_SHAPE))
    before = model.state()
    model.parameters["decoder.2.weight"].value.flags.writeable = False
    with refused("the value of decoder.2.weight must be writeable"):
        trainer.step(pixels(4, *IMAGE_SHAPE))
    assert trainer.optimiser.steps == steps
    for name, array in before.items():  # running statistics included
        np.testing.assert_array_equal(model.state()[name], array, err_msg=name)
    with refused("decoder.2.weight must be writeable"):
        model.fit(pixels(4, *IMAGE_SHAPE))


def test_a_gradient_that_does_not_fit_costs_no_running_statistics():
    model = with_norm()
    trainer = Trainer(model)
    trainer.step(pixels(4, *IMAGE_SHAPE))
    before = model.state()
    model.parameters["decoder.2.bias"].grad = np.zeros((1, 1), SINGLE)
    with refused("gradient of"):
        trainer.step(pixels(4, *IMAGE_SHAPE, seed=1))
    for name, array in before.items():
        np.testing.assert_array_equal(model.state()[name], array, err_msg=name)


def test_a_parameter_may_be_a_single_number():
    parameter = Parameter(np.array(0.5))
    parameter.grad = parameter.grad + np.float64(2)  # of which NumPy makes no array
    parameter.value = parameter.value * 3
    assert (parameter.value, parameter.grad) == (1.5, 2)
    for optimiser in (SGD({"a": parameter}, 0.25), Adam({"a": parameter}, 0.5)):
        before = float(parameter.value)
        optimiser.step()
        assert float(parameter.value) == pytest.approx(before - 0.5)


@pytest.mark.parametrize("attribute", ["value", "grad"])
@pytest.mark.parametrize("wrong", [None, 1, [1.0, 2.0], np.ones(2, int), np.ones(2, complex)])
def test_what_is_no_array_of_floats_is_not_assigned_to_a_parameter(attribute, wrong):
    parameter = Parameter(np.array([1.0, 2.0]))
    with refused(f"a parameter's {attribute} must"):
        setattr(parameter, attribute, wrong)
    np.testing.assert_array_equal(parameter.value, [1, 2])
    np.testing.assert_array_equal(parameter.grad, [0, 0])
    with refused("a parameter's value must"):
        Parameter(wrong)
