"""Arrays that an output depends on although no check was asked for: weights that nobody named.

They are looked for where Python keeps them: in attributes of a layer and of its class, in lists and
dicts, in what a function closes over and in the globals that it names. What a forward pass only
keeps for its backward pass is replaced by the next one; what stays is moved, to see whether the
output moves with it.
"""

import functools
import inspect
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.input import argument_names
from scratchvae.checks.gradients.report import Unseen
from scratchvae.checks.gradients.target import Target, same
from scratchvae.validation import FloatArray

# Far more than a layer of one's own has; a search must end in whatever it is let loose on.
_MOST_ARRAYS, _MOST_OBJECTS, _DEEPEST = 200, 5000, 8


class Found(NamedTuple):
    """An array, and how one would write it."""

    name: str
    array: NDArray[Any]


def arrays_within(sources: Mapping[str, Any]) -> list[Found]:
    """Return the arrays of floats that can be reached from some objects, with their names."""
    arrays = (
        Found(name, thing)
        for name, thing in within(sources)
        if isinstance(thing, np.ndarray) and thing.dtype.kind == "f" and thing.size
    )
    return list(islice(arrays, _MOST_ARRAYS))


def within(sources: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what can be reached from some objects, themselves first, with its names."""
    seen: set[int] = set()
    waiting = deque((name, source, 0) for name, source in sources.items())
    while waiting and len(seen) < _MOST_OBJECTS:
        name, thing, depth = waiting.popleft()
        if id(thing) in seen or depth > _DEEPEST:
            continue
        seen.add(id(thing))
        yield name, thing
        waiting += [(inner, value, depth + 1) for inner, value in _inside(name, thing)]


def kept_from(before: list[Found], after: list[Found]) -> list[Found]:
    """Return the arrays that are the same objects under the same names in both."""
    objects = {found.name: found.array for found in before}
    return [found for found in after if objects.get(found.name) is found.array]


def unseen_arrays(target: Target, kept: list[Found]) -> list[Unseen]:
    """Return those of the arrays that move the output and that the target does not name."""
    named = [*target.arrays.values(), *target.buffers.values()]
    named += [p.grad for p in target.parameters.values() if isinstance(p.grad, np.ndarray)]
    strangers = [
        found for found in kept if not any(np.may_share_memory(found.array, own) for own in named)
    ]
    unseen: list[Unseen] = []
    if not strangers:
        return unseen
    rng, y = np.random.default_rng(0), target.forward()
    for name, array in strangers:
        with _moved(array, rng) as moved:
            changed = moved and not same(y, target.forward(), 0.0)
        if changed:
            unseen.append(Unseen(name, array.size, target.remedy))
    target.forward()  # which leaves behind what belongs to the unmoved arrays
    return unseen


def _inside(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object holds, each under the name that reaches it."""
    start = f"{name}." if name else ""
    if isinstance(thing, Mapping):
        yield from ((f"{name}[{key!r}]", value) for key, value in thing.items())
    elif isinstance(thing, np.ndarray):
        if thing.dtype == object:
            yield from ((f"{name}[{place}]", value) for place, value in enumerate(thing.flat))
    elif isinstance(thing, list | tuple | deque):
        yield from ((f"{name}[{place}]", value) for place, value in enumerate(thing))
    elif isinstance(thing, FunctionType):
        try:
            names = inspect.getclosurevars(thing)
        except ValueError:  # a variable that has no value yet
            return
        yield from names.nonlocals.items()
        yield from ((n, v) for n, v in names.globals.items() if _is_of_user(v, thing.__module__))
        defaults = [
            p for p in inspect.signature(thing).parameters.values() if p.default is not None
        ]
        yield from ((p.name, p.default) for p in defaults)
    elif isinstance(thing, MethodType):
        yield from ((name, thing.__self__), (name, thing.__func__))
    elif isinstance(thing, functools.partial):
        yield name, thing.func
        yield from zip(argument_names(thing.func, len(thing.args)), thing.args, strict=True)
        yield from thing.keywords.items()
    elif isinstance(thing, type):
        yield from ((f"{start}{attribute}", value) for attribute, value in _of_class(thing).items())
    elif not isinstance(thing, ModuleType):
        own = _attributes(thing)
        shared = {n: v for kind in type(thing).__mro__[::-1] for n, v in _of_class(kind).items()}
        yield from ((f"{start}{attribute}", value) for attribute, value in own.items())
        # What a method names are globals: it has no name of its own in front of theirs.
        yield from (
            ("" if isinstance(value, FunctionType) else f"{start}{attribute}", value)
            for attribute, value in shared.items()
            if attribute not in own
        )


def _attributes(thing: Any) -> dict[str, Any]:
    """Return the attributes of an object itself, in its slots as well."""
    slots = [s for kind in type(thing).__mro__ for s in _listed(vars(kind).get("__slots__", ()))]
    held = {
        name: getattr(thing, name) for name in slots if name[:2] != "__" and hasattr(thing, name)
    }
    return held | dict(getattr(thing, "__dict__", {}))


def _listed(slots: Any) -> list[str]:
    return [slots] if isinstance(slots, str) else list(slots)


def _of_class(kind: type) -> dict[str, Any]:
    """Return what a class of the reader's own holds, for all of its objects: arrays, methods."""
    of_reader = kind.__module__ not in sys.builtin_module_names and not kind.__module__.startswith(
        ("scratchvae.", "numpy", "abc", "typing", "enum", "collections", "torch", "jax")
    )
    held = dict(vars(kind)) if of_reader else {}
    return {name: value for name, value in held.items() if not name.startswith("__")} | {
        name: held[name] for name in ("__call__",) if name in held
    }


def _is_of_user(thing: Any, module: str) -> bool:
    """Whether a global is worth a look: not a library's function."""
    return not isinstance(thing, FunctionType) or thing.__module__ == module


@contextmanager
def _moved(array: FloatArray, rng: np.random.Generator) -> Iterator[bool]:
    """Move an array a little and put it back; what cannot be written to stays where it is."""
    writeable, before = array.flags.writeable, array.copy()
    try:
        if not writeable:  # memory that is another library's may not even be asked
            array.flags.writeable = True
    except ValueError:  # a view of memory that is read-only
        yield False
        return
    spread = float(np.sqrt(np.mean(before**2))) or 1.0
    try:
        array += (0.01 * spread * rng.standard_normal(array.shape)).astype(array.dtype)
        yield True
    finally:
        array[...] = before
        if not writeable:
            array.flags.writeable = False
