"""Models in threads of their own, from the first call on: each has the bits that it has alone."""

import os

import pytest
from kernel_processes import run

CODE = """
import sys, threading
sys.setswitchinterval(1e-6)
import numpy as np
import scratchvae
from scratchvae.kernels.machine import tasks
if len(sys.argv) > 2:
    tasks._WORTH_NANOSECONDS = 0  # all of them want the threads
x = np.random.default_rng(0).random((16, 28, 28, 1))
names = sys.argv[1].split()
start, states, errors = threading.Barrier(len(names)), [None] * len(names), []

def train(place, seed):
    model = scratchvae.build(names[place], seed=seed)
    model.fit(x, epochs=3, batch_size=6, progress=False)
    return model.state() | {"code": model.encode(x), "image": model.sample(3)}

def work(place):
    try:
        start.wait()
        states[place] = [train(place, seed) for seed in range(2)]
    except Exception as error:
        errors.append(error)
        raise

workers = [threading.Thread(target=work, args=(place,)) for place in range(len(names))]
for worker in workers: worker.start()
for worker in workers: worker.join()
wrong = []
for place, name in enumerate(names):
    for seed, state in enumerate(states[place] if not errors else ()):
        alone = train(place, seed)
        wrong += [(name, k) for k, v in alone.items() if not np.array_equal(v, state[k])]
print(len(wrong), wrong[:5], errors)
"""


MIXED = "kingma-welling hierarchical-vae iwae"


@pytest.mark.parametrize(
    ("names", "variables"),
    [
        (MIXED, {}),
        (MIXED, {"SCRATCHVAE_ENGINE": "off"}),
        (MIXED, {"SCRATCHVAE_KERNELS": "numpy"}),
        ("zhao-mlp zhao-mlp", {"SCRATCHVAE_THREADS": "2"}),
    ],
    ids=["engine", "no engine", "numpy", "threads"],
)
def test_models_that_train_at_once_have_the_bits_that_they_have_alone(names, variables):
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    shares = ["shared"] if "SCRATCHVAE_THREADS" in variables else []
    code = f"import sys; sys.argv[1:] = {[names, *shares]!r}\n{CODE}"
    done = run(code, cache, **variables)
    assert (done.returncode, done.stdout) == (0, "0 [] []\n"), done.stderr[-2000:]
