"""What a model says of itself: on one line, and in a notebook as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from itertools import chain

from scratchvae.errors import shown
from scratchvae.layers import Layer, Sequential
from scratchvae.models.base import Model

_LEFT = ' style="text-align: left; vertical-align: top"'


def count_parameters(model: Model) -> int:
    """Return how many numbers a model learns; those of a shared parameter count once."""
    return sum({id(each): each.value.size for each in model.parameters.values()}.values())


def fitted(model: Model) -> str:
    """Return in a few words whether a model was fitted, and what it came to."""
    if not model.history_:
        return "not fitted"
    last, epochs = model.history_[-1], len(model.history_)
    test = "" if last.test is None else f", test loss {last.test.loss:.2f}"
    seconds = sum(row.seconds for row in model.history_)
    counted = f"{epochs} epoch{'s' if epochs != 1 else ''}"
    return f"fitted in {counted}, {seconds:.1f} s, to a loss of {last.train.loss:.2f}{test}"


def one_line(model: Model) -> str:
    """Return what a model is and whether it was fitted: its ``repr``."""
    if "history_" not in vars(model):  # as a debugger shows it before it is made
        return f"{type(model).__name__}()"
    recipe = [str(model.config["recipe"])] if model.config else []
    size = [f"latent_dim={model.latent_dim}", f"{count_parameters(model):,} parameters"]
    return f"{type(model).__name__}({', '.join([*recipe, *size, fitted(model)])})"


def model_table(model: Model) -> str:
    """Return a model as HTML: its layers with their parameters, its settings, its last losses."""
    layers: list[tuple[str, ...]] = [
        (name, shown(layer), _shapes(layer), f"{_size(layer):,}")
        for name, network in model.networks.items()
        for layer in _layers(network)
    ]
    facts = {"likelihood": shown(model.likelihood), "image shape": str(model.image_shape)}
    settings = asdict(model.settings)
    facts |= {name.replace("_", " "): shown(value) for name, value in settings.items()}
    losses = [str(row) for row in model.history_[-3:]]
    return (
        f"<p><b>{escape(one_line(model))}</b></p>"
        + _table(("network", "layer", "learns", "numbers"), layers)
        + f"<p>{escape('; '.join(f'{name} {value}' for name, value in facts.items()))}</p>"
        + (f"<pre>{escape(chr(10).join(losses))}</pre>" if losses else "")
    )


def _layers(network: Layer) -> list[Layer]:
    """Return the layers of a network in order, those of networks within it in their places."""
    if not isinstance(network, Sequential):
        return [network]
    return list(chain.from_iterable(map(_layers, network.layers)))


def _shapes(layer: Layer) -> str:
    return ", ".join(f"{name} {each.value.shape}" for name, each in layer.parameters.items())


def _size(layer: Layer) -> int:
    return sum(each.value.size for each in layer.parameters.values())


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return an HTML table; whatever is in a cell is shown as text."""
    lines = [
        "<tr>" + "".join(f"<{tag}{_LEFT}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for tag, some in (("th", (head,)), ("td", rows))
        for row in some
    ]
    return f"<table>{''.join(lines)}</table>"
