"""How a model is trained: the choices that a recipe names and a user may change."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, TypedDict

from scratchvae.data.batches import PIXEL_READINGS
from scratchvae.errors import InputError, shown, unknown_name
from scratchvae.validation import (
    check_choice,
    check_count,
    check_not_negative,
    check_positive,
    check_share_kept,
)

OPTIMISERS = ("adam", "sgd")
SCHEDULES = ("constant", "cosine", "stages")
LAST_STAGE = 7


@dataclass(frozen=True)
class Settings:
    """The settings of a training run.

    Attributes
    ----------
    optimiser
        ``"adam"`` (Kingma and Ba, 2014) or ``"sgd"``; or a function, such as a class of your own
        (weight decay, say, in a class derived from ``Adam``), that makes an ``Optimiser`` of a
        model's ``parameters`` and the learning rate. A function is for ``fit``: no file keeps it.
    learning_rate
        The optimiser's step size.
    momentum
        For ``"sgd"``: the share of the last step that is taken again.
    schedule
        ``"constant"``; ``"cosine"``: from the learning rate down to 0 over all epochs;
        ``"stages"``: stage i = 0 … 7 of 3^i epochs at 10^(−i/7) times the learning rate (Burda,
        Grosse and Salakhutdinov, 2016), and ``epochs_through_stage`` says how many epochs that
        are; or a function of the part of the training that is done, from 0 to 1, which returns
        what the learning rate is multiplied by. A function is for ``fit``: no file keeps it.
    batch_size
        Images per step. The last batch of an epoch holds what is left over.
    epochs
        How many times every image is seen.
    pixels
        How 8-bit pixels are read: ``"grey"``, divided by 255; or ``"binarised"``, 1 with that
        probability, drawn afresh for each epoch. Floats have been read already, and are taken as
        they are.
    warm_up
        Over how many epochs the KL's weight grows from 0 to its full size. A latent whose KL costs
        something before it is useful is soon given up; a warm-up lets it become useful first. For
        a model whose loss has a KL of its own: neither an autoencoder nor ``IWAE``.
    warm_up_every
        Every so many epochs the warm-up begins again, from 0: a cyclic schedule (Fu et al. 2019),
        in which latents that were given up get another chance. 0: once.
    free_bits, free_bits_epochs
        At the start each latent's mean KL over a batch costs nothing below ``free_bits`` nats;
        the allowance sinks evenly to 0 over ``free_bits_epochs`` epochs, after which the loss is
        the bound again. For a model with free bits (``HierarchicalVAE``, its upper layer), whose
        own ``free_bits`` hold outside the steps. Both or neither.
    patience
        Training stops when the loss of the images that are evaluated after each epoch (``fit``'s
        test images; a run's validation images, else its test images) has not fallen for so many
        epochs, and the best epoch is kept. 0: it goes on to the last epoch.
    epsilon
        For ``"adam"``: what is added to the root of the mean squared gradient.
    """

    optimiser: str | Callable[..., Any] = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    schedule: str | Callable[[float], float] = "constant"
    batch_size: int = 128
    epochs: int = 10
    pixels: str = "grey"
    warm_up: float = 0.0
    warm_up_every: float = 0.0
    free_bits: float = 0.0
    free_bits_epochs: float = 0.0
    patience: int = 0
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            # The value that the check returns: a plain int or float, as a file can hold it.
            object.__setattr__(self, name, check(getattr(self, name), name))
        if bool(self.free_bits) != bool(self.free_bits_epochs):
            raise InputError(
                "free_bits and free_bits_epochs must both be above 0, or neither, not "
                f"{self.free_bits:g} and {self.free_bits_epochs:g}"
            )
        if self.warm_up_every and not 0 < self.warm_up <= self.warm_up_every:
            raise InputError(
                f"warm_up_every={self.warm_up_every:g} expects a warm_up above 0 and at most as "
                f"long, not {self.warm_up:g}"
            )
        for name, optimiser in _OPTIMISERS_OWN.items():
            value, default = getattr(self, name), getattr(type(self), name)
            if self.optimiser != optimiser and value != default:
                kind = self.optimiser if isinstance(self.optimiser, str) else "one of your own"
                raise InputError(
                    f"{name}={value:g} would do nothing, since the optimiser is {kind}: "
                    f'leave it out, or use `optimiser="{optimiser}"`'
                )

    def changed(self, **changes: Any) -> "Settings":
        """Return these settings with the given ones changed; ``None`` leaves one as it is.

        With another optimiser, what only the one before had returns to its default.
        """
        unknown = [name for name in changes if name not in asdict(self)]
        if unknown and unknown[0] in _ELSEWHERE:
            raise InputError(f"there is no setting {unknown[0]!r}", _ELSEWHERE[unknown[0]])
        if unknown:
            raise unknown_name("setting", unknown[0], asdict(self))
        changes = {name: value for name, value in changes.items() if value is not None}
        optimiser = changes.get("optimiser")
        if optimiser is not None and _check_optimiser(optimiser, "optimiser") != self.optimiser:
            changes = {name: getattr(Settings, name) for name in _OPTIMISERS_OWN} | changes
        return replace(self, **changes)


class Changes(TypedDict, total=False):
    """What ``fit`` takes of them; ``None`` leaves one as it is."""

    optimiser: str | Callable[..., Any] | None
    learning_rate: float | None
    momentum: float | None
    schedule: str | Callable[[float], float] | None
    batch_size: int | None
    epochs: int | None
    pixels: str | None
    warm_up: float | None
    warm_up_every: float | None
    free_bits: float | None
    free_bits_epochs: float | None
    patience: int | None
    epsilon: float | None


# What other packages call settings, and where it is here.
_VALIDATION = "give `test_images`, which are evaluated after each epoch"
_OPTIMISER = "give `optimiser` a class of your own, derived from scratchvae.training.Adam"
_ELSEWHERE = {
    "lr": "use `learning_rate`",
    "n_epochs": "use `epochs`",
    "max_epochs": "use `epochs`",
    "verbose": "use `progress`, True or False",
    "callbacks": "give `on_epoch` a function, which is called with each epoch's metrics",
    "validation_data": _VALIDATION,
    "validation": _VALIDATION,
    "validation_split": f"{_VALIDATION}: load(..., validation=0.1) sets some aside",
    "early_stopping": "use `patience`, a number of epochs, with `test_images`",
    "weight_decay": _OPTIMISER,
    "clip_norm": _OPTIMISER,
    "max_norm": _OPTIMISER,
    "grad_clip": _OPTIMISER,
    "betas": _OPTIMISER,
    "random_state": "use `seed`",
    "device": "the processor is the only one",
    "beta": "it is part of the model: set model.beta, or build it with `beta`",
    "shuffle": "images are shuffled in each epoch; batches of your own are taken in their order",
}


def _check_schedule(schedule: Any, name: str) -> Any:
    """Return one of the schedules, or a function."""
    if not callable(schedule):
        return check_choice(schedule, name, SCHEDULES)
    try:
        first = schedule(0.0)
    except Exception as error:
        raise InputError(
            f"{name}(0.0) raised {type(error).__name__}: {' '.join(str(error).split())}: give a "
            "function of the part of the training that is done, 0 to 1, or one of "
            f"{', '.join(SCHEDULES)}"
        ) from None
    check_positive(first, f"{name}(0.0)")
    return schedule


def _check_optimiser(optimiser: Any, name: str) -> Any:
    """Return the name of an optimiser, or what makes one."""
    if hasattr(optimiser, "step") and not isinstance(optimiser, type):
        raise InputError(
            f"{name} must be a name or what makes an optimiser, not {shown(optimiser)}, which has "
            "been made: give its class, or a function of the parameters and the learning rate"
        )
    return optimiser if callable(optimiser) else check_choice(optimiser, name, OPTIMISERS)


_OPTIMISERS_OWN = {"momentum": "sgd", "epsilon": "adam"}

_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "optimiser": _check_optimiser,
    "learning_rate": check_positive,
    "momentum": check_share_kept,
    "schedule": _check_schedule,
    "batch_size": check_count,
    "epochs": check_count,
    "pixels": partial(check_choice, choices=PIXEL_READINGS),
    "warm_up": check_not_negative,
    "warm_up_every": check_not_negative,
    "free_bits": check_not_negative,
    "free_bits_epochs": check_not_negative,
    "patience": partial(check_count, minimum=0),
    "epsilon": check_positive,
}


def stage_of(epoch: int) -> int:
    """Return the stage that an epoch (from 0) belongs to: 0, 1 1 1, 2 2 2 2 2 2 2 2 2, …, 7."""
    return sum(epoch >= epochs_through_stage(stage) for stage in range(LAST_STAGE))


def epochs_through_stage(last: int) -> int:
    """Return how many epochs the stages 0 … ``last`` have: 1, 4, 13, 40, 121, 364, 1,093, 3,280."""
    if check_count(last, "the last stage", 0) > LAST_STAGE:
        raise InputError(f"the stages are 0 to {LAST_STAGE}; there is no stage {last}")
    return int((3 ** (last + 1) - 1) // 2)
