"""The gradient check as an assertion, for tests of your own.

In a file that pytest runs::

    import numpy as np
    from scratchvae.testing import assert_gradients

    def test_the_backward_pass_is_the_derivative():
        x = np.random.default_rng(0).standard_normal((4, 5))
        assert_gradients(MyLayer(5, 3), x)

A test that fails shows the table of ``scratchvae.gradcheck``, with the likely cause.
"""

from typing import Any

from scratchvae.checks.gradients import gradcheck, gradcheck_functions


def assert_gradients(
    target: Any, *inputs: Any, allow_unchecked: bool = False, **options: Any
) -> None:
    """Raise ``AssertionError`` unless a backward pass is the derivative of its forward pass.

    Parameters
    ----------
    target
        All that ``gradcheck`` takes: a layer or a model; a ``torch.autograd.Function``, a
        ``torch.nn.Module``, a function of tensors; a function of JAX. Or a pair of functions, as in
        ``assert_gradients((forward, backward), x, w)``, which ``gradcheck_functions`` checks.
    inputs
        What it is called with.
    allow_unchecked
        Whether it is all right that the output depends on arrays that were not checked: weights
        that are not among the parameters, frozen ones, constants.
    options
        Those of ``gradcheck`` or ``gradcheck_functions``: ``training``, ``tolerance``, ….

    Raises
    ------
    AssertionError
        With the report as its message, if a gradient is wrong or an array was not checked.
    InputError
        As for ``gradcheck``.
    """
    __tracebackhide__ = True  # pytest then points at the line of the test
    pair = isinstance(target, tuple) and len(target) == 2
    if pair:
        report = gradcheck_functions(*target, *inputs, **options)
    else:
        report = gradcheck(target, *inputs, **options)
    if not report.passed:
        raise AssertionError(f"the gradients are wrong\n{report}")
    if report.unseen and not allow_unchecked:
        names = ", ".join(array.name for array in report.unseen)
        raise AssertionError(
            f"the output depends on arrays that were not checked: {names}; check them, or say "
            f"allow_unchecked=True\n{report}"
        )
