"""Gradient checking: whether the backward pass is the derivative of the forward pass.

``gradcheck`` takes a layer or a model, ``gradcheck_functions`` a pair of functions, and
``check_gradients`` any function whose gradients are known. Each compares them with finite
differences, and where they differ its report says what is probably wrong.

What a gradient check cannot see is a forward pass that computes the wrong thing and differentiates
it correctly: see ``scratchvae.checks.distributions``.
"""

from scratchvae.checks.gradients.check import gradcheck, gradcheck_functions
from scratchvae.checks.gradients.comparison import check_gradients
from scratchvae.checks.gradients.curve import ErrorCurve, error_curve
from scratchvae.checks.gradients.layer_target import is_smooth
from scratchvae.checks.gradients.report import GradientReport

__all__ = [
    "ErrorCurve",
    "GradientReport",
    "check_gradients",
    "error_curve",
    "gradcheck",
    "gradcheck_functions",
    "is_smooth",
]
