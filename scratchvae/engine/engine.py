"""The engine: a model's double, whose networks run as plans."""

import threading
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from scratchvae import kernels
from scratchvae.kernels.machine.arena import Arena
from scratchvae.layers import Layer
from scratchvae.layers.sequential import twin
from scratchvae.validation import chosen_by_variable


class Engine:
    """What runs the passes of one model for a trainer, or for a thread that looks at the model.

    ``keeps`` says that backward passes may follow the forward passes.
    """

    def __init__(self, *, keeps: bool) -> None:
        self._keeps = keeps
        self._on = is_on()
        self._double: Any = None
        self._networks: dict[str, Any] = {}
        self._state: dict[str, Any] = {}
        self._replaced: set[str] = set()
        self._arena = Arena()
        self._adam: Any = None
        self._vae: Any = None  # the whole passes of a double that has them
        self._stands = False  # whether the round's double is that of the last round, as it was
        self._left: list[str] | None = None  # what passes leave in the present double
        self._collected: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None

    def double(self, model: Any) -> Any:
        """Begin a round of passes: return the model's double, or the model where it has none.

        The double has all that the model has at this moment, but its networks run as plans (or,
        with the engine off, are twins of the model's), and its likelihood writes where it wrote in
        the round before. What its passes leave in it (terms of the loss, what a backward pass
        needs) stays with it; what they return is to be used before the next round.
        """
        self._stands = self._vae is not None and self._vae.begin_again(model)
        if self._stands:
            return self._double
        self._left, self._collected, facts = None, None, self._facts_of(model)
        if not self._has_double(model):
            self._double = self._vae = None
            return model
        if type(self._double) is not type(model):
            self._double = object.__new__(type(model))
        own = vars(self._double)
        state = self._state = dict(vars(model))  # another thread may add to it
        own.clear()
        own.update(state)
        # Somebody else's class may keep what its networks return.
        copies = not type(model).__module__.startswith("scratchvae.")
        self._arena.rewind()
        self._replaced = {"_pass"}  # of other networks than the model's own
        for name, value in state.items():
            if isinstance(value, Layer):
                own[name] = self._planned(name, value, copies) if self._on else twin(value)
            elif not copies and type(value).__module__ == "scratchvae.probability.likelihoods":
                own[name] = _PlannedLikelihood(value, self._arena)
            else:
                continue
            self._replaced.add(name)
        if self._on and self._keeps and not copies:
            own["zero_grad"] = self._zero_grad
            self._replaced.add("zero_grad")
        if facts is None:
            self._vae = None
            return self._double
        from scratchvae.engine.vae import VAEPasses

        self._vae = self._vae or VAEPasses()
        self._vae.begin(model, self._double, facts)
        for name in ("forward", "zero_grad", "backward"):
            own[name] = getattr(self._vae, name)
            self._replaced.add(name)
        return self._double

    def _facts_of(self, model: Any) -> Any:
        """Return what whole passes take for granted of a model, if it is one that can have them."""
        if not (self._on and self._keeps):
            return None
        from scratchvae.engine.vae import facts_of

        return facts_of(model)

    def arrays(self, model: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return a model's parameters and buffers, which are collected anew if they may be others.

        To be called in a round, after ``double``.
        """
        if self._collected is None:
            self._collected = model.parameters, model.buffers
        return self._collected

    def _has_double(self, model: Any) -> bool:
        # As they are written, layers train the model itself.
        if not hasattr(type(model), "networks") or (self._keeps and not self._on):
            return False
        for name, value in list(vars(model).items()):
            if callable(value) and callable(getattr(type(model), name, None)):
                return False  # a method of this one model's own, which knows of no double
        return True

    def hand_back(self, model: Any) -> None:
        """Give the model what a double's passes have left in attributes of its class's own."""
        if self._double is None:
            return
        own, handed = vars(self._double), vars(model)
        if self._left is None:
            state, replaced = self._state, self._replaced
            self._left = [
                name
                for name, value in own.items()
                if name not in replaced and value is not state.get(name)
            ]
        for name in self._left:
            handed[name] = own[name]

    def _zero_grad(self) -> None:
        for network in self._double.networks.values():
            network.zero_grad()

    def settle(self) -> None:
        """Leave no gradient of an earlier round: backward passes may have been left out."""
        if self._double is not None:
            for network in self._networks.values():
                network.settle()

    def step(self, optimiser: Any, adam: bool) -> None:
        """Take an optimiser's step; ``adam`` says that it is the package's own Adam."""
        self.settle()
        if not (self._on and adam):
            optimiser.step()
            return
        from scratchvae.engine.adam import AdamPlan

        self._adam = self._adam or AdamPlan()
        self._adam.step(optimiser, same=self._stands)

    def _planned(self, name: str, network: Layer, copies: bool) -> Layer:
        from scratchvae.engine.network import PlannedNetwork

        planned = self._networks.get(name)
        if planned is None or planned.network is not network:
            planned = self._networks[name] = PlannedNetwork(network, self._keeps, copies)
        planned.rewind()
        return planned


def is_on() -> bool:
    """Tell whether passes run as plans: the variable is not ``off``, and kernels are compiled."""
    return chosen_by_variable("SCRATCHVAE_ENGINE") == "on" and kernels.BACKEND == "numba"


class _PlannedLikelihood:
    """A likelihood of the package, whose results stand where they stood in the last round."""

    def __init__(self, likelihood: Any, arena: Arena) -> None:
        self._likelihood, self._arena = likelihood, arena

    def negative_log_likelihood(self, x: Any, decoded: Any) -> Any:
        with self._arena:
            return self._likelihood.negative_log_likelihood(x, decoded)

    def gradient(self, x: Any, decoded: Any) -> Any:
        with self._arena:
            return self._likelihood.gradient(x, decoded)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_likelihood"], name)


class _OfThread(threading.local):
    """Each thread's engines for looking at models: two threads do not share working memory."""

    def __init__(self) -> None:
        self.engines: WeakKeyDictionary[Any, Engine] = WeakKeyDictionary()


_of_thread = _OfThread()


def looking_at(model: Any) -> Any:
    """Return a double of the model for forward passes in this thread, without a backward pass."""
    engine = _of_thread.engines.get(model)
    if engine is None:
        engine = _of_thread.engines[model] = Engine(keeps=False)
    return engine.double(model)
