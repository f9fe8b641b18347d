"""What dense and convolution layers share: a linear map with a weight, then a bias.

A layer of this kind is three linear maps: forwards, back to the input, and back to the weight.
"""

from scratchvae import kernels
from scratchvae.layers.base import Activation, FusingLayer
from scratchvae.validation import FloatArray


class Affine(FusingLayer):
    """``y = map(x, weight) + bias``, with one bias for each channel of the last axis.

    With dy the upstream gradient, the bias's gradient is the sum of dy over all but its last axis
    (eq. 2.5 of the lessons).
    A subclass defines the map and its two gradients.
    """

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the map of ``x`` plus the bias."""
        self._x = x
        self._y = kernels.add_bias(self._map(x), self.parameters["bias"].value)
        return self._y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return the gradient at the input, and add to the weight's and the bias's."""
        self.backward_parameters(dy)
        return self._input_gradient(dy)

    def backward_parameters(self, dy: FloatArray) -> None:
        """Add to the weight's and the bias's gradient alone."""
        self.backward_weight(dy)
        kernels.sum_rows(dy, self.parameters["bias"].grad)

    def forward_without_bias(self, x: FloatArray) -> FloatArray:
        """Return the map of ``x``, for a batch norm that takes the bias into account."""
        self._x = x
        self._y = self._map(x)
        return self._y

    def backward_without_bias(self, dy: FloatArray) -> FloatArray:
        """Do as ``backward`` but leave the bias's gradient to the batch norm."""
        self.backward_weight(dy)
        return self._input_gradient(dy)

    def backward_weight(self, dy: FloatArray) -> None:
        """Add to the weight's gradient alone."""
        x = self._remembered("_x")
        self._check_upstream(dy, self._y)
        self._add_weight_gradient(x, dy)

    def forward_fused(self, x: FloatArray, training: bool, then: Activation) -> FloatArray:
        """Return the activation of the output, applied as the bias is added."""
        self._x = x
        bias = self.parameters["bias"].value
        self._y = then.y = kernels.add_bias(self._map(x), bias, then.kind, then.alpha)
        return self._y

    def backward_fused(self, dy: FloatArray, then: Activation) -> FloatArray:
        """Go back through the activation, summing for the bias on the way, then the map."""
        return self._input_gradient(self._pull(dy, then))

    def backward_parameters_fused(self, dy: FloatArray, then: Activation) -> None:
        """Do as ``backward_fused`` but leave out the gradient at the input."""
        self._pull(dy, then)

    def _pull(self, dy: FloatArray, then: Activation) -> FloatArray:
        x = self._remembered("_x")
        self._check_upstream(dy, self._y)
        out = self._empty("pulled", dy.shape, dy.dtype)
        total = self.parameters["bias"].grad
        pulled = kernels.activation_backward_and_sum(then.kind, dy, self._y, total, then.alpha, out)
        self._add_weight_gradient(x, pulled)
        return pulled

    def _map(self, x: FloatArray) -> FloatArray:
        """Check ``x`` and return the map without its bias, in an array of the layer's own."""
        raise NotImplementedError

    def _input_gradient(self, dy: FloatArray) -> FloatArray:
        """Return the map read backwards: the gradient at the input."""
        raise NotImplementedError

    def _add_weight_gradient(self, x: FloatArray, dy: FloatArray) -> None:
        """Add the gradient at the weight to its ``grad``."""
        raise NotImplementedError
