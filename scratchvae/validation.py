"""Array types, and the checks of what a public function, or the environment, was given.

Every array inside the package is ``float32`` (to train) or ``float64`` (to check gradients); the
dtype that comes in goes out. A check returns the array unchanged or raises ``InputError``.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchvae.errors import InputError, as_numbers, shown

Array = NDArray[Any]
FloatArray = NDArray[np.floating[Any]]
T = TypeVar("T")

MOST = 2**31 - 1  # of anything that is counted: more could not be held

MODEL = 'scratchvae.build("zhao-mlp")'  # as an example

# The environment variables that choose among a few ways of computing, and their choices.
VARIABLES = {
    "SCRATCHVAE_ENGINE": ("on", "off"),
    "SCRATCHVAE_WINOGRAD": ("on", "off"),
    "SCRATCHVAE_PRODUCTS": ("tile", "blas", "auto"),
    "SCRATCHVAE_BACKOFF": ("1", "0"),
}
FLOAT_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def check_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return ``dtype`` as a NumPy dtype; anything but float32 and float64 is an ``InputError``."""
    try:
        checked = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # all three come of what is no dtype
        checked = None
    # NumPy takes None for float64, and finds a dtype equal to it.
    if dtype is None or checked is None or checked not in FLOAT_DTYPES:
        raise InputError(
            f"dtype must be float32 (to train) or float64 (to check gradients), not {shown(dtype)}"
        )
    return checked


def as_array(values: Any, name: str) -> NDArray[Any]:
    """Return ``values`` as an array of real numbers, whatever they come in.

    Text, objects, complex numbers, rows of different lengths and masked entries are an
    ``InputError``: NumPy would take most of them, and make something else of them later.
    """
    if masked := _count_masked(values):
        raise InputError(
            f"{name} must have all its numbers, and {masked} of them are masked: fill them with "
            ".filled(0), or leave their rows out"
        )
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        if "inhomogeneous" in str(error):
            raise InputError(
                f"{name} must be an array of numbers, and its parts are not of one shape: bring "
                "them to one, and give images and labels as two arguments"
            ) from None
        problem = f"{name} must be an array of numbers, not {shown(values)}"
        raise InputError(problem, as_numbers(values, name)) from None
    except Exception as error:  # another library's array that does not let itself be converted
        problem = f"{name} is a {type(values).__name__}, of which NumPy makes no array"
        raise InputError(f"{problem}: {' '.join(str(error).split())}") from None
    if array.dtype.kind not in "biuf":
        came = shown(values) if array.ndim == 0 else f"{array.dtype} of shape {array.shape}"
        problem = f"{name} must be an array of real numbers, not {came}"
        raise InputError(problem, as_numbers(values, name))
    return array


def _count_masked(values: Any) -> int:
    """Return how many numbers are masked, in an array or in a list of arrays."""
    if isinstance(values, list | tuple):
        return sum(_count_masked(one) for one in values if isinstance(one, np.ma.MaskedArray))
    return int(np.ma.getmaskarray(values).sum()) if isinstance(values, np.ma.MaskedArray) else 0


def check_floats(x: Any, name: str, dtype: np.dtype[Any] | None = None) -> FloatArray:
    """Return ``x`` if it is an array of floats (of ``dtype``, where one is asked for).

    Nothing is converted in silence: a wrong dtype in a hand-written layer is a bug to be seen.
    """
    if not isinstance(x, np.ndarray) or isinstance(x, np.matrix):  # whose x * x is a product
        raise InputError(f"{name} must be a NumPy array, not {type(x).__name__}")
    if isinstance(x, np.ma.MaskedArray):
        as_array(x, name)  # which refuses masked numbers
    if x.dtype not in FLOAT_DTYPES:
        raise InputError(
            f"{name} must hold float32 or float64, not {x.dtype}: convert it with .astype"
        )
    if dtype is not None and x.dtype != dtype:
        raise InputError(
            f"{name} is {x.dtype} where {dtype} is expected: "
            f"build with dtype=np.{x.dtype} or convert it with .astype(np.{dtype})"
        )
    return x


def check_array(
    x: Any,
    name: str,
    shape: tuple[int | str, ...],
    dtype: np.dtype[Any],
    remedy: str = "reshape it",
) -> None:
    """Raise ``InputError`` unless ``x`` has this dtype and shape; a letter stands for any size."""
    check_floats(x, name, dtype)
    if len(x.shape) != len(shape) or any(
        size not in (n, "N", "H", "W") for n, size in zip(x.shape, shape, strict=True)
    ):
        wanted = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise InputError(f"{name} must be of shape ({wanted}), not {x.shape}: {remedy}")


def remembered(layer: Any, name: str) -> Any:
    """Return what ``layer.forward`` stored as ``name``, or say that it has not run."""
    try:
        return layer.__dict__[name]
    except KeyError:
        raise InputError(
            f"{type(layer).__name__}.backward needs a forward pass first: call forward(x)"
        ) from None


def remembered_output(layer: Any, dy: FloatArray) -> FloatArray:
    """Return the output ``y`` that ``layer.forward`` stored, if ``dy`` can be its gradient."""
    y: FloatArray = remembered(layer, "y")
    check_array(dy, f"{type(layer).__name__}: dy", y.shape, y.dtype)
    return y


def check_same_shape(first: FloatArray, second: FloatArray, names: str) -> None:
    """Raise ``InputError`` unless the two arrays have one shape."""
    if first.shape != second.shape:
        raise InputError(f"{names} must have one shape, not {first.shape} and {second.shape}")


def check_shape(array: FloatArray, name: str, shape: tuple[int, ...]) -> None:
    """Raise ``InputError`` unless ``array`` has this shape."""
    if array.shape != shape:
        raise InputError(
            f"{name} must have shape {shape}, not {array.shape}: "
            "reshape it, or pass the one that belongs to the other arrays"
        )


def check_broadcast(**arrays: Any) -> None:
    """Raise ``InputError`` unless all are arrays of floats of one dtype that broadcast together."""
    first, *_ = arrays.values()
    for name, array in arrays.items():
        check_floats(array, name, first.dtype if isinstance(first, np.ndarray) else None)
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InputError(f"the shapes of {shapes} do not fit together: reshape one") from None


def check_same_dtype(names: str, *arrays: Any) -> None:
    """Raise ``InputError`` unless all are arrays of float32, or all of float64."""
    dtypes = [x.dtype if isinstance(x, np.ndarray) else type(x).__name__ for x in arrays]
    if dtypes[0] not in FLOAT_DTYPES or dtypes.count(dtypes[0]) < len(dtypes):
        raise InputError(
            f"{names} must be arrays of only float32 or only float64, not "
            f"{' and '.join(map(str, dtypes))}: convert with .astype"
        )


def check_in_place(array: FloatArray, name: str) -> None:
    """Raise ``InputError`` unless ``array`` can be changed through a flat view of it."""
    if not (array.flags.c_contiguous and array.flags.writeable):
        fault = "read-only" if array.flags.c_contiguous else "in another order"
        raise InputError(
            f"{name} must be writeable and in C order to be changed in place, not {fault}: "
            "pass a copy made with .copy()"
        )


def check_finite(x: NDArray[Any], name: str) -> None:
    """Raise ``InputError`` if ``x`` holds a NaN or an infinity, and say where the first is."""
    finite = np.isfinite(x)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise InputError(
            f"{name} must be finite numbers, but {name}{list(where)} is {x[where]} "
            f"({int(np.count_nonzero(~finite))} of {x.size} are not finite): clean the data first"
        )


def check_count(value: Any, name: str, minimum: int = 1, maximum: int | None = MOST) -> int:
    """Return ``value`` as an ``int``; ``InputError`` unless whole and within the bounds."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    above = whole and maximum is not None and value > maximum
    if not whole or above or value < minimum:
        most = f" and at most {maximum:,}" if above else ""
        raise InputError(
            f"{name} must be a whole number of at least {minimum}{most}, not {shown(value)}"
        )
    return int(value)


def check_seed(value: Any) -> int:
    """Return ``value`` as an ``int``; ``InputError`` unless whole and not negative."""
    return check_count(value, "seed", 0, None)


def check_flag(value: Any, name: str) -> bool:
    """Return ``value`` as a ``bool``; ``InputError`` unless it is one."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} must be True or False, not {shown(value)}")
    return bool(value)


def check_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """Return ``value``; ``InputError`` unless it is one of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name} must be one of {', '.join(choices)}, not {shown(value)}")
    return value


def check_sizes(value: Any, name: str) -> tuple[int, ...]:
    """Return the shape of an example as a tuple; ``InputError`` unless it is one of counts."""
    if not isinstance(value, tuple | list):
        raise InputError(f"{name} must be a tuple such as (28, 28, 1), not {shown(value)}")
    return tuple(check_count(size, f"each number in {name}") for size in value)


def check_is(value: Any, name: str, kind: type, example: str = "") -> None:
    """Raise ``InputError`` unless ``value`` is an instance of ``kind``."""
    if not isinstance(value, kind):
        such = f", such as {example}" if example else ""
        raise InputError(f"{name} must be a {kind.__name__}{such}, not {shown(value)}")


def check_instance(value: Any, name: str, kind: type[T]) -> T:
    """Return ``value``; ``InputError`` unless it is an instance of ``kind``."""
    check_is(value, name, kind)
    return value  # type: ignore[no-any-return]


def check_number(value: Any, name: str, wanted: str = "a finite number") -> float:
    """Return ``value`` as a ``float``; ``InputError`` unless it is a finite number."""
    return _number(value, name, wanted, lambda number: True)


def check_positive(value: Any, name: str) -> float:
    """Return ``value`` as a ``float``; ``InputError`` unless it is a finite number above 0."""
    return _number(value, name, "a finite number above 0", lambda number: number > 0)


def check_not_negative(value: Any, name: str) -> float:
    """Return ``value`` as a ``float``; ``InputError`` unless finite and at least 0."""
    return _number(value, name, "a finite number of at least 0", lambda number: number >= 0)


def check_share_kept(value: Any, name: str) -> float:
    """Return the share that a running mean keeps; ``InputError`` unless at least 0 and below 1."""
    # With 1 the mean would never change.
    return _number(value, name, "at least 0 and below 1", lambda number: 0 <= number < 1)


def check_between(value: Any, name: str, least: float, most: float) -> float:
    """Return ``value`` as a ``float``; ``InputError`` unless it is from ``least`` to ``most``."""
    wanted = f"a number from {least:g} to {most:g}"
    return _number(value, name, wanted, lambda number: least <= number <= most)


def chosen_by_variable(variable: str) -> str:
    """Return what one of the ``VARIABLES`` of the environment chooses; by default the first.

    An `InputError` is raised if it is none of its choices.
    """
    choices = VARIABLES[variable]
    wanted = os.environ.get(variable) or choices[0]
    if wanted not in choices:
        known = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise InputError(f"{variable} must be {known}, not {wanted!r}", "set one, or unset it")
    return wanted


def _number(value: Any, name: str, wanted: str, allowed: Callable[[float], bool]) -> float:
    # Text that float() would take, or True, is a slip of whoever wrote it.
    number = np.nan
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        with suppress(OverflowError):  # a whole number beyond all floats
            number = float(value)
    if not (np.isfinite(number) and allowed(number)):
        raise InputError(f"{name} must be {wanted}, not {shown(value)}")
    return number
