"""A VAE's passes in training, each of them one program.

What it runs is what ``models/vae.py`` says, with the same equations: the encoder's plan, the
latents and their KL, the decoder's plan, the likelihood; and back. A VAE that is anything but usual
(several draws, a likelihood or a layer that is not known) runs its own ``forward`` and ``backward``
instead, and so does what does not fit, to be refused there.
"""

from typing import Any

import numpy as np

from scratchvae.engine.facts import Facts
from scratchvae.engine.plan import Plan
from scratchvae.kernels.machine.tasks import Program
from scratchvae.kernels.machine.threads import get_threads
from scratchvae.kernels.passes.bernoulli import (
    bernoulli_cross_entropy_sum_tasks,
    bernoulli_gradient_tasks,
)
from scratchvae.kernels.passes.gaussian import gaussian_gradient_tasks, squared_distances_tasks
from scratchvae.kernels.passes.latents import latents_backward_tasks, latents_forward_tasks
from scratchvae.layers import LogSoftplus, Sequential
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    kl_to_standard,
    kl_to_standard_gradients,
    reparameterise,
    reparameterise_backward,
)
from scratchvae.validation import FloatArray
from scratchvae.written import PASSES, is_as_written

_METHODS = {
    *("forward", "backward", "encode_distribution", "encode_backward"),
    *("decode_parameters", "decode_backward", "_mean_loss", "_last_pass"),
    *("negative_log_likelihood", "likelihood_gradient", "through", "back_through"),
}
_FORMULAS = (kl_to_standard, kl_to_standard_gradients, reparameterise, reparameterise_backward)


def facts_of(model: Any) -> Facts | None:
    """Return what makes a model a `VAE` as it is written; ``None`` if it is anything else.

    Neither may it be of a class derived from that, nor may any of its formulas have been replaced.
    """
    kind, facts = type(model), Facts()
    if (kind.__module__, kind.__qualname__) != ("scratchvae.models.vae", "VAE"):
        return None
    for name in _METHODS:
        written = getattr(getattr(kind, name), "__globals__", {})
        if written.get("__package__") != "scratchvae.models":
            return None
    facts.add_attributes(kind, *_METHODS)
    written = kind.forward.__globals__
    facts.add(written, *(formula.__name__ for formula in _FORMULAS))
    for part in (model, model.likelihood, model.variance_head):
        facts.add_all(vars(part), but=("terms",))  # those are new after each step
        facts.add(vars(type(part)), *PASSES)
    is_written = all(written.get(formula.__name__) is formula for formula in _FORMULAS)
    return facts if is_written else None


class VAEPasses:
    """The ``forward``, ``zero_grad`` and ``backward`` of a VAE's double."""

    def __init__(self) -> None:
        self._plans: dict[tuple[Plan, Plan], _VAEPlan] = {}
        self._plan: _VAEPlan | None = None  # that runs in this round
        self._last: _VAEPlan | None = None  # and that of the last batch, with what it was like
        self._key: tuple[Any, ...] | None = None

    def begin(self, model: Any, double: Any, facts: Facts) -> None:
        """Begin a round with a new double of a model of which these are the facts."""
        self._model, self._double, self._facts = model, double, facts
        self._networks = (double.encoder, double.decoder, double.variance_head)
        self._learning = [network for network in double.networks.values() if network.parameters]
        self._plan, self._key = None, None

    def begin_again(self, model: Any) -> bool:
        """Begin a round with the double of the last one, if its model is as it was; tell if so."""
        if self._plan is None or model is not self._model or not self._facts.hold():
            return False
        if not all(network.is_as_read() for network in self._networks):
            return False
        self._plan = None
        return True

    def forward(
        self, x: FloatArray, eps: FloatArray, training: bool = False, **condition: Any
    ) -> Any:
        """Do what ``VAE.forward`` does."""
        model = self._double
        self._plan = None if condition else self._known(x, eps, training)
        if self._plan is None:
            return model.forward(x, eps, training, **condition)
        nll, kl = self._plan.forward(x, eps)
        beta = model.kl_weight * model.beta
        return model._mean_loss(nll, kl, beta, model.reconstruction_weight)  # eq. 12.2

    def zero_grad(self) -> None:
        """Do what ``VAE.zero_grad`` does, or leave it to the backward pass."""
        for network in self._learning:
            network.zero_grad()

    def backward(self) -> None:
        """Do what ``VAE.backward`` does."""
        model = self._double
        if self._plan is None:
            model.backward()
            return
        encoder, decoder, _ = self._networks
        overwrites = encoder.overwrites and decoder.overwrites
        if not overwrites:
            encoder.settle()
            decoder.settle()
        encoder.overwrites = decoder.overwrites = False
        self._plan.backward(model.kl_weight * model.beta, accumulate=not overwrites)

    def _known(self, x: FloatArray, eps: FloatArray, training: bool) -> "_VAEPlan | None":
        """Return the last batch's plan if that was like this one, and the model is as it was."""
        like = [getattr(array, name, None) for array in (x, eps) for name in ("shape", "dtype")]
        key = *like, training, get_threads()
        if key != self._key:
            self._last = self._planned(x, eps, training)
            self._key = None if self._last is None else key
        return self._last

    def _planned(self, x: FloatArray, eps: FloatArray, training: bool) -> "_VAEPlan | None":
        """Return the plan for a batch and its noise, or ``None`` if it is not for a plan."""
        model, (encoder, decoder, head) = self._double, self._networks
        likelihood, weight = self._model.likelihood, model.reconstruction_weight
        count, latents = len(x), model.latent_dim
        if not (
            _is_plain(head.network, LogSoftplus, Sequential)
            and not getattr(head.network, "layers", ())
            and _is_plain(likelihood, BernoulliLikelihood, GaussianLikelihood)
            and isinstance(x, np.ndarray)
            and isinstance(eps, np.ndarray)
            and (eps.shape, eps.dtype) == ((1, count, latents), x.dtype)
            and x.shape == (count, *model.image_shape)
            and count > 0 < weight / count  # by which a variance is divided
        ):
            return None
        encoder.follow()
        decoder.follow()
        first = encoder.plan(x, training)
        if first is None or first.y.shape != (count, 2 * latents) or True not in first.learns:
            return None
        second = decoder.plan(eps[0], training)
        if second is None or second.y.shape != x.shape:
            return None
        plan = self._plans.get((first, second))
        # Attributes that may be assigned: what the plan was made with must be what they are now.
        attributes = [getattr(likelihood, name, None) for name in ("variance", "include_constant")]
        settings = likelihood, *attributes, getattr(head.network, "floor", None), weight
        if plan is None or plan.settings != settings:
            # What a network has given up is not kept here either.
            kept = [key for key in self._plans if encoder.has(key[0]) and decoder.has(key[1])]
            plan = _VAEPlan(first, second, *settings)
            self._plans = {key: self._plans[key] for key in kept} | {(first, second): plan}
        return plan


def _is_plain(thing: Any, *kinds: type) -> bool:
    """Tell whether a layer or likelihood is of these very classes, with their own passes."""
    return type(thing) in kinds and is_as_written(thing)


class _VAEPlan:
    """The two programs of a VAE for one shape of batch."""

    def __init__(
        self,
        encoder: Plan,
        decoder: Plan,
        likelihood: Any,
        variance: float | None,
        includes_constant: bool | None,
        floor: float | None,
        weight: float,
    ) -> None:
        self.settings = likelihood, variance, includes_constant, floor, weight
        self._encoder, self._decoder, self._likelihood = encoder, decoder, likelihood
        self._floor, self._weight = floor, weight / len(encoder.x)
        z, (count, dtype) = decoder.x, (len(encoder.x), encoder.x.dtype)
        eps = np.empty((1, *z.shape), dtype)
        self._inputs = (encoder.x, eps)
        self._read: tuple[FloatArray, ...] = self._inputs  # where a forward pass found them
        self._log_variance, self._kl_weight = np.empty(z.shape, dtype), np.empty(1, dtype)
        self._sums, self._kl = np.empty(count, dtype), np.empty(count, dtype)
        resources, images = encoder.resources, (encoder.x, decoder.y)
        pixels = decoder.y.size // count
        self._constant = likelihood.constant(pixels) if includes_constant else 0.0
        self._latents = encoder.y, eps[0], self._log_variance
        if isinstance(likelihood, BernoulliLikelihood):
            scores = bernoulli_cross_entropy_sum_tasks(resources, *images, self._sums)
        else:
            weight = 0.5 / likelihood.variance
            scores = squared_distances_tasks(resources, *images, self._sums, weight)
        latents = latents_forward_tasks(resources, *self._latents, z, self._kl, floor)
        tasks = [*encoder.tasks, *latents, *decoder.tasks, *scores]
        self._forward = Program(tasks, resources.threads, self._inputs)
        self._back: dict[bool, Program] = {}

    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each image's negative log-likelihood and KL, (N,) both."""
        self._read = self._forward.run(x, eps)
        return self._sums + self._constant, self._kl.copy()

    def backward(self, beta: float, accumulate: bool) -> None:
        """Write the gradients of the last forward pass's loss, or add to what is there."""
        if accumulate not in self._back:
            self._back[accumulate] = self._backward(accumulate)
        for grad in () if accumulate else (*self._encoder.summed, *self._decoder.summed):
            grad[...] = 0
        self._kl_weight[0] = beta / len(self._kl)
        self._back[accumulate].run(*self._read)

    def _backward(self, accumulate: bool) -> Program:
        encoder, decoder, likelihood = self._encoder, self._decoder, self._likelihood
        resources, images = encoder.resources, (encoder.x, decoder.y, decoder.dy)
        if isinstance(likelihood, BernoulliLikelihood):
            tasks = bernoulli_gradient_tasks(resources, *images, self._weight)  # eq. 11.3, eq. 12.4
        else:
            tasks = gaussian_gradient_tasks(resources, *images, likelihood.variance / self._weight)
        through_decoder, dz = decoder.backward_tasks(wants_dx=True, accumulate=accumulate)
        assert dz is not None
        hidden, eps, log_variance = self._latents
        through_latents = latents_backward_tasks(  # eq. 12.7 and eq. 12.8
            *(resources, dz, hidden, log_variance, eps, self._kl_weight, encoder.dy, self._floor)
        )
        through_encoder, _ = encoder.backward_tasks(wants_dx=False, accumulate=accumulate)
        tasks = [*tasks, *through_decoder, *through_latents, *through_encoder]
        return Program(tasks, resources.threads, self._inputs)
