"""A model trained on two threads is, to the bit, the model trained on one."""

import numpy as np
import pytest

import scratchvae
from scratchvae import kernels
from scratchvae.kernels.machine import tasks


@pytest.mark.parametrize(
    ("name", "ink"),
    [
        *(("zhao-mlp", 1.0), ("kingma-welling", 1.0), ("zhao-cnn", 1.0), ("fleuret-conv", 1.0)),
        *(("zhao-mlp", 0.2), ("kingma-welling", 0.2)),  # zeros are left out
    ],
)
def test_training_has_the_same_bits_on_any_number_of_threads(name, ink, monkeypatch):
    monkeypatch.setattr(tasks, "_WORTH_NANOSECONDS", 0.0)  # even the smallest kernel is shared
    rng = np.random.default_rng(0)
    x = rng.random((37, 28, 28, 1), dtype=np.float32)
    x[rng.random(x.shape) >= ink] = 0

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
