"""How passes are seen to behave, and what is found in somebody's objects."""

import numpy as np
from diagnosis_cases import NAN
from gradient_cases import Stranger, dense
from helpers import normal, pixels, small_vae

from scratchvae.checks.gradients.layer_target import target_of
from scratchvae.checks.gradients.probes import probe
from scratchvae.checks.gradients.unseen import arrays_within, kept_from
from scratchvae.layers import ELU, Dense, Sequential, Tanh

X = normal(4, 5)
IMAGES = pixels(3, 3, 5, 1)


def target(owner, x=X):
    return target_of(owner, (x,), True, np.random.default_rng(0))


def test_nothing_is_seen_of_a_right_layer_but_its_counts():
    dy = normal(4, 3, seed=1)
    own = target(Sequential(dense(), Tanh(dtype=np.float64)))
    own.forward()
    found = probe(own, dy)
    assert not any(found.seen.values())
    assert found.one_example == {}
    assert found.counts == {
        "the number of examples": 4,
        "the number of entries per example": 3,
        "the number of entries": 12,
    }
    assert found.upstream is dy
    assert found.arrays is own.arrays
    model = target(small_vae(), IMAGES)
    model.forward()
    assert probe(model, np.ones(())).counts == model.counts
    number = target(Summed(), X)
    number.forward()
    assert probe(number, np.ones(())).counts == {"the number of examples": len(X)}


class Summed(Stranger):
    def forward(self, x):
        self.shape = x.shape
        return x.sum()

    def backward(self, dy):
        return dy * np.ones(self.shape)


def test_a_gradient_that_responds_to_one_example_is_seen_with_its_number():
    class OfOne(Dense):
        def __init__(self, example):
            super().__init__(5, 3, rng=0, dtype=np.float64)
            self.example = example

        def backward(self, dy):
            before = self.parameters["bias"].grad.copy()
            dx = super().backward(dy)
            self.parameters["bias"].grad[...] = before + dy[self.example]
            return dx

    for example, number in ((0, 0), (-1, 3)):
        own = target(OfOne(example))
        own.forward()
        assert probe(own, normal(4, 3, seed=1)).one_example == {"bias": number}


# What is found in somebody's objects.


def test_arrays_of_floats_are_found_where_python_keeps_them():
    a, b, c = normal(2), normal(3), normal(1, 4)
    owner = Stranger()
    owner.w = {"a": [a, (b, "text")], 3: np.arange(3)}
    owner.inner = ELU()
    owner.inner.mask, owner.inner.empty, owner.factor = c, np.zeros(0), NAN
    found = {each.name: each.array for each in arrays_within({"": owner})}
    assert list(found) == ["inner.mask", "w['a'][0]", "w['a'][1][0]"]
    assert found["inner.mask"] is c
    assert found["w['a'][0]"] is a
    assert found["w['a'][1][0]"] is b
    named = arrays_within({"net": owner})
    assert {each.name for each in named} == {f"net.{name}" for name in found}
    assert arrays_within({"first": a, "again": a}) == [("first", a)]


def test_arrays_are_kept_that_are_the_same_objects_under_the_same_names():
    a, b = normal(2), normal(2)
    before = arrays_within({"a": a, "b": b})
    after = arrays_within({"a": a, "b": b.copy(), "c": normal(2)})
    assert [each.name for each in kept_from(before, after)] == ["a"]
    assert kept_from(before, arrays_within({"b": a, "a": b})) == []
