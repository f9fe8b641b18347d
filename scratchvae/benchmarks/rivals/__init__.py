"""The frameworks that the training steps are measured against.

Each says our models in its own terms: the same layers, weights, loss and Adam, as one would write
them there. Each is imported only on request.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from scratchvae.benchmarks.rivals import jax_model, torch_model
from scratchvae.models import VAE
from scratchvae.validation import FloatArray

Ways = dict[str, dict[str, bool]]
"""Options of a rival's model by what they are called; the plain ones come first."""


class RivalModel(Protocol):
    """A VAE of ours in a framework, with an optimiser, its weights copied from ours."""

    def images(self, x: FloatArray) -> Any:
        """Return images (N, H, W, C) as the framework has them."""

    def step(self, images: Any, eps: FloatArray | None = None) -> float:
        """Take one step on what ``images`` returned, and return the loss before it.

        ``eps`` are draws from N(0, I), (N, D); ``None`` draws new ones, as training does.
        """

    def evaluate(self, images: Any, eps: FloatArray) -> float:
        """Return the loss of what ``images`` returned, without its gradients."""


@dataclass(frozen=True)
class Rival:
    """A framework.

    Attributes
    ----------
    name, title
        Of the package, and in a sentence.
    packages
        Whose versions matter.
    check
        Raises ``InputError`` unless the framework is installed.
    threads
        Within this, it uses that many threads.
    model
        A ``VAE``, a learning rate and options, to what trains it there.
    ways
        A model, and whether to be thorough, to the configurations worth measuring.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    check: Callable[[], object]
    threads: Callable[[int], AbstractContextManager[None]]
    model: Callable[..., RivalModel]
    ways: Callable[[VAE, bool], Ways]


RIVALS = {
    "torch": Rival(
        "torch",
        "PyTorch",
        ("torch",),
        torch_model.import_torch,
        torch_model.torch_threads,
        torch_model.TorchModel,
        torch_model.torch_ways,
    ),
    "jax": Rival(
        "jax",
        "JAX",
        ("jax", "jaxlib"),
        jax_model.import_jax,
        jax_model.jax_threads,
        jax_model.JaxModel,
        jax_model.jax_ways,
    ),
}
