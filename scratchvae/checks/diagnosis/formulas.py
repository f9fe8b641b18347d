"""Whether numbers are a simple formula of an array: ``1 - y**2``, ``exp(x)``, up to a factor."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from scratchvae.checks.diagnosis.evidence import common_ratio
from scratchvae.validation import FloatArray

# What derivatives of the usual layers are made of.
_FORMULAS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "{}": lambda t: t,
    "{}**2": lambda t: t**2,
    "1 - {}": lambda t: 1 - t,
    "1 + {}": lambda t: 1 + t,
    "1 - {}**2": lambda t: 1 - t**2,
    "1 + {}**2": lambda t: 1 + t**2,
    "{0} * (1 - {0})": lambda t: t * (1 - t),
    "{0} * (1 + {0})": lambda t: t * (1 + t),
    "1 / {}": lambda t: 1 / t,
    "exp({})": np.exp,
    "exp(-{})": lambda t: np.exp(-t),
    "exp({} / 2)": lambda t: np.exp(t / 2),
    "1 / (1 + exp(-{}))": lambda t: 1 / (1 + np.exp(-t)),
    "1 / (1 + exp({}))": lambda t: 1 / (1 + np.exp(t)),
    "tanh({})": np.tanh,
}
_FEWEST = 4  # numbers: fewer are too easily proportional


def as_formula(
    numbers: FloatArray, arrays: Mapping[str, FloatArray], tolerance: float
) -> str | None:
    """Return a formula of an array of the same shape that gives these numbers, or ``None``."""
    if numbers.size < _FEWEST:
        return None
    if np.ptp(numbers) <= tolerance * np.abs(numbers).max():
        return f"{numbers.flat[0]:.6g}"
    for words, values in _formulas(numbers.shape, arrays):
        ratio = common_ratio(numbers, values, tolerance)
        if ratio is not None:
            exact = abs(ratio - 1) <= tolerance
            return words if exact else f"{ratio:.6g} * ({words})"
    return None


def as_formula_of_rows(
    numbers: FloatArray, arrays: Mapping[str, FloatArray], tolerance: float
) -> str | None:
    """Return such a formula whose factor is another one in each row."""
    if numbers.ndim < 2 or numbers.shape[-1] < 3 or numbers.size < 2 * _FEWEST:
        return None
    rows = numbers.reshape(-1, numbers.shape[-1])
    scale = np.abs(rows).max(axis=1)
    some = scale > tolerance * scale.max(initial=0.0)
    for words, values in _formulas(numbers.shape, arrays):
        pairs = zip(rows[some], values.reshape(rows.shape)[some], strict=True)
        if some.sum() > 1 and all(common_ratio(*pair, tolerance) is not None for pair in pairs):
            return words
    return None


def _formulas(
    shape: tuple[int, ...], arrays: Mapping[str, FloatArray]
) -> Iterator[tuple[str, FloatArray]]:
    for name, array in arrays.items():
        if array.shape == shape:
            for words, formula in _FORMULAS.items():
                with np.errstate(all="ignore"):
                    values = np.asarray(formula(array))
                if np.isfinite(values).all():
                    yield words.format(name), values
