"""The equations of lesson 24, "Discrete latents", each against numbers got another way."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.cluster.vq import vq
from scipy.special import log_softmax

from scratchvae.course.program import (
    causal_masks,
    code_nats,
    codebook_gradient,
    nearest_codes,
    straight_through,
)
from scratchvae.layers import MaskedDense, VectorQuantiser

RNG = np.random.default_rng(0)
Z, BOOK = RNG.standard_normal((12, 3)), RNG.standard_normal((5, 3))


def slopes(function, array, step=1e-5):
    found = np.empty_like(array)
    for place in np.ndindex(array.shape):
        start = array[place]
        array[place] = start + step
        right = function()
        array[place] = start - step
        found[place] = (right - function()) / (2 * step)
        array[place] = start
    return found


def test_nearest_code():
    """eq. 24.1: the package's and the reader's are SciPy's vector quantisation."""
    expected, _ = vq(Z, BOOK)
    np.testing.assert_array_equal(nearest_codes(Z, BOOK), expected)
    layer = VectorQuantiser(5, 3, dtype=np.float64)
    layer.parameters["codebook"].value[...] = BOOK
    np.testing.assert_array_equal(layer.nearest(Z)[:, 0], expected)


def test_stopped_gradients_and_straight_through():
    """eq. 24.2, eq. 24.3: they are the slopes of the loss with everything stopped held."""
    codes = nearest_codes(Z, BOOK)
    y, count, beta = BOOK[codes], 4, 0.7
    held_z, held_y, weights = Z.copy(), y.copy(), RNG.standard_normal(Z.shape)

    def reconstruction(y):
        return (weights * np.sin(y)).sum() / count

    z = Z.copy()

    def held():
        commitment = ((z - held_y) ** 2).sum()
        return reconstruction(z + held_y - held_z) + beta * commitment / count

    dy = weights * np.cos(y) / count
    # A difference of step 1e-5 in float64 has errors of about 1e-10.
    np.testing.assert_allclose(
        straight_through(dy, Z, y, beta, count), slopes(held, z), rtol=1e-7, atol=1e-9
    )

    def itself():
        return reconstruction(BOOK[nearest_codes(z, BOOK)])

    assert not slopes(itself, z).any()  # a staircase


def test_gradient_of_the_codes_and_where_they_rest():
    """eq. 24.4: the slope of the codebook loss; zero where each code is the mean of its cell."""
    codes, book, count = nearest_codes(Z, BOOK), BOOK.copy(), 4

    def loss():
        return ((Z - book[codes]) ** 2).sum() / count

    np.testing.assert_allclose(
        codebook_gradient(Z, codes, book, count), slopes(loss, book), rtol=1e-7, atol=1e-9
    )
    for code in np.unique(codes):
        book[code] = Z[codes == code].mean(axis=0)
    np.testing.assert_allclose(codebook_gradient(Z, codes, book, count), 0, atol=1e-14)


def test_a_certain_code_costs_minus_the_log_of_its_prior():
    """eq. 24.5: SciPy's relative entropy."""
    prior = RNG.dirichlet(np.ones(6))
    for code in range(6):
        certain = np.eye(6)[code]
        assert stats.entropy(certain, prior) == pytest.approx(-np.log(prior[code]))


def made_logits(places=3, count=4, hidden=7):
    """Return all words of codes and their logits under a masked network."""
    masks = causal_masks(places, count, hidden)
    layers = [MaskedDense(mask, rng=n, dtype=np.float64) for n, mask in enumerate(masks)]
    words = np.array([*itertools.product(range(count), repeat=places)])
    rows = np.eye(count)[words].reshape(len(words), -1)
    logits = layers[1].forward(np.tanh(8 * layers[0].forward(rows)))
    return words, 4 * logits.reshape(len(words), places, count)


def test_chain_rule_over_the_places():
    """eq. 24.6: the factors are the conditionals of one table, by adding up its entries."""
    words, logits = made_logits()
    table = np.exp(-code_nats(words, logits)[0]).reshape(4, 4, 4)
    assert table.sum() == pytest.approx(1)
    first = table.sum(axis=(1, 2))
    second = table.sum(axis=2) / first[:, None]
    shares = np.exp(log_softmax(logits, axis=-1)).reshape(4, 4, 4, 3, 4)
    np.testing.assert_allclose(shares[0, 0, 0, 0], first, rtol=1e-10)
    np.testing.assert_allclose(shares[:, 0, 0, 1], second, rtol=1e-10)


def test_nats_of_codes_and_their_gradient():
    """eq. 24.7, eq. 24.8: SciPy's log-softmax, and finite differences."""
    codes, logits = RNG.integers(5, size=(4, 3)), RNG.standard_normal((4, 3, 5))
    nats, gradient = code_nats(codes, logits)
    chosen = np.take_along_axis(log_softmax(logits, axis=-1), codes[..., None], axis=-1)
    np.testing.assert_allclose(nats, -chosen.sum(axis=(1, 2)))
    found = slopes(lambda: code_nats(codes, logits)[0].sum(), logits)
    np.testing.assert_allclose(gradient, found, atol=1e-9)


def test_masked_layer():
    """eq. 24.9: each of its three products, entry by entry."""
    mask = RNG.random((4, 3)) < 0.6
    layer = MaskedDense(mask, rng=0, dtype=np.float64)
    weight, bias = layer.parameters["weight"].value, layer.parameters["bias"].value
    x, dy = RNG.standard_normal((2, 4)), RNG.standard_normal((2, 3))
    y, dx = layer.forward(x), layer.backward(dy)
    for n, o in np.ndindex(2, 3):
        assert y[n, o] == pytest.approx(
            bias[o] + sum(x[n, i] * weight[i, o] for i in range(4) if mask[i, o])
        )
    for n, i in np.ndindex(2, 4):
        assert dx[n, i] == pytest.approx(
            sum(dy[n, o] * weight[i, o] for o in range(3) if mask[i, o])
        )
    for i, o in np.ndindex(4, 3):
        expected = (x[:, i] * dy[:, o]).sum() if mask[i, o] else 0
        assert layer.parameters["weight"].grad[i, o] == pytest.approx(expected)


@pytest.mark.parametrize(("places", "width", "hidden"), [(2, 3, 1), (4, 2, 9), (5, 1, 4)])
def test_masks(places, width, hidden):
    """eq. 24.10: paths lead from each place to all later ones, and to no other."""
    first, second = causal_masks(places, width, hidden)
    assert (first.shape, second.shape) == ((places * width, hidden), (hidden, places * width))
    paths = (first @ second).reshape(places, width, places, width).max(axis=(1, 3)) > 0
    np.testing.assert_array_equal(paths, np.triu(np.ones((places, places)), 1) > 0)
