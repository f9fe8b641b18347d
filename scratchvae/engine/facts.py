"""What plans take for granted, and whether it is still so."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import call, is_
from typing import Any


class Facts:
    """Which objects stand in mappings and lists of somebody else's.

    They are asked for in every step, while the step's kernels have driven all else out of the
    processor's caches: so none of them costs a line of Python.
    """

    def __init__(self) -> None:
        self._gets: list[Callable[[Any], Any]] = []
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._sized: list[Any] = []
        self._sizes: list[int] = []

    def add(self, mapping: Mapping[str, Any], *keys: str) -> None:
        """Note what stands under these keys now, perhaps nothing."""
        self._note(mapping.get, keys)

    def add_attributes(self, owner: Any, *names: str) -> None:
        """Note what a class has, by itself or from those that it is derived from."""
        self._note(partial(getattr, owner), names)

    def add_all(self, held: Mapping[str, Any] | list[Any], but: Sequence[str] = ()) -> None:
        """Note all that a mapping or a list holds, ``but`` what is under some keys; and no more."""
        self._sized.append(held)
        self._sizes.append(len(held))
        if isinstance(held, list):
            self._note(held.__getitem__, range(len(held)))
        else:
            self._note(held.get, [key for key in list(held) if key not in but])

    def hold(self) -> bool:
        """Tell whether the same objects stand in the same places."""
        return list(map(len, self._sized)) == self._sizes and all(
            map(is_, map(call, self._gets, self._keys), self._values)
        )

    def _note(self, get: Callable[[Any], Any], keys: Iterable[Any]) -> None:
        for key in keys:
            self._gets.append(get)
            self._keys.append(key)
            self._values.append(get(key))
