"""B. Flach, Structured Model Learning: the collapse of the upper layer, and what relieves it."""

from pathlib import Path

import numpy as np

from scratchvae.evaluation import layer_activity
from scratchvae.models import HierarchicalVAE
from scratchvae.reproduce.experiments import Experiment, Results, Row, Source
from scratchvae.reproduce.figures import save_bars, save_lines, save_rows

_NAME = "hierarchical-vae"
_KINDS = {
    "plain": Experiment("hierarchical-plain", _NAME),
    "KL warm-up": Experiment("hierarchical-warm-up", _NAME, settings={"warm_up": 10.0}),
    "free bits": Experiment("hierarchical-free-bits", _NAME, options={"free_bits": 0.3}),
    "ladder": Experiment("hierarchical-ladder", _NAME, options={"inference": "ladder"}),
}


def _model(results: Results, kind: str) -> HierarchicalVAE:
    model = results.model(_KINDS[kind].name)
    assert isinstance(model, HierarchicalVAE)
    return model


def _rows(results: Results) -> list[Row]:
    rows = []
    images = results.data().test_images
    for kind, experiment in _KINDS.items():
        model = _model(results, kind)
        bound = float(model.elbo(images).mean(dtype="float64"))
        lower, upper = model.mean_layer_kls(images)
        below, above = layer_activity(model, images)
        rows += [
            results.row(f"{kind}: test bound", bound, experiment.name),
            results.row(f"{kind}: KL of the lower layer", lower, experiment.name),
            results.row(f"{kind}: KL of the upper layer", upper, experiment.name),
            results.row(f"{kind}: active units of the lower layer", below.active, experiment.name),
            results.row(f"{kind}: active units of the upper layer", above.active, experiment.name),
        ]
    return rows


def _remarks(results: Results, rows: list[Row]) -> list[str]:
    ours = {row.name: row.ours for row in rows}
    upper = {kind: ours[f"{kind}: KL of the upper layer"] for kind in _KINDS}
    bound = {kind: ours[f"{kind}: test bound"] for kind in _KINDS}
    best = max((kind for kind in _KINDS if kind != "plain"), key=lambda kind: bound[kind])
    state = "has collapsed" if upper["plain"] < 0.1 else "has not collapsed"
    return [
        f"Trained plainly, the upper layer {state} ({upper['plain']:.2f} nats). Of the remedies "
        f"{best} gives the best bound, {bound[best]:.2f} beside {bound['plain']:.2f}, with "
        f"{upper[best]:.2f} nats in the upper layer."
    ]


def _draw(results: Results, folder: Path) -> list[Path]:
    images = results.data().test_images
    kls = np.array([_model(results, kind).mean_layer_kls(images) for kind in _KINDS])
    groups = [("lower layer", kls[:, 0].tolist()), ("upper layer", kls[:, 1].tolist())]
    title = "KL of each stochastic layer, test images"
    paths = [save_bars(folder / "hierarchical-kl.png", title, list(_KINDS), groups)]
    lines = []
    for kind, experiment in _KINDS.items():
        history = results.run(experiment.name).history
        bounds = [-(row.test.reconstruction + row.test.kl) for row in history if row.test]
        lines.append((kind, bounds))
    title = "The bound on log p(x) of test images"
    paths.append(save_lines(folder / "hierarchical-bound.png", title, lines, "nats per image"))
    rows = [(kind, _model(results, kind).sample(16)) for kind in _KINDS]
    paths.append(save_rows(folder / "hierarchical-samples.png", "Samples", rows))
    return paths


SOURCE = Source(
    "B. Flach, Structured Model Learning", list(_KINDS.values()), _rows, _draw, _remarks
)
