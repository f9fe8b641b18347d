"""How the doctor finds the weights of a model that are no arrays in a dict."""

import functools

import numpy as np
import pytest

from scratchvae.checks.doctor.parameters import Parameters
from scratchvae.errors import InputError


class Weight:
    def __init__(self, size):
        self.data, self.grad = np.ones(size), np.zeros(size)


class Layer:
    """What is called with x, and has a weight."""

    def __init__(self, size, kind=np.ones):
        self.w = kind(size)

    def __call__(self, x):
        return x


class Model:
    def __init__(self, kind=np.ones):
        self.layers, self.activation, self.kind = [Layer(2, kind), Layer(3, kind)], np.tanh, Layer

    def __call__(self, x):
        return x


class WithMethod(Model):
    def parameters(self):
        return [layer.w for layer in self.layers]


def sizes(given):
    return [value.size for value in Parameters(given).values().values()]


@pytest.mark.parametrize(
    "given",
    [
        lambda: Model(),
        lambda: WithMethod(),
        lambda: WithMethod().parameters,
        lambda: WithMethod().parameters(),
        lambda: Model().layers,
        lambda: vars(Model()),
        lambda: (layer for layer in Model().layers),
        lambda: functools.partial(getattr, Model(), "layers"),
    ],
)
def test_arrays_of_a_model_and_its_layers_are_found_and_can_be_put_back(given):
    assert sizes(given()) == [2, 3]
    assert Parameters(given()).movable


def test_objects_with_data_and_grad_are_found_and_put_back():
    model = WithMethod(Weight)
    parameters = Parameters(model)
    with parameters.kept():
        for layer in model.layers:
            layer.w.data += 1
    assert [value.size for name, value in parameters.values().items() if "data" in name] == [2, 3]
    assert all((layer.w.data == 1).all() for layer in model.layers)


@pytest.mark.parametrize("given", [lambda: 1 / 0, lambda x: x])
def test_a_function_that_gives_no_weights_is_refused_in_a_line(given):
    with pytest.raises(InputError, match="`parameters` raised") as caught:
        Parameters(given).values()
    assert "\n" not in str(caught.value)
