"""B. Flach, Structured Model Learning: the collapse of the upper layer, and its remedies.

Every kind has the same generative networks, images, seed and number of epochs. The bound is always
the bound itself, without free bits and with the whole KL.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchvae.evaluation import layer_activity
from scratchvae.models import HierarchicalVAE
from scratchvae.plots import draw_bars, draw_lines, draw_rows
from scratchvae.reproduce.experiments import Drawings, Experiment, Results, Row, Source
from scratchvae.reproduce.report import markdown_table

COLLAPSED, KEPT = 0.1, 2.0  # nats of the upper layer's KL

_EPOCHS = 12
_LAYERS = ("lower", "upper")
_PLAIN = "plain"
_GAIN, _ERROR = "test bound above the plain one", "standard error of that"
_WARM_UP = {"warm_up": 4.0}
_FREE_AT_FIRST = {"free_bits": 1.0, "free_bits_epochs": 7.0}
_BATCH_NORM = {"batch_norm": True}
_LADDER = {"inference": "ladder"}
# Each kind's options and settings, beside those that all have.
_CHANGES: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    _PLAIN: ({}, {}),
    "warm-up": ({}, _WARM_UP),
    "free bits": ({"free_bits": 0.5}, {}),
    "free bits at first": ({}, _FREE_AT_FIRST),
    "batch norm": (_BATCH_NORM, {}),
    "warm-up, batch norm": (_BATCH_NORM, _WARM_UP),
    "all three": (_BATCH_NORM, _WARM_UP | _FREE_AT_FIRST),
    "ladder": (_LADDER, {}),
    "ladder, warm-up": (_LADDER, _WARM_UP),
    "ladder, warm-up, batch norm": (_LADDER | _BATCH_NORM, _WARM_UP),
    "ladder, all three": (_LADDER | _BATCH_NORM, _WARM_UP | _FREE_AT_FIRST),
}
_KINDS = {
    kind: Experiment(
        "-".join(["hierarchical", *kind.replace(",", "").split()]),
        "hierarchical-vae",
        options=options,
        settings={"epochs": _EPOCHS, **settings},
    )
    for kind, (options, settings) in _CHANGES.items()
}
# Eleven curves would hide each other.
_CURVES = (_PLAIN, "free bits", "all three", "ladder, warm-up", "ladder, warm-up, batch norm")
_EXPLAINED = (
    "Warm-up: the KL's weight grows from 0 over the first third of the epochs. Free bits: half a "
    "nat of each upper latent costs nothing. Free bits at first: one nat costs nothing, and the "
    "allowance sinks linearly to 0 over the first seven twelfths of the epochs. Batch norm: in the "
    "inference networks only. All three: warm-up, batch norm and free bits at first. Ladder: the "
    "encoder of Sønderby et al. (2016)."
)


def _model(results: Results, kind: str) -> HierarchicalVAE:
    model = results.model(_KINDS[kind])
    assert isinstance(model, HierarchicalVAE)
    return model


def _rows(results: Results) -> Iterator[Row]:
    images = results.data().test_images
    plain = _model(results, _PLAIN).elbo(images).astype(np.float64)
    for kind, experiment in _KINDS.items():
        model = _model(results, kind)
        bounds = model.elbo(images).astype(np.float64)
        lower, upper = model.mean_layer_kls(images)
        below, above = layer_activity(model, images)
        figures = {
            "test bound": bounds.mean(),
            "KL of the lower layer": lower,
            "KL of the upper layer": upper,
            "active units of the lower layer": below.active,
            "active units of the upper layer": above.active,
        }
        if kind != _PLAIN:
            # Both models see the same images, binarised alike, so the differences are paired.
            gains = bounds - plain
            figures[_GAIN] = gains.mean()
            figures[_ERROR] = gains.std(ddof=1) / np.sqrt(len(gains))
        for what, ours in figures.items():
            yield results.row(f"{kind}: {what}", ours, experiment)


def _remarks(results: Results, rows: list[Row]) -> list[str]:
    ours = {row.name: row.ours for row in rows}
    upper = {kind: ours[f"{kind}: KL of the upper layer"] for kind in _KINDS}
    gain = {kind: ours[f"{kind}: {_GAIN}"] for kind in _KINDS if kind != _PLAIN}
    relieved = [kind for kind in gain if upper[kind] > KEPT and gain[kind] >= 0]
    side = "below" if upper[_PLAIN] < COLLAPSED else "not below"
    epochs = len(results.run(_KINDS[_PLAIN]).history)
    first = (
        f"After {epochs} epochs on {len(results.data().train_images):,} images the KL of the upper "
        f"layer of the model trained without a remedy is {upper[_PLAIN]:.2f} nats, {side} the "
        f"{COLLAPSED:g} that counts as collapsed. "
    )
    if epochs < _EPOCHS:
        first += "So short a run cannot tell a collapsed layer from one that is not used yet. "
    if relieved:
        first += f"Above {KEPT:g} nats, with a bound that is no worse: " + "; ".join(
            f"{kind} ({upper[kind]:.2f} nats, bound {gain[kind]:+.2f})" for kind in relieved
        )
    else:
        first += f"No remedy brought it above {KEPT:g} nats without a worse bound"
    return [first + ".", _EXPLAINED, _table(results, ours)]


def _table(results: Results, ours: dict[str, float]) -> str:
    """Return a line for each kind."""
    heads = ["kind", "test bound", "above plain", "KL lower", "KL upper"]
    heads += ["active lower", "active upper", "seconds"]
    lines = []
    for kind, experiment in _KINDS.items():
        above = "–"
        if kind != _PLAIN:
            above = f"{ours[f'{kind}: {_GAIN}']:+.2f} ± {ours[f'{kind}: {_ERROR}']:.2f}"
        kls = [f"{ours[f'{kind}: KL of the {layer} layer']:.2f}" for layer in _LAYERS]
        active = [f"{ours[f'{kind}: active units of the {layer} layer']:.0f}" for layer in _LAYERS]
        bound, seconds = f"{ours[f'{kind}: test bound']:.2f}", f"{results.seconds(experiment):.0f}"
        lines.append([kind, bound, above, *kls, *active, seconds])
    return markdown_table(heads, lines)


def _draw(results: Results) -> Drawings:
    images = results.data().test_images
    kls = np.array([_model(results, kind).mean_layer_kls(images) for kind in _KINDS])
    groups = [("lower layer", kls[:, 0].tolist()), ("upper layer", kls[:, 1].tolist())]
    title = "KL of each stochastic layer, test images"
    yield "hierarchical-kl", draw_bars(title, list(_KINDS), groups)
    lines = []
    for kind in _CURVES:
        history = results.run(_KINDS[kind]).history
        bounds = [-(row.test.reconstruction + row.test.kl) for row in history if row.test]
        lines.append((kind, bounds))
    title = "The bound on log p(x) of test images"
    yield "hierarchical-bound", draw_lines(title, lines, "nats per image")
    rows = [(kind, _model(results, kind).sample(16)) for kind in _KINDS]
    yield "hierarchical-samples", draw_rows("Samples", rows)


SOURCE = Source(
    "B. Flach, Structured Model Learning", list(_KINDS.values()), _rows, _draw, _remarks
)
