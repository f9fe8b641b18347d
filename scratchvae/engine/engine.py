"""The engine: a model's double, whose networks run as plans."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from scratchvae import kernels
from scratchvae.engine.turns import alone_with
from scratchvae.engine.twins import twin
from scratchvae.errors import InputError
from scratchvae.kernels.machine.arena import Arena
from scratchvae.layers import Layer
from scratchvae.layers.parameter import each_once
from scratchvae.validation import check_shape, chosen_by_variable


class Engine:
    """What runs the passes of one model for a trainer, or for somebody who looks at the model.

    ``keeps`` says that backward passes may follow the forward passes.
    """

    def __init__(self, *, keeps: bool) -> None:
        self._keeps = keeps
        self._on = is_on()
        self._double: Any = None
        self._state: dict[str, Any] = {}
        self._replaced: set[str] = set()
        self._networks: dict[str, Any] = {}
        self._arena = Arena()
        self._adam: Any = None
        self._vae: Any = None  # the whole passes of a double that has them
        self._stands = False  # whether the round's double is that of the last round, as it was
        self._left: list[str] | None = None  # what passes leave in the present double
        self._collected: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
        self._shared = False  # whether one of these parameters is in several places

    def __reduce__(self) -> Any:
        """Return what a copy or a pickle keeps: nothing, since all else can be made anew."""
        return _engine, (self._keeps,)

    @contextmanager
    def round(self, model: Any) -> Iterator[Any]:
        """Within this, one round of passes: have the model's double, or the model if it has none.

        The double has all that the model has at this moment, but its networks run as plans (or,
        with the engine off, are twins of the model's), and its likelihood writes where it wrote in
        the round before. What its passes leave in it (terms of the loss, what a backward pass
        needs) stays with it, but for what `hand_back` gives to the model; what they return is to
        be used before the next round.
        """
        self._stands = self._vae is not None and self._vae.begin_again(model)
        if self._stands:
            yield self._double
            return
        passes, self._vae, self._left, self._collected = self._vae, None, None, None
        if not _can_have_double(model):
            self._double = None
            with alone_with(model):
                yield model
        elif self._keeps and not self._on:
            yield model  # as they are written, layers train the model itself
        else:
            try:
                self._make_double(model)
                self._vae = self._whole_passes(model, passes)
                yield self._double
            finally:
                if self._vae is None:
                    # Something in them may refer to the model, which must not live longer for it.
                    vars(self._double).clear()
                    self._state.clear()

    def lends(self, model: Any) -> bool:
        """Tell whether the arrays of a round may be written over in the next.

        Somebody else's model or likelihood may keep what it gets; so may a layer, but a layer that
        the engine does not know gets copies from it.
        """
        parts = (model, getattr(model, "likelihood", model))
        return self._on and all(_is_ours(part) for part in parts)

    def _make_double(self, model: Any) -> None:
        if type(self._double) is not type(model):
            self._double = object.__new__(type(model))
        own = vars(self._double)
        self._state = dict(vars(model))  # another thread may add to it
        own.clear()
        own.update(self._state)
        lends = self.lends(model)
        self._arena.rewind()
        self._replaced = {"_pass"}  # of other networks than the model's own
        for name, value in self._state.items():
            if isinstance(value, Layer):
                own[name] = self._planned(name, value, not lends) if self._on else twin(value)
            elif lends and name == "likelihood":
                own[name] = self._planned_likelihood(value)
            else:
                continue
            self._replaced.add(name)

    def _whole_passes(self, model: Any, present: Any) -> Any:
        """Return whole passes for the double of a model that can have them, ``present`` or new."""
        if not (self._on and self._keeps):
            return None
        from scratchvae.engine.vae import VAEPasses, facts_of

        facts = facts_of(model)
        if facts is None:
            return None
        passes = present or VAEPasses()
        passes.begin(model, self._double, facts)
        return passes

    def arrays(self, model: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return a model's parameters and buffers, which are collected anew if they may be others.

        To be called within a round.
        """
        if self._collected is None:
            self._collected = parameters, _ = model.parameters, model.buffers
            self._shared = len(each_once(parameters)) < len(parameters)
            for name, parameter in parameters.items():
                what = f"the gradient of {name}"
                check_shape(parameter.grad, what, parameter.value.shape)
                if not parameter.grad.flags.writeable:
                    raise InputError(f"{what} must be writeable, not read-only: give a copy")
        return self._collected

    def hand_back(self, model: Any) -> None:
        """Give the model what the round's passes have left in attributes of its class's own."""
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

    def forward(self, model: Any, x: Any, noise: Any, **condition: Any) -> Any:
        """Do what the ``forward`` of a round's model does in training."""
        return self._passes_of(model).forward(x, noise, training=True, **condition)

    def backward(self, model: Any) -> None:
        """Do what the ``backward`` of a round's model does."""
        self._passes_of(model).backward()

    def _passes_of(self, model: Any) -> Any:
        """Return what runs the passes of a round's model: whole passes, or the model itself.

        They are no attributes of the double, where whoever looks at it would find them.
        """
        return model if self._vae is None else self._vae

    def zero_grad(self, model: Any) -> None:
        """Let the gradients of a round's model start at 0: what a plan overwrites need not be."""
        self.arrays(model)
        if self._shared:  # a gradient that several layers add to is overwritten by none of them
            model.zero_grad()
        elif self._vae is None and model is self._double and _is_ours(model):
            for network in model.networks.values():
                network.zero_grad()
        else:
            self._passes_of(model).zero_grad()

    def settle(self) -> None:
        """Leave no gradient of an earlier round: backward passes may have been left out."""
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

        if isinstance(network, PlannedNetwork):
            network = network.network  # within a round of another engine: of what that one runs
        planned = self._networks.get(name)
        if planned is None or planned.network is not network:
            planned = self._networks[name] = PlannedNetwork(network, self._keeps)
        planned.rewind(copies)
        return planned

    def _planned_likelihood(self, likelihood: Any) -> Any:
        if isinstance(likelihood, _PlannedLikelihood):
            likelihood = likelihood.likelihood
        return _PlannedLikelihood(likelihood, self._arena)


def _engine(keeps: bool) -> Engine:
    return Engine(keeps=keeps)


def _is_ours(part: Any) -> bool:
    """Tell whether an object is of one of the package's own classes."""
    return type(part).__module__.startswith("scratchvae.")


def _can_have_double(model: Any) -> bool:
    """Tell whether a model's methods would run on another object with its attributes.

    A method of this one model's own may know the model itself.
    """
    return hasattr(type(model), "networks") and not any(
        callable(value) and callable(getattr(type(model), name, None))
        for name, value in list(vars(model).items())
    )


def is_on() -> bool:
    """Tell whether passes run as plans: the variable is not ``off``, and kernels are compiled."""
    return chosen_by_variable("SCRATCHVAE_ENGINE") == "on" and kernels.BACKEND == "numba"


class _PlannedLikelihood:
    """A likelihood of the package, whose results stand where they stood in the last round."""

    def __init__(self, likelihood: Any, arena: Arena) -> None:
        self.likelihood, self._arena = likelihood, arena

    def negative_log_likelihood(self, x: Any, decoded: Any) -> Any:
        with self._arena:  # but the result, a number an image, is for `terms`, which is kept
            return self.likelihood.negative_log_likelihood(x, decoded).copy()

    def gradient(self, x: Any, decoded: Any) -> Any:
        with self._arena:
            return self.likelihood.gradient(x, decoded)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["likelihood"], name)


_idle: WeakKeyDictionary[Any, list[Engine]] = WeakKeyDictionary()
_MOST_IDLE = 2  # of one model: their memory is as large as what they were used for


@contextmanager
def looking_at(model: Any) -> Iterator[Any]:
    """Within this, have a double of the model for forward passes, without a backward pass.

    Nobody else has it meanwhile, be it another thread or somebody further out in the present one.
    """
    engines = _idle.setdefault(model, [])
    try:
        engine = engines.pop()
    except IndexError:
        engine = Engine(keeps=False)
    try:
        with engine.round(model) as double:
            yield double
    finally:
        if len(engines) < _MOST_IDLE:
            engines.append(engine)
