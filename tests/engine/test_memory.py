"""The memory of a training step is allocated once."""

import tracemalloc

import numpy as np
import pytest

import scratchvae
from scratchvae.kernels.machine.arena import Arena, empty
from scratchvae.layers import Dense


@pytest.mark.parametrize("name", ["zhao-mlp", "kingma-welling", "zhao-cnn", "fleuret-conv"])
def test_a_step_after_the_first_allocates_nothing_large(name):
    model = scratchvae.build(name)
    trainer = scratchvae.Trainer(model)
    x = np.random.default_rng(0).random((32, 28, 28, 1), dtype=np.float32)
    for _ in range(2):
        trainer.step(x)
    tracemalloc.start(1)
    try:
        largest = 0
        before = tracemalloc.take_snapshot()
        trainer.step(x)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        start, _ = tracemalloc.get_traced_memory()
        trainer.step(x)
        _, peak = tracemalloc.get_traced_memory()
        largest = peak - start
    finally:
        tracemalloc.stop()
    assert before is not None
    # All that lives at one moment, small arrays and Python's own objects, is below twice the bound
    # for one array: an array of the batch alone would be 100 KB.
    assert largest < 2 * 64 * 1024


def test_an_arena_gives_the_same_memory_again():
    owner = object()
    arena = Arena()
    with arena:
        first = empty(owner, "y", (4, 5), np.dtype(np.float32))
        other = empty(owner, "dx", (4, 5), np.dtype(np.float32))
        smaller = empty(owner, "y", (3, 5), np.dtype(np.float32))
    assert np.shares_memory(first, smaller)
    assert not np.shares_memory(first, other)
    assert smaller.flags.c_contiguous
    outside = empty(owner, "y", (4, 5), np.dtype(np.float32))
    assert not np.shares_memory(first, outside)


def test_what_a_user_gets_is_theirs_to_keep():
    layer = Dense(3, 2, rng=0)
    x = np.ones((4, 3), np.float32)
    y = layer.forward(x)
    kept = y.copy()
    layer.forward(2 * x)
    np.testing.assert_array_equal(y, kept)
