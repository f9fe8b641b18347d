"""The vector quantiser: each vector is replaced by the nearest one of a codebook.

Dimensions: N examples of P vectors of D numbers each, K codes. The kernels are defined in
``kernels/reference.py``.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.held import check_held
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import Parameter
from scratchvae.randomness import generator
from scratchvae.validation import (
    FloatArray,
    as_array,
    check_array,
    check_count,
    check_floats,
    remembered_output,
)


class VectorQuantiser(Layer):
    """``y = e[k]`` for each vector of x, with k = argminⱼ ‖x − e[j]‖² (eq. 24.1 of the lessons).

    As a function of x this is constant but for its jumps: its derivative is 0, and nothing in front
    of it would learn. So ``backward`` is *not* the derivative. It passes the gradient straight
    through, dx = dy, as if y were x (eq. 24.3), and a gradient check of this layer must fail. Nor
    does ``backward`` teach the codebook, whose gradient is that of a loss of its own: see ``pull``.
    Source: van den Oord, Vinyals and Kavukcuoglu, "Neural discrete representation learning" (2017).

    Parameters
    ----------
    codes, code_dim
        K and D.
    rng, dtype
        As for ``Dense``.

    Attributes
    ----------
    parameters
        ``"codebook"`` e of shape (K, D), drawn uniformly from ±1/K.
    """

    smooth = False

    def __init__(
        self,
        codes: int,
        code_dim: int,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype)
        self.codes = check_count(codes, "codes", 1, 1 << 16)
        self.code_dim = check_count(code_dim, "code_dim", 1, 1 << 16)
        drawn = generator(rng).uniform(-1 / codes, 1 / codes, (codes, code_dim))
        self.parameters = {"codebook": Parameter(drawn.astype(self.dtype))}

    def nearest(self, x: FloatArray) -> NDArray[np.int64]:
        """Return the number of the code nearest to each vector: (N, P·D) to (N, P).

        ‖x − e‖² = ‖x‖² − 2 x·e + ‖e‖², and ‖x‖² is the same for every e. Of codes that are equally
        near it is the first.
        """
        e = self._codebook()
        vectors = self._vectors_in(x)  # (N·P, D)
        products = kernels.matmul_transposed_right(vectors, e)  # x·e, (N·P, K)
        distances = 0.5 * (e * e).sum(axis=1) - products
        nearest: NDArray[np.int64] = distances.argmin(axis=1)
        return nearest.reshape(len(x), x.shape[1] // self.code_dim)

    def vectors(self, codes: NDArray[Any]) -> FloatArray:
        """Return the vectors of ``codes``: (N, P) to (N, P·D)."""
        codes = self.check_codes(codes)
        found: FloatArray = self._codebook()[codes]  # (N, P, D)
        return found.reshape(len(codes), codes.shape[1] * self.code_dim)

    def pull(self, codes: NDArray[Any], d_vectors: FloatArray) -> None:
        """Add the gradients of vectors to those of the codes that they are: (N, P·D) for (N, P).

        A code may stand in many places, and its gradients sum: eq. 24.4 of the lessons.
        """
        codes, grad = self.check_codes(codes), self.parameters["codebook"].grad
        shape = (len(codes), codes.shape[1] * self.code_dim)
        check_array(d_vectors, "d_vectors", shape, self.dtype)
        # A row of ones at the codes, times the gradients: a sum over the places of each code.
        places = np.eye(self.codes, dtype=self.dtype)[codes.ravel()]  # (N·P, K)
        grad += kernels.matmul_transposed_left(places, d_vectors.reshape(-1, self.code_dim))

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the nearest code of each vector, (N, P·D) as ``x``."""
        self.y = self.vectors(self.nearest(x))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` itself: the straight-through estimator."""
        remembered_output(self, dy)
        return dy

    def check_codes(self, codes: Any) -> NDArray[np.int64]:
        """Return ``codes`` (N, P) as whole numbers; ``InputError`` unless each is in the book."""
        found = as_array(codes, "codes")
        whole = found.size == 0 or bool(
            ((found >= 0) & (found < self.codes) & (found == np.rint(found))).all()
        )
        if found.ndim != 2 or not whole:
            raise InputError(
                f"codes must be whole numbers from 0 to {self.codes - 1} of shape (N, P), not "
                f"{found.dtype} of shape {found.shape}: take them from nearest, or from encode"
            )
        return found.astype(np.int64)

    def _codebook(self) -> FloatArray:
        """Return e, (K, D), or raise ``InputError`` if it was replaced by one that does not fit."""
        check_held(self, self.parameters, codebook=(self.codes, self.code_dim))
        return self.parameters["codebook"].value

    def _vectors_in(self, x: FloatArray) -> FloatArray:
        """Return x (N, P·D) as (N·P, D), or raise ``InputError`` if it does not fit."""
        check_floats(x, "VectorQuantiser: x", self.dtype)
        if x.ndim != 2 or x.shape[1] == 0 or x.shape[1] % self.code_dim:
            raise InputError(
                f"VectorQuantiser: x must be of shape (N, P * {self.code_dim}), vectors of "
                f"{self.code_dim} numbers one after the other, not {x.shape}: change the layer "
                "before it"
            )
        return x.reshape(-1, self.code_dim)

    def __repr__(self) -> str:
        return f"VectorQuantiser({self.codes}, {self.code_dim})"
