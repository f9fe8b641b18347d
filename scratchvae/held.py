"""What a layer, a likelihood or an optimiser holds and may be replaced in it: settings and arrays.

What a constructor refuses must not get in later, and what is computed with must fit.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from scratchvae.errors import InputError
from scratchvae.validation import check_array

T = TypeVar("T")


class Setting(Generic[T]):
    """An attribute that is checked whenever it is set: ``alpha = Setting(check_positive)``.

    ``check(value, name)`` returns what the attribute becomes, or raises an ``InputError``. It then
    stands in the instance's ``__dict__``, where it is found as any other attribute is.
    """

    def __init__(self, check: Callable[[Any, str], T]) -> None:
        self._check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, instance: object, value: Any) -> None:
        vars(instance)[self._name] = self._check(value, self._name)

    if TYPE_CHECKING:  # Python itself looks into the instance: reading costs nothing

        @overload
        def __get__(self, instance: None, owner: type) -> "Setting[T]": ...
        @overload
        def __get__(self, instance: object, owner: type) -> T: ...
        def __get__(self, instance: object | None, owner: type) -> "Setting[T] | T":
            raise NotImplementedError


def check_held(owner: Any, held: Mapping[str, Any], **shapes: tuple[int, ...]) -> None:
    """Raise ``InputError`` unless a layer's parameters or buffers have these shapes."""
    for name, shape in shapes.items():
        what = f"the {name} of this {type(owner).__name__}"
        if name not in held:
            raise InputError(f"{what} is gone: put it back, or use another layer")
        array = getattr(held[name], "value", held[name])
        check_array(array, what, shape, owner.dtype, "give one of that shape")
