"""How each digit is written: pen strokes through a few points, and the curves between them.

A shape is written down as a text of points "x,y" in hundredths of the digit's height, x to the
right and y downwards. The pen goes smoothly through the points, except that "|" after a point makes
it a corner, where the pen stops and sets off in another direction, and "/" lifts the pen.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

SAMPLES = 88  # pen positions along a digit: at most about 0.8 pixel apart in the longest of them
FINE_STEPS = 16  # steps between two points when a curve's length is measured


@dataclass(frozen=True)
class Allograph:
    """One way of writing a digit.

    Attributes
    ----------
    digit
        The digit, 0 to 9.
    share
        How often the digit is written this way, relative to its other allographs.
    first, second
        The two ends of a continuum of shapes. Both have the same strokes, points and corners; what
        is drawn lies between the two.
    """

    digit: int
    share: float
    first: str
    second: str


@dataclass(frozen=True)
class StrokeTable:
    """All allographs as arrays, padded with zeros to the largest number of points P.

    Attributes
    ----------
    points
        The points of the two ends of each allograph, (A, 2, P, 2); the digit's box has height 2 and
        is centred on the origin.
    middles
        (A, SAMPLES, P): ``middles[a] @ points`` are the pen positions along the strokes.
    steps
        (A, SAMPLES, P): ``steps[a] @ points`` are the pieces of stroke around them, as vectors.
    first_of_digit
        The row of each digit's first allograph, (10,).
    shares
        Cumulative probabilities of the allographs for each digit, (10, A).
    """

    points: NDArray[np.float32]
    middles: NDArray[np.float32]
    steps: NDArray[np.float32]
    first_of_digit: NDArray[np.intp]
    shares: NDArray[np.float64]


# fmt: off
# Sorted by digit; the first of each digit is the one that is written when there is no variation.
ALLOGRAPHS: tuple[Allograph, ...] = (
    Allograph(0, 5,  # an oval from the top, anticlockwise, just closed; narrow to round
        "36,1 16,16 4,50 14,84 32,99 50,84 60,50 50,16 33,1",
        "50,2 18,14 2,48 14,86 46,99 80,86 95,50 80,14 46,0"),
    Allograph(0, 3,  # begun at the right, tilted, ending inside or crossing its beginning
        "56,12 36,3 12,30 3,64 20,97 48,88 66,52 62,14 40,4",
        "62,4 38,12 10,42 6,78 28,100 60,86 80,50 74,14 40,16"),
    Allograph(0, 1,  # open at the top, the ends passing each other
        "40,10 16,24 4,58 18,92 40,98 60,76 62,36 48,8 22,2",
        "30,0 10,22 2,56 16,92 42,99 68,76 72,38 62,10 46,4"),
    Allograph(1, 17,  # a bare stem
        "20,0 20,50 20,100",
        "22,0 20,50 20,100"),
    Allograph(1, 2,  # a stem with a flag
        "8,18 20,0 | 20,50 20,100",
        "0,28 26,0 | 25,50 24,100"),
    Allograph(1, 1.5,  # flag, stem and base
        "6,22 24,0 | 24,50 24,99 / 2,100 24,99 44,98",
        "0,20 32,0 | 32,50 31,97 / 0,98 31,97 64,96"),
    Allograph(2, 4,  # a neck, a corner at the bottom left and a flat foot
        "4,22 20,4 44,2 58,20 46,50 24,76 2,97 | 34,95 70,97",
        "0,14 26,2 54,2 68,18 58,46 34,70 6,94 | 40,98 80,92"),
    Allograph(2, 5,  # the foot begins with a loop
        "8,20 26,3 50,4 60,24 48,56 26,86 8,98 2,88 16,80 40,90 60,97 80,90",
        "4,16 28,0 60,6 70,32 58,66 32,94 8,98 0,76 22,58 52,72 76,90 98,84"),
    Allograph(2, 2,  # a rounded turn instead of a corner
        "2,14 28,2 56,6 60,26 36,60 12,84 12,97 40,96 74,92",
        "0,20 28,6 58,2 64,18 38,54 6,80 4,98 40,97 90,78"),
    Allograph(3, 6,  # two bowls that meet in a corner
        "4,14 24,1 48,6 52,26 38,42 20,48 | 46,52 60,70 50,92 24,100 2,90",
        "0,8 30,0 60,4 62,24 44,42 22,50 | 52,52 70,72 56,94 28,100 0,96"),
    Allograph(3, 1,  # a flat top and a slanting neck
        "4,6 30,3 56,3 | 42,24 28,42 | 54,52 62,74 36,98 4,94",
        "0,4 34,2 66,4 | 48,24 30,40 | 62,52 64,80 32,100 2,88"),
    Allograph(3, 2,  # a small loop, or a smooth turn, where the bowls meet
        "6,12 32,0 54,14 46,36 28,47 20,45 28,43 52,54 60,76 36,99 4,92",
        "2,8 36,2 58,18 46,40 26,52 18,44 32,42 58,56 58,82 28,100 0,86"),
    Allograph(4, 6,  # open at the top, a stem at the right
        "10,4 6,28 3,52 | 30,54 70,48 / 58,0 56,50 52,100",
        "8,8 4,36 12,56 | 36,54 66,46 / 66,2 60,50 54,100"),
    Allograph(4, 3,  # open, with a rounded corner and a bar that stops at the stem
        "14,2 6,24 4,44 18,54 40,50 58,40 / 62,4 56,50 46,100",
        "22,0 10,20 2,46 22,58 50,54 72,48 / 64,10 60,54 54,100"),
    Allograph(4, 2,  # closed, a triangle and a stem
        "50,2 26,30 2,60 | 36,61 72,58 / 50,2 48,50 46,100",
        "56,0 28,26 0,54 | 38,58 80,60 / 58,8 52,54 46,100"),
    Allograph(5, 5,  # the bar is a second stroke
        "16,4 13,22 10,42 | 34,37 56,54 54,82 30,99 2,92 / 16,4 38,4 62,2",
        "20,8 16,26 12,46 | 34,44 54,60 46,88 22,100 0,92 / 20,8 50,6 88,0"),
    Allograph(5, 2,  # a wide, round belly
        "18,6 14,24 10,42 | 40,34 68,56 62,86 32,100 0,92 / 18,6 42,4 68,4",
        "16,2 12,24 8,46 | 54,36 92,58 82,90 40,100 2,88 / 16,2 46,2 80,4"),
    Allograph(5, 4,  # in one go, from the end of the bar
        "66,2 42,5 20,6 | 15,24 10,42 | 36,42 54,60 44,88 20,99 0,90",
        "84,0 56,6 32,10 | 24,28 16,46 | 42,50 54,68 42,92 18,100 0,88"),
    Allograph(5, 2,  # rounded, nearly an s
        "64,2 38,4 18,12 14,32 34,46 54,62 50,86 26,99 2,92",
        "74,6 44,2 22,14 20,38 38,50 50,68 40,90 16,98 0,90"),
    Allograph(6, 5,  # an open stem and a round bowl
        "42,0 20,24 5,60 12,92 34,99 54,84 50,64 30,60 12,78",
        "54,0 24,20 2,56 14,94 48,99 84,80 76,54 42,52 20,84"),
    Allograph(6, 3,  # a straight stem and a small bowl
        "28,0 12,34 4,66 12,94 30,99 46,82 42,64 24,62 6,80",
        "44,2 18,34 4,70 10,94 32,100 54,86 54,70 34,66 16,92"),
    Allograph(6, 2,  # the bowl a closed hook that does not reach the stem again
        "48,2 22,20 5,52 10,88 36,99 62,84 64,62 48,56 30,70",
        "66,4 28,14 4,54 12,92 44,100 74,84 72,60 50,58 36,78"),
    Allograph(7, 8,  # a bar, a corner and a stem
        "2,10 30,6 60,4 | 44,42 32,100",
        "0,4 34,6 70,6 | 48,44 20,100"),
    Allograph(7, 4,  # the bar begins with a hook
        "4,22 8,8 | 34,6 58,4 | 44,44 36,100",
        "0,30 16,8 | 42,6 68,6 | 50,42 24,100"),
    Allograph(7, 2,  # crossed, the way of continental hands
        "2,8 30,6 60,4 | 46,44 34,100 / 18,54 40,51 66,48",
        "0,4 34,6 68,6 | 48,44 22,100 / 8,48 36,50 64,50"),
    Allograph(8, 6,  # one stroke from the top right, an s and back
        "50,10 32,0 14,12 18,34 36,50 50,70 42,94 20,98 8,80 22,56 42,34 50,12",
        "60,14 38,0 14,10 18,32 40,48 58,68 48,94 20,99 4,80 22,58 48,38 66,4"),
    Allograph(8, 3,  # begun at the top, a smaller upper bowl
        "48,6 30,2 16,16 24,34 42,50 54,72 40,96 16,96 6,78 22,52 44,30 40,4",
        "40,0 18,4 8,22 22,40 46,54 60,76 46,98 16,98 4,78 24,52 48,28 42,2"),
    Allograph(8, 4,  # narrow below, the ends flying off to the top right
        "58,12 36,4 14,12 16,32 34,48 44,70 36,94 18,98 8,80 20,58 44,36 66,6",
        "66,8 40,8 14,18 18,38 38,52 44,74 28,98 10,96 8,78 24,58 50,36 82,0"),
    Allograph(8, 1,  # one bowl standing on another
        "30,0 14,8 12,34 30,46 48,34 46,8 30,0 / 30,46 10,58 6,86 28,100 54,86 50,58 32,46",
        "34,0 12,12 14,38 34,50 56,38 56,12 32,2 / 34,50 10,60 4,84 34,100 64,86 58,60 34,50"),
    Allograph(9, 6,  # a bowl and a straight stem
        "52,10 34,2 12,14 6,36 22,48 44,34 54,6 | 50,50 46,100",
        "60,8 36,2 8,18 4,40 26,48 52,30 60,8 | 50,52 32,100"),
    Allograph(9, 3,  # the stem runs on smoothly from the bowl
        "46,10 28,4 8,16 6,36 22,44 42,30 48,8 50,30 48,64 40,100",
        "50,4 26,6 6,24 12,42 34,40 50,20 56,8 54,28 44,62 26,100"),
    Allograph(9, 2,  # a tail that curves to the left
        "54,12 34,2 10,12 6,36 24,46 46,34 56,10 | 56,50 44,90 16,98",
        "52,14 32,0 8,14 8,38 30,44 50,26 56,10 | 58,54 36,98 4,88"),
)
# fmt: on


def _natural_spline(knots: NDArray[np.float64], where: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the natural cubic spline: (len(where), len(knots)), rows sum to one.

    The spline is linear in the points it goes through, so it is solved for once, with a unit
    vector in place of each point. Its second derivatives m solve the usual tridiagonal system
    h[i-1] m[i-1] + 2 (h[i-1] + h[i]) m[i] + h[i] m[i+1] = 6 (slope[i] - slope[i-1]), with m = 0
    at both ends.
    """
    count = len(knots)
    gap = np.diff(knots)
    slope = (np.eye(count)[1:] - np.eye(count)[:-1]) / gap[:, None]
    second = np.zeros((count, count))
    if count > 2:
        system = np.diag(2.0 * (gap[:-1] + gap[1:]))
        system += np.diag(gap[1:-1], 1) + np.diag(gap[1:-1], -1)
        second[1:-1] = np.linalg.solve(system, 6.0 * np.diff(slope, axis=0))
    piece = np.clip(np.searchsorted(knots, where, side="right") - 1, 0, count - 2)
    h = gap[piece][:, None]
    left = (knots[piece + 1] - where)[:, None] / h
    right = 1.0 - left
    bend_left = (left**3 - left) * second[piece]
    bend_right = (right**3 - right) * second[piece + 1]
    straight = left * np.eye(count)[piece] + right * np.eye(count)[piece + 1]
    weights: NDArray[np.float64] = straight + h * h / 6.0 * (bend_left + bend_right)
    return weights


def _parse(shape: str) -> tuple[NDArray[np.float64], list[NDArray[np.intp]]]:
    """Return the points (P, 2) of a shape and its smooth runs, as indices of points."""
    points: list[list[float]] = []
    runs: list[list[int]] = [[]]
    for mark in shape.split():
        if mark == "|":  # the next run starts from the same point
            runs.append(runs[-1][-1:])
        elif mark == "/":
            runs.append([])
        else:
            runs[-1].append(len(points))
            points.append([float(number) for number in mark.split(",")])
    return np.array(points), [np.array(run) for run in runs]


def _sample(
    points: NDArray[np.float64], runs: list[NDArray[np.intp]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``middles`` and ``steps`` of one allograph, (SAMPLES, P), even in arc length."""
    curves = []
    for run in runs:
        knots = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(points[run], axis=0), axis=1)))
        fine = np.interp(
            np.linspace(0, len(run) - 1, FINE_STEPS * (len(run) - 1) + 1),
            np.arange(len(run)),
            knots,
        )
        curve = _natural_spline(knots, fine) @ points[run]
        length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1)))
        curves.append((knots, fine, length))
    # Each run gets its share of the samples by length; rounding the cumulative shares makes the
    # numbers add up to SAMPLES.
    total = np.cumsum([length[-1] for _, _, length in curves])
    bounds = np.append(0, np.rint(SAMPLES * total / total[-1])).astype(int)
    middles = np.zeros((SAMPLES, len(points)))
    steps = np.zeros((SAMPLES, len(points)))
    for run, (knots, fine, length), start, stop in zip(
        runs, curves, bounds[:-1], bounds[1:], strict=True
    ):
        edges = np.linspace(0.0, length[-1], 2 * (stop - start) + 1)
        weights = _natural_spline(knots, np.interp(edges, length, fine))
        middles[start:stop, run] = weights[1::2]
        steps[start:stop, run] = weights[2::2] - weights[:-2:2]
    return middles, steps


@cache
def stroke_table() -> StrokeTable:
    """Return all allographs as arrays, computed at the first call."""
    parsed = [(_parse(form.first), _parse(form.second)) for form in ALLOGRAPHS]
    most = max(len(points) for (points, _), _ in parsed)
    both = np.zeros((len(parsed), 2, most, 2), np.float32)
    middles = np.zeros((len(parsed), SAMPLES, most), np.float32)
    steps = np.zeros((len(parsed), SAMPLES, most), np.float32)
    for row, ((first, runs), (second, _)) in enumerate(parsed):
        size = len(first)
        for end, points in enumerate((first, second)):
            low, high = points.min(axis=0), points.max(axis=0)
            both[row, end, :size] = (points - (low + high) / 2) * 2 / (high[1] - low[1])
        middles[row, :, :size], steps[row, :, :size] = _sample((first + second) / 2, runs)
    digits = np.array([form.digit for form in ALLOGRAPHS])
    shares = np.array([form.share for form in ALLOGRAPHS])
    table = np.where(digits == np.arange(10)[:, None], shares, 0.0).cumsum(axis=1)
    first_of_digit = np.searchsorted(digits, np.arange(10))
    return StrokeTable(both, middles, steps, first_of_digit, table / table[:, -1:])
