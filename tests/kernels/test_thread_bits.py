"""A model trained on two threads is, to the bit, the model trained on one."""

import numpy as np
import pytest

import scratchvae
from scratchvae import kernels
from scratchvae.kernels.machine import tasks


@pytest.mark.parametrize("name", ["zhao-mlp", "kingma-welling", "zhao-cnn", "fleuret-conv"])
def test_training_has_the_same_bits_on_any_number_of_threads(name, monkeypatch):
    monkeypatch.setattr(tasks, "_WORTH_NANOSECONDS", 0.0)  # even the smallest kernel is shared
    x = np.random.default_rng(0).random((37, 28, 28, 1), dtype=np.float32)

    def train(count):
        kernels.set_threads(count)
        model = scratchvae.build(name)
        trainer = scratchvae.Trainer(model)
        for _ in range(3):
            trainer.step_on_floats(x)
        return model.state()

    try:
        alone, together = train(1), train(2)
    finally:
        kernels.set_threads(None)
    for place, array in alone.items():
        np.testing.assert_array_equal(together[place], array, err_msg=place)
