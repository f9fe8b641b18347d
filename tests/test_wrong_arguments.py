"""Whatever is given in place of an argument is used, or refused in one line: never a bare error."""

import inspect
import warnings

import numpy as np
import pytest
from valid_calls import CALLS

from scratchvae import data, evaluation, layers, models, plots, probability, training
from scratchvae.errors import InputError

PUBLIC = (data, evaluation, layers, models, plots, probability, training)

# Without a call of their own, and why.
EXEMPT = {
    "data.Dataset": "a record",
    "data.read_idx": "tested with the files that it reads",
    "evaluation.FactorInformation": "a record",
    "evaluation.GradientComparison": "a record",
    "evaluation.ImportanceEstimate": "a record",
    "evaluation.LayerActivity": "a record",
    "layers.Layer": "a base class, called as each layer",
    "models.LatentModel": "a base class, called as each model",
    "models.Recipe": "a record",
    "probability.GradientDraws": "a record",
    "probability.Likelihood": "a base class, called as each likelihood",
    "plots.save_figure": "tested with the files that it writes",
    "training.EpochMetrics": "a record",
    "training.Interrupted": "an exception",
    "training.LossMean": "a record",
    "training.LossTerms": "a record",
    "training.Optimiser": "a protocol",
    "training.Trainer.schedules_in_force": "within each step",
    "training.Trainable": "a base class, called as each model",
    "training.check_last_batch": "called by each fit",
    "training.load_checkpoint": "tested with the files that it reads",
    "training.read_history": "tested with the files that it reads",
    "training.save_checkpoint": "tested with the files that it writes",
    "training.write_history": "tested with the files that it writes",
}


def of_any_kind():
    yield from (None, "3", b"3", "", {}, {"a": 1}, object(), int, len, [], (), [[1, 2], [3]])
    yield from (np.nan, np.inf, -np.inf, -1, 0, 1.5, True, 10**30, -(10**30), 1j)
    yield from (np.array(["a"]), np.array([None, 1]), np.array(2.0), np.array([True]))
    yield from (np.empty(0), np.empty((0, 3)), np.ones((2, 2)), np.ones((2, 2, 2, 2, 2)))
    yield np.ma.masked_less(np.ones((4, 3)), 2)


def near(array):
    """Yield arrays that are almost what is expected."""
    yield np.full_like(array, -1)
    if array.dtype.kind == "f":
        yield from (np.full_like(array, bad) for bad in (np.nan, np.inf, 1e300))
    yield from (array.astype(kind) for kind in (complex, object, str, np.float32, np.int64))
    yield array.astype(array.dtype.newbyteorder())
    yield np.asfortranarray(array)
    yield from (array[:-1], array[:0], array[None], array[..., None], np.concatenate([array] * 2))
    yield from (array[::-1], array.tolist(), np.ma.masked_array(array, np.ones(array.shape, bool)))
    still = array.copy()
    still.flags.writeable = False
    yield still


def wrong_values(valid):
    yield from of_any_kind()
    if isinstance(valid, np.ndarray):
        yield from near(valid)
    if type(valid) in (list, tuple, dict) and valid:
        for other in of_any_kind():
            yield dict.fromkeys(valid, other) if isinstance(valid, dict) else type(valid)([other])
    if isinstance(valid, list) and isinstance(valid[0], tuple):
        for other in of_any_kind():
            yield from ([(valid[0][0], other)], [(other, valid[0][1])])


def arrays_in(values):
    return [value for value in values if isinstance(value, np.ndarray)]


@pytest.mark.parametrize("name", CALLS)
def test_wrong_arguments_are_used_or_refused_in_one_line(name):
    call, arguments = CALLS[name]()
    call(**arguments)
    faults = []
    for argument, valid in arguments.items():
        for wrong in wrong_values(valid):
            call, _ = CALLS[name]()
            given = arguments | {argument: wrong}
            before = [array.tobytes() for array in arrays_in(given.values())]
            shown = f"{argument}={' '.join(repr(wrong).split())[:60]}"
            try:
                # What overflows is infinite, as everywhere in NumPy.
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore", UserWarning)  # floats that look like bytes
                    call(**given)
            except InputError as error:
                if "\n" in str(error):
                    faults.append(f"{shown}: {error}")
            except Exception as error:
                faults.append(f"{shown}: {type(error).__name__}: {error}")
            if [array.tobytes() for array in arrays_in(given.values())] != before:
                faults.append(f"{shown}: changed")
    assert not faults, "\n".join(faults)


def test_every_public_name_has_a_valid_call():
    wanted = set()
    for module in PUBLIC:
        room = module.__name__.rpartition(".")[2]
        for name in module.__all__:
            thing = getattr(module, name)
            if f"{room}.{name}" in EXEMPT or not callable(thing):
                continue
            wanted.add(f"{room}.{name}")
            if inspect.isclass(thing):
                own = {n for n, f in vars(thing).items() if inspect.isfunction(f) and n[0] != "_"}
                wanted |= {f"{room}.{name}.{method}" for method in own}
    missing = sorted(wanted - CALLS.keys() - EXEMPT.keys())
    assert not missing, missing
