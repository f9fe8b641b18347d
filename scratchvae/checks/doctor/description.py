"""What a user says of a VAE: the few names of an adapter, read from whatever has them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from scratchvae.checks.doctor.frameworks import as_numpy, family, is_module
from scratchvae.checks.doctor.signatures import loss_takes, names_of
from scratchvae.errors import InputError, shown, unknown_name
from scratchvae.validation import check_choice, check_not_negative, check_positive

SPREADS = ("log-variance", "variance", "deviation", "log-deviation")
OUTPUTS = ("probabilities", "logits", "means")
LIKELIHOODS = ("bernoulli", "gaussian")

CALLABLES = ("encode", "draw", "decode", "loss", "validation_loss", "train_step", "training")

# Other names under which the parts of a VAE are published, the most telling first.
ALIASES = {
    "encode": ("encode", "encoder", "_encode", "inference", "q_z", "recognition"),
    "draw": ("draw", "reparameterize", "reparameterise", "reparametrize", "reparam", "sample_z"),
    "decode": ("decode", "decoder", "_decode", "generator", "p_x"),
    "loss": ("loss", "loss_function", "loss_fn", "vae_loss", "elbo_loss", "criterion"),
    "validation_loss": ("validation_loss", "val_loss", "valid_loss", "evaluation_loss"),
    "train_step": ("train_step", "training_step", "fit_batch", "train_batch"),
    "data": ("data", "batch", "x", "images", "X"),
    "parameters": ("parameters", "params", "model", "net", "vae", "weights"),
    "training": ("training", "set_training", "train_mode"),
}


@dataclass
class Description:
    """The adapter: what ``scratchvae.doctor`` takes, checked."""

    data: Any = None
    encode: Callable[..., Any] | None = None
    draw: Callable[..., Any] | None = None
    decode: Callable[..., Any] | None = None
    loss: Callable[..., Any] | None = None
    validation_loss: Callable[..., Any] | None = None
    train_step: Callable[..., Any] | None = None
    training: Callable[..., Any] | None = None
    parameters: Any = None
    spread: str = "log-variance"
    decoder_gives: str | None = None
    likelihood: str | None = None
    variance: float | None = None
    beta: float = 1.0

    def __post_init__(self) -> None:
        for name in CALLABLES:
            value = getattr(self, name)
            if value is not None and not callable(value):
                problem = f"`{name}` must be a function, not {shown(value)}"
                raise InputError(problem, "give the function itself")
        if all(getattr(self, name) is None for name in CALLABLES[:-1]):
            raise InputError(
                "expected some part of a VAE, and none came",
                "give at least one of " + ", ".join(CALLABLES[:-1]),
            )
        for name in ("loss", "validation_loss"):
            _check_loss(name, getattr(self, name))
        check_choice(self.spread, "spread", SPREADS)
        if self.decoder_gives is not None:
            check_choice(self.decoder_gives, "decoder_gives", OUTPUTS)
        if self.likelihood is not None:
            check_choice(self.likelihood, "likelihood", LIKELIHOODS)
        if self.variance is not None:
            self.variance = check_positive(self.variance, "variance")
        self.beta = check_not_negative(self.beta, "beta")
        if self.data is not None:
            _check_data(self.data)


NAMES = tuple(field.name for field in fields(Description))


def described(given: Mapping[str, Any]) -> Description:
    """Return the description made of keywords; an unknown one raises ``InputError``."""
    for name in given:
        if name not in NAMES:
            raise unknown_name("part of a VAE", name, NAMES)
    return Description(**given)


def description_of(value: Any) -> Description:
    """Return the description that a dict, module, class, object or function of a user gives."""
    if isinstance(value, Description):
        return value
    if (
        (inspect.isclass(value) and not is_module(value))
        or inspect.isfunction(value)
        or inspect.isbuiltin(value)
    ):
        value = _called(value)
    if isinstance(value, Mapping):
        return described({str(name): part for name, part in value.items()})
    return _of_object(value)


def _called(function: Callable[[], Any]) -> Any:
    name = getattr(function, "__name__", shown(function))
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        problem = f"`{name}` must take no arguments and return what describes the VAE"
        raise InputError(f"{problem}; {error}") from None
    except ValueError:
        pass  # a built-in without a signature: calling it will tell
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise InputError(f"`{name}` must return what describes the VAE: no async, and no yield")
    try:
        return function()
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"calling `{name}` raised {type(error).__name__}: {error}") from error


def _of_object(owner: Any) -> Description:
    given: dict[str, Any] = {}
    for name in NAMES:
        for alias in ALIASES.get(name, (name,)):
            value = getattr(owner, alias, None)
            if value is not None and _fits(name, value, named=alias == name):
                given[name] = value
                break
    if is_module(owner):
        given["parameters"] = owner
    elif "parameters" not in given:
        given["parameters"] = _module_or_arrays(owner, given)
    if not any(name in given for name in CALLABLES[:-1]):
        raise InputError(
            f"{shown(owner)} has no part of a VAE",
            "give it attributes named as in " + ", ".join(CALLABLES[:-1]),
        )
    return Description(**given)


def _fits(name: str, value: Any, *, named: bool) -> bool:
    if name in CALLABLES:
        # `training` of a torch module is a flag, `train` its switch: the patient sees to that.
        usable = named or "loss" not in name or not callable(value) or loss_takes(value) > 0
        return callable(value) and usable
    if name == "data":
        return family(value) != "" or isinstance(value, list | tuple)
    if name == "parameters":
        return callable(value) or family(value) != "" or isinstance(value, Mapping | list | tuple)
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _module_or_arrays(owner: Any, given: Mapping[str, Any]) -> Any:
    """Return the ``nn.Module`` behind the parts of an object, or its own attributes."""
    for part in given.values():
        module = getattr(part, "__self__", part)
        if is_module(module):
            return module
    own = getattr(owner, "__dict__", {})
    return own if not inspect.ismodule(owner) and own else None


def _check_loss(name: str, loss: Callable[..., Any] | None) -> None:
    if loss is not None and not loss_takes(loss):
        raise InputError(
            f"`{name}` must take (x, reconstruction, mean, spread), or x alone, not "
            f"({', '.join(names_of(loss))})",
            "give `lambda x, y, mean, spread: ...`, which returns the whole loss of yours",
        )


def _check_data(data: Any) -> None:
    if "complex" in str(getattr(data, "dtype", "")):
        raise InputError("`data` must be real numbers, not complex ones", "give its real part")
    try:
        array = as_numpy(data)
    except (TypeError, ValueError) as error:
        raise InputError(f"`data` must be an array of images; {error}") from None
    if array.ndim < 2 or 0 in array.shape:
        raise InputError(
            f"`data` must be a batch, (N, ...), with at least one image; its shape is "
            f"{array.shape}",
            "give an array of images, one a row",
        )
    if not np.isfinite(array).all():
        raise InputError("`data` has NaN or infinite values", "take them out")
