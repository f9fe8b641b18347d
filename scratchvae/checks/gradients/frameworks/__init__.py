"""What people have in PyTorch and in JAX, as targets of a gradient check.

Neither is imported here: who hands over an object of a framework has imported it, and it is taken
from ``sys.modules``. The gradients are the framework's, or those that the user wrote for it; the
slopes that they are compared with come from the same passes and the same NumPy as for a layer.
"""

import sys
from collections.abc import Sequence
from typing import Any

from scratchvae.checks.gradients.frameworks.jax_target import jax_target
from scratchvae.checks.gradients.frameworks.pytorch_target import pytorch_target
from scratchvae.checks.gradients.target import Target


def framework_target(owner: Any, inputs: Sequence[Any], training: bool | None) -> Target | None:
    """Return what belongs to PyTorch or JAX as a target; ``None`` if it belongs to neither."""
    for name, target_in in (("torch", pytorch_target), ("jax", jax_target)):
        framework = sys.modules.get(name)
        if framework is not None:
            target = target_in(framework, owner, inputs, training)
            if target is not None:
                return target
    return None


def wants_own_arrays(error: Exception) -> bool:
    """Whether a function failed as one of PyTorch or JAX does that is given arrays of NumPy.

    PyTorch's refuse these; JAX's take them, and turn them into float32.
    """
    return ("torch" in sys.modules and "must be Tensor" in str(error)) or (
        "jax" in sys.modules and "was given float64 and returned float32" in str(error)
    )
