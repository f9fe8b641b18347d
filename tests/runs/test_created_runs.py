"""Runs of a model that is there already, paths as text, and former names."""

import numpy as np
import pytest
from helpers import refused, small_vae
from small_runs import interrupt_in_step, names_in, small_dataset

import scratchvae
from scratchvae.plots import draw_loss, save_figure
from scratchvae.runs import Run

pytestmark = pytest.mark.usefixtures("ctrl_c")

DATA = small_dataset()
SETTINGS = {"epochs": 2, "batch_size": 16}


def built(seed=0, **options):
    return scratchvae.build("pytorch-example", latent_dim=2, seed=seed, **options)


def finish(run):
    run.train(DATA, lambda line: None, progress=False)


def test_create_gives_the_run_that_begin_gives(tmp_path):
    begun = Run.begin(
        "pytorch-example", tmp_path / "begun", data="mnist", latent_dim=2, settings=SETTINGS
    )
    created = Run.create(tmp_path / "created", built(), "mnist", SETTINGS)
    for run in (begun, created):
        finish(run)
    for name in ("config.json", "checkpoint.npz"):
        assert (begun.folder / name).read_bytes() == (created.folder / name).read_bytes()


def test_a_created_run_begins_with_the_models_own_weights_even_when_it_is_stopped(
    tmp_path, monkeypatch
):
    def run(name):
        model = built(seed=3)
        model.load_state(built(seed=8).state())
        return Run.create(tmp_path / name, model, "mnist", SETTINGS, seed=3)

    finish(run("through"))
    interrupt_in_step(monkeypatch, 1, times=2)
    with pytest.raises(KeyboardInterrupt):
        finish(run("stopped"))
    monkeypatch.undo()
    finish(Run.open(tmp_path / "stopped"))
    first, second = (tmp_path / name / "checkpoint.npz" for name in ("through", "stopped"))
    assert first.read_bytes() == second.read_bytes()


def test_a_created_run_can_be_saved_untrained(tmp_path):
    model = built(seed=5)
    Run.create(tmp_path / "run", model, "mnist").save()
    assert names_in(tmp_path / "run") == {"config.json", "metrics.csv", "checkpoint.npz"}
    again = Run.open(tmp_path / "run").model
    for name, array in model.state().items():
        np.testing.assert_array_equal(again.state()[name], array)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (small_vae(), ["this VAE was put together by hand", "`fit`", "`scratchvae.build`"]),
        (built(dtype=np.float64), ["keeps a model by its recipe", "'pytorch-example'"]),
        ("zhao-mlp", ["`scratchvae.build`", "not a str"]),
    ],
)
def test_create_refuses_a_model_that_could_not_be_opened_again(tmp_path, model, words):
    with refused(*words):
        Run.create(tmp_path / "run", model, "mnist")
    assert names_in(tmp_path) == set()


def test_a_create_that_is_refused_leaves_the_models_settings(tmp_path):
    model = built()
    before = model.settings
    (tmp_path / "config.json").write_text("")
    with refused("already a run"):
        Run.create(tmp_path, model, "mnist", SETTINGS)
    with refused("settings must be a dictionary"):
        Run.create(tmp_path / "new", model, "mnist", 5)
    assert model.settings is before


def test_folders_and_files_may_be_named_by_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run.begin("pytorch-example", "run", data="mnist", latent_dim=2, settings=SETTINGS)
    finish(run)
    assert Run.open("run").complete
    assert Run.resume("run").complete
    choices = {"data": "mnist", "latent_dim": 2, "settings": SETTINGS}
    assert Run.begin_or_resume("pytorch-example", "run", **choices).complete
    assert run.draw("samples", path="drawn.png").name == "drawn.png"
    save_figure(draw_loss(run.history), "loss.png")
    assert names_in(tmp_path) == {"run", "drawn.png", "loss.png"}


@pytest.mark.parametrize("folder", [3, b"run", None, ["run"]])
def test_what_is_no_path_is_refused(folder):
    for call in (Run.open, Run.resume, lambda f: Run.create(f, built(), "mnist")):
        with refused("path", repr(folder)):
            call(folder)


def test_a_former_name_is_the_present_one_with_a_warning():
    with pytest.warns(DeprecationWarning, match=r"LossParts is called scratchvae\.LossTerms"):
        assert scratchvae.LossParts is scratchvae.LossTerms
    with pytest.raises(AttributeError, match="no attribute 'Vae'"):
        _ = scratchvae.Vae


def test_a_figure_is_a_picture_to_a_notebook():
    figure = draw_loss([])
    assert figure._repr_png_().startswith(b"\x89PNG")
