"""Diagrams of pixels as cells of a grid, and of a window that slides over them."""

from collections.abc import Callable

from scratchvae.course.diagrams.drawing import BACKWARD, FORWARD, Drawing

_CELL = 20.0
_PLAIN, _SEEN, _OTHER, _BOTH = "#ffffff", "#cfe2f0", "#fde3b8", "#b9b9a0"


def convolution() -> Drawing:
    """Return a window over an image, the kernel, and the output pixel that they give."""
    picture = Drawing(
        560,
        190,
        "A convolution of one channel",
        "Left a grid of six by six pixels x, of which a window of three by three is shaded. It is "
        "multiplied with a kernel w of three by three numbers, in the middle, and summed: that is "
        "the shaded pixel of the output y, right, a grid of four by four. Below, an arrow leads "
        "back from that pixel's gradient to the same nine pixels.",
    )
    _grid(picture, 30, 30, 6, lambda i, j: _SEEN if 1 <= i <= 3 and 2 <= j <= 4 else _PLAIN)
    _grid(picture, 235, 60, 3, lambda i, j: _SEEN)
    _grid(picture, 410, 50, 4, lambda i, j: _SEEN if (i, j) == (1, 2) else _PLAIN)
    picture.text(90, 165, "x", maths=True)
    picture.text(265, 46, "w", maths=True)
    picture.text(450, 150, "y", maths=True)
    picture.arrow((134, 90), (229, 90), "times", colour=FORWARD, maths=False)
    picture.arrow((299, 80), (456, 80), "sum", colour=FORWARD, maths=False)
    picture.arrow((460, 92), (134, 112), "dy times w, added", colour=BACKWARD, bend=36, maths=False)
    return picture


def stamps() -> Drawing:
    """Return an input pixel, the kernel, and the stamp that they leave among the others."""
    picture = Drawing(
        560,
        190,
        "A transposed convolution of one channel",
        "Left a grid of three by three pixels x, two neighbours of them shaded. Each, times the "
        "kernel w of three by three numbers, in the middle, is added to nine pixels of the output "
        "y, right, a grid of seven by seven; the two stamps are two pixels apart and share a "
        "column, which is shaded darker. Below, an arrow leads back from the nine gradients of a "
        "stamp to its pixel.",
    )
    _grid(picture, 40, 50, 3, lambda i, j: {(1, 1): _SEEN, (1, 2): _OTHER}.get((i, j), _PLAIN))
    _grid(picture, 195, 50, 3, lambda i, j: _PLAIN)
    columns = {2: _SEEN, 3: _SEEN, 4: _BOTH, 5: _OTHER, 6: _OTHER}
    _grid(picture, 380, 15, 7, lambda i, j: columns.get(j, _PLAIN) if 2 <= i <= 4 else _PLAIN)
    picture.text(70, 125, "x", maths=True)
    picture.text(225, 36, "w", maths=True)
    picture.text(450, 172, "y", maths=True)
    picture.arrow((82, 80), (189, 80), "times", colour=FORWARD, maths=False)
    picture.arrow((259, 80), (416, 80), "added", colour=FORWARD, maths=False)
    picture.arrow((416, 100), (72, 92), "dy times w, summed", colour=BACKWARD, bend=36, maths=False)
    return picture


def _grid(
    picture: Drawing, x: float, y: float, cells: int, colour: Callable[[int, int], str]
) -> None:
    """Draw a square of cells with its upper left corner at (x, y)."""
    for i in range(cells):
        for j in range(cells):
            picture.bar(x + _CELL * j, y + _CELL * i, _CELL, _CELL, colour(i, j))
