"""What is measured and drawn of a run."""

import numpy as np
import pytest
from helpers import refused
from small_runs import RUN_FILES, names_in
from trained_runs import DATA, begin, finish, table

from scratchvae.models import RECIPES
from scratchvae.runs import PICTURES, Run


def test_evaluate_agrees_with_the_last_row_of_metrics(finished):
    figures = Run.open(finished).evaluate(DATA)
    for name, value in zip(("loss", "reconstruction", "kl"), table(finished)[-1][4:], strict=True):
        assert figures[name] == pytest.approx(value, abs=1e-4)
    assert figures["elbo"] == pytest.approx(-figures["loss"], rel=1e-5)  # β = 1, nothing left out
    assert Run.open(finished).evaluate(DATA) == figures


def test_evaluate_refuses_an_estimate_that_does_not_exist_before_measuring(tmp_path, monkeypatch):
    run = begin(tmp_path / "run", "hierarchical-vae")
    monkeypatch.setattr(type(run.model), "evaluate", None)
    with refused("HierarchicalVAE", "one layer of latents"):
        run.evaluate(DATA, importance_samples=5)


@pytest.mark.parametrize("recipe", [name for name in RECIPES if "fleuret" not in name])
def test_evaluate_gives_the_mean_of_the_bounds_from_one_pass(tmp_path, recipe):
    run = begin(tmp_path / "run", recipe)
    labels = DATA.test_labels if run.model.classes else None
    passes, chunks = [], run.model._forward_chunks
    run.model._forward_chunks = lambda *arguments: passes.append(1) or chunks(*arguments)
    figures = run.evaluate(DATA)
    assert passes == [1]
    if run.model.has_prior:
        bounds = run.model.elbo(DATA.test_images, labels=labels)
        assert figures["elbo"] == pytest.approx(bounds.mean(dtype=np.float64), rel=1e-6)
    else:
        assert "elbo" not in figures


def test_evaluate_of_an_autoencoder_has_no_bound(tmp_path):
    run = begin(tmp_path / "run", "autoencoder", epochs=1)
    finish(run)
    figures = run.evaluate(DATA)
    assert set(figures) == {"loss", "reconstruction", "kl"}
    assert figures["kl"] == 0


@pytest.mark.parametrize(("latent_dim", "more"), [(1, set()), (2, {"manifold.png"}), (5, set())])
def test_draw_all_draws_the_pictures_of_a_run(tmp_path, latent_dim, more):
    run = begin(tmp_path / "run", latent_dim=latent_dim, epochs=1)
    finish(run)
    drawn = {path.name for path in run.draw_all(DATA)}
    assert names_in(tmp_path / "run") == RUN_FILES | more
    assert drawn == {name for name in RUN_FILES | more if name.endswith(".png")}


def test_draw_refuses_unknown_pictures_and_missing_images(finished):
    run = Run.open(finished)
    with refused("reconstructions", "give the data set"):
        run.draw("reconstructions")
    with refused("no picture 'sample'; did you mean 'samples'?", *PICTURES):
        run.draw("sample")
