"""How whole passes of a network are made fast; layers and models know nothing of it.

A network's forward and backward pass become a *plan*: lists of calls of compiled kernels on arrays
that stay where they are (see ``kernels.machine.tasks``). Shapes are checked, memory is laid out and
work is cut up once for each shape of a batch; what is left for each step is to run the lists.
Neighbours share passes over memory: a dense or convolution layer, the batch norm after it, and the
activation after that.

A round of passes has a double of the model, whose networks run as plans; everything else in it is
the model's own. In training, each pass of a usual VAE is one such list, likelihood and KL included:
see ``vae``. Layers of a class that the engine does not know run their own ``forward`` and
``backward`` in their place, on arrays of their own. So a model can be looked at while it trains:
who looks has another double, with memory of its own.

``SCRATCHVAE_ENGINE=off`` runs all layers as they are written, and so does the NumPy backend. Losses
and gradients are the same to rounding.
"""

from scratchvae.engine.engine import Engine, looking_at
from scratchvae.engine.turns import trained_by

__all__ = ["Engine", "looking_at", "trained_by"]
