"""The sizes of a convolution, and the complaints about those that do not fit."""

from scratchvae.errors import InputError
from scratchvae.kernels.machine.arguments import Array, require_same_type


def output_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return how many pixels a convolution makes of `size` along one axis."""
    return (size + 2 * padding - kernel) // stride + 1


def require_output(
    name: str,
    x: Array,
    w: Array,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: int,
    padding: int,
) -> tuple[int, int]:
    """Return the size of a convolution's output, if there is one."""
    require_images(name, x, w)
    if stride < 1 or padding < 0:
        raise InputError(
            f"{name} expected a stride of at least 1 and a padding of at least 0, "
            f"got {stride} and {padding}"
        )
    if any(k < 1 or k > pixels + 2 * padding for k, pixels in zip(kernel, size, strict=True)):
        raise InputError(
            f"{name} expected a kernel within the image, got {tuple(kernel)} for {tuple(size)} "
            f"with padding {padding}; take a smaller kernel or more padding"
        )
    height, width = (output_size(size[a], kernel[a], stride, padding) for a in (0, 1))
    return height, width


def require_images(name: str, x: Array, w: Array) -> None:
    """Raise an `InputError` unless both have four axes and one type of number."""
    require_same_type(name, x, w)
    if x.ndim != 4 or w.ndim != 4:
        raise InputError(
            f"{name} expected arrays of four axes, images (N, H, W, C) and weights "
            f"(kh, kw, in, out), got {x.shape} and {w.shape}"
        )


def require_size(name: str, expected: tuple[int, int], dy: Array) -> None:
    """Raise an `InputError` unless `dy` has the pixels that the forward pass gave."""
    if dy.shape[1:3] != expected:
        raise InputError(
            f"{name} expected dy of {expected[0]} × {expected[1]} pixels, got {dy.shape}; "
            "give the size, stride and padding of the forward pass"
        )


def require_pixels(name: str, size: tuple[int, ...]) -> None:
    """Raise an `InputError` if nothing is left of an image of this size."""
    if min(size) < 1:
        raise InputError(
            f"{name} expected to make an image of at least 1 × 1 pixels, got "
            f"{size[0]} × {size[1]}; take less padding or a larger kernel"
        )


def require_one_count(name: str, x: Array, dy: Array) -> None:
    """Raise an `InputError` unless there is one gradient for each image."""
    if len(x) != len(dy):
        raise InputError(
            f"{name} expected x and dy of as many images, got {len(x)} and {len(dy)}; "
            "give the dy of this x"
        )


def require_channels(name: str, pair: str, first: int, second: int) -> None:
    """Raise an `InputError` unless the two numbers of channels are equal."""
    if first != second:
        raise InputError(f"{name} expected {pair} to agree in channels, got {first} and {second}")
