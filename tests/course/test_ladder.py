"""The ladder of kernels: every rung computes what the rung below does, and is short."""

import ast
import inspect
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchvae.course import ladder
from scratchvae.course.ladder import COMPILED, attainable, ceilings, take_turns
from scratchvae.errors import InputError

compiled = pytest.mark.skipif(not COMPILED, reason="there is no compiler for these rungs")

FOLDER = Path(ladder.__file__).parent
TOOLS = {"__init__", "available", "assembly", "ceilings", "machine_loops", "stopwatch"}
RUNGS = sorted(path for path in FOLDER.glob("*.py") if path.stem not in TOOLS)
MOST_LINES = 30


def pairs_of(rungs):
    """Return each rung with the one below it, by its name."""
    names = list(rungs)
    pairs = [(rungs[low], rungs[high]) for low, high in pairwise(names)]
    return pytest.mark.parametrize(("below", "rung"), pairs, ids=names[1:])


def whole_numbers(rng, *shape):
    """Return numbers whose sums of products are exact in float32, in any order."""
    return rng.integers(-4, 5, shape).astype(np.float32)


@pairs_of(ladder.products())
@settings(max_examples=12)
@given(rows=st.integers(1, 40), steps=st.integers(1, 60), columns=st.integers(1, 150))
def test_a_rung_of_the_product_is_the_rung_below(below, rung, rows, steps, columns):
    rng = np.random.default_rng([rows, steps, columns])
    a, b = whole_numbers(rng, rows, steps), whole_numbers(rng, steps, columns)
    np.testing.assert_array_equal(rung(a, b), below(a, b))


@pairs_of(ladder.convolutions())
@settings(max_examples=6)
@given(
    images=st.integers(1, 3),
    sizes=st.tuples(st.integers(5, 17), st.integers(5, 17)),
    channels=st.integers(1, 5),
    outputs=st.integers(1, 40),
    taps=st.sampled_from([3, 5]),
)
def test_a_rung_of_the_convolution_is_the_rung_below(
    below, rung, images, sizes, channels, outputs, taps
):
    rng = np.random.default_rng([images, *sizes, channels, outputs, taps])
    x = whole_numbers(rng, images, *sizes, channels)
    w = whole_numbers(rng, taps, taps, channels, outputs)
    got, expected = rung(x, w), below(x, w)
    # Direct sums are exact. Winograd's transforms have halves and quarters, and round: relative to
    # the largest entry their error is at most 1e-5.
    tolerance = 1e-5 if "winograd" in rung.__module__ else 0
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= tolerance * np.abs(expected).max()


def test_the_lowest_rungs_are_the_definitions():
    """A product takes M·K·N multiply-adds, and is NumPy's."""
    rng = np.random.default_rng(0)
    a, b = whole_numbers(rng, 3, 4), whole_numbers(rng, 4, 5)
    np.testing.assert_array_equal(ladder.products()["Python loop"](a, b), a @ b)

    class Counting(float):
        count = 0

        def __mul__(self, other):
            Counting.count += 1
            return float(self) * float(other)

    left = np.array([[Counting(number) for number in row] for row in a], dtype=object)
    np.testing.assert_array_equal(ladder.products()["Python loop"](left, b), a @ b)
    assert Counting.count == 3 * 4 * 5


@pytest.mark.parametrize("path", RUNGS, ids=lambda path: path.stem)
def test_a_rung_is_at_most_thirty_lines_of_code(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = set()
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and not is_text:
            lines |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or isinstance(node, ast.Import | ast.ImportFrom):
            lines -= set(range(node.lineno, (node.end_lineno or 0) + 1))
    code = path.read_text(encoding="utf-8").splitlines()
    count = sum(bool(code[line - 1].strip()) for line in lines)
    assert 0 < count <= MOST_LINES, count


def test_no_rung_is_left_out():
    files = {Path(inspect.getfile(inspect.unwrap(rung))).stem for rung in _functions()}
    parts = {"grids", "tap_panels", "tile"}  # of several rungs
    if COMPILED:
        assert files | parts | {"compiled_loop", "compiled_convolution"} >= {p.stem for p in RUNGS}


def _functions():
    for rung in [*ladder.products().values(), *ladder.convolutions().values()]:
        yield getattr(rung, "py_func", rung)


@compiled
@pytest.mark.parametrize("shape", [(1, 7, 3), (13, 20, 40), (100, 33, 70)])
def test_threads_change_no_bit_of_the_product(shape):
    from scratchvae.course.ladder import threaded_product, tiled_product

    rows, steps, columns = shape
    rng = np.random.default_rng(1)
    a = rng.standard_normal((rows, steps), dtype=np.float32)
    b = rng.standard_normal((steps, columns), dtype=np.float32)
    alone = tiled_product.multiply(a, b)
    for threads in (1, 2, 3, 5):
        np.testing.assert_array_equal(threaded_product.multiply(a, b, threads), alone)


@compiled
def test_the_three_orders_of_the_loops_agree():
    from scratchvae.course.ladder import compiled_loop, loop_order

    rng = np.random.default_rng(2)
    a, b = whole_numbers(rng, 9, 14), whole_numbers(rng, 14, 21)
    for order in (compiled_loop.multiply, loop_order.multiply, loop_order.multiply_by_columns):
        np.testing.assert_array_equal(order(a, b), a @ b)


@compiled
def test_vectors_are_seen_in_machine_code_where_they_are_and_not_where_they_are_not():
    import numba

    from scratchvae.course.ladder.assembly import arithmetic

    def dot(x, y):
        total = np.float32(0)
        for i in range(len(x)):
            total += x[i] * y[i]
        return total

    in_order, in_any = numba.njit(dot), numba.njit(fastmath={"reassoc", "nsz"})(dot)
    with pytest.raises(InputError, match="no machine code yet"):
        arithmetic(in_order)
    x = np.ones(64, np.float32)
    assert in_order(x, x) == in_any(x, x) == 64
    assert arithmetic(in_order).on_vectors < arithmetic(in_any).on_vectors
    assert arithmetic(in_order).on_numbers > 0


def test_the_stopwatch_compares_within_a_round():
    times = take_turns(
        {"once": lambda: sum(range(2000)), "often": lambda: [sum(range(2000)) for _ in range(50)]},
        rounds=3,
        seconds=0.002,
    )
    assert {name: len(each) for name, each in times.seconds.items()} == {"once": 3, "often": 3}
    # Fifty times the work; a machine that is busy with other things may blur that, not undo it.
    assert times.ratio("often", "once") > 5
    assert times.median("once") > 0


@pytest.mark.parametrize("works", [{}, {"x": 3}])
def test_the_stopwatch_refuses_what_cannot_be_timed(works):
    with pytest.raises(InputError):
        take_turns(works)


def test_ceilings_are_measured_and_a_roof_has_two_slopes():
    """On one side the memory limits, on the other the arithmetic."""
    found = ceilings()
    assert {"arithmetic", "memory"} <= found.keys()
    times = take_turns({name: c.work for name, c in found.items()}, rounds=1, seconds=0.001)
    rate = {name: c.amount / times.median(name) for name, c in found.items()}
    ridge = rate["arithmetic"] / rate["memory"]
    for intensity in (ridge / 8, ridge / 2, ridge, 2 * ridge):
        roof = attainable(intensity, rate["arithmetic"], rate["memory"])
        limits = min(rate["memory"] * intensity, rate["arithmetic"])
        assert roof == pytest.approx(limits)
    assert attainable(ridge / 8, rate["arithmetic"], rate["memory"]) == pytest.approx(
        rate["arithmetic"] / 8
    )
