"""The sizes of a convolution, and the checks of what does not fit."""

from scratchvae.errors import InputError
from scratchvae.validation import FloatArray, check_count, check_same_dtype


def output_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return how many pixels a convolution makes of `size` along one axis."""
    return (size + 2 * padding - kernel) // stride + 1


def check_images(name: str, names: str, x: FloatArray, w: FloatArray) -> None:
    """Raise an `InputError` unless both have four axes and one dtype."""
    check_same_dtype(f"{names} of {name}", x, w)
    if x.ndim != 4 or w.ndim != 4:
        raise InputError(
            f"{names} of {name} must have four axes, images (N, H, W, C) and weights "
            f"(kh, kw, in, out), not shapes {x.shape} and {w.shape}: reshape them"
        )


def check_output(
    name: str, size: tuple[int, ...], kernel: tuple[int, ...], stride: int, padding: int
) -> tuple[int, int]:
    """Return the size of a convolution's output, if there is one."""
    check_count(stride, f"stride of {name}")
    check_count(padding, f"padding of {name}", minimum=0)
    if any(k < 1 or k > pixels + 2 * padding for k, pixels in zip(kernel, size, strict=True)):
        raise InputError(
            f"the kernel of {name} must lie within the padded image, not be {_times(kernel)} for "
            f"{_times(size)} with padding {padding}: take a smaller kernel or more padding"
        )
    height, width = (output_size(size[a], kernel[a], stride, padding) for a in (0, 1))
    return height, width


def check_upstream(name: str, dy: FloatArray, expected: tuple[int, int]) -> None:
    """Raise an `InputError` unless `dy` has the pixels that the forward pass gave."""
    if dy.shape[1:3] != expected:
        raise InputError(
            f"dy of {name} must have {_times(expected)} pixels, not {_times(dy.shape[1:3])}: "
            "give the size, stride and padding of the forward pass"
        )


def check_pixels(name: str, size: tuple[int, ...]) -> None:
    """Raise an `InputError` if nothing is left of an image of this size."""
    if min(size) < 1:
        raise InputError(
            f"the result of {name} must have at least 1 x 1 pixels, not {_times(size)}: "
            "take less padding or a larger kernel"
        )


def check_equal(what: str, first: int, second: int) -> None:
    """Raise an `InputError` unless two arrays have equally many images or channels."""
    if first != second:
        raise InputError(
            f"{what} must be equal in number, not {first} and {second}: "
            "pass arrays that belong together"
        )


def _times(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, size))
