"""Runs of a model that is there already, paths as text, and former names."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import refused, small_vae
from small_runs import interrupt_in_step, names_in, small_dataset

import scratchvae
from scratchvae.errors import InputError
from scratchvae.layers import ELU, ReLU
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


def replaced(name, value):
    return lambda model: setattr(model.likelihood if name == "variance" else model, name, value)


def other_activation(model):
    place = next(i for i, layer in enumerate(model.encoder.layers) if isinstance(layer, ELU))
    model.encoder.layers[place] = ReLU()


def other_slope(model):
    next(layer for layer in model.decoder.layers if isinstance(layer, ELU)).alpha = 0.5


def forward_of_its_own(model):
    layer = model.encoder.layers[-1]
    layer.forward = lambda x, training=False: 2 * type(layer).forward(layer, x)


CHANGES = {
    "the encoder, layer 3": other_activation,
    "the alpha of the decoder, layer 2": other_slope,
    "the encoder, layer 9": lambda model: model.encoder.layers.append(ReLU()),
    "the variance of the likelihood": replaced("variance", 0.5),
    "the kl_weight of the model": replaced("kl_weight", 0.5),
    "the floor of the variance_head": lambda model: setattr(model.variance_head, "floor", 0.1),
    "the forward of the encoder, layer 8": forward_of_its_own,
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_model_that_was_changed_by_hand_is_not_kept_as_what_its_recipe_builds(tmp_path, what):
    model = scratchvae.build("zhao-mlp")
    CHANGES[what](model)
    with refused(f"and {what} of this one is not as 'zhao-mlp' builds it", "`fit`"):
        Run.create(tmp_path / "run", model, "mnist")
    begun = Run.begin("zhao-mlp", tmp_path / "run", data="mnist", settings=SETTINGS)
    CHANGES[what](begun.model)
    with refused(what):
        finish(begun)
    assert names_in(tmp_path) == set()


def test_options_and_weights_of_ones_own_are_kept(tmp_path):
    model = scratchvae.build("zhao-mlp", variance=0.1, beta=2.0, hidden=5)
    model.samples = 2
    model.parameters["encoder.1.weight"].value *= 0.5
    run = Run.create(tmp_path / "run", model, "mnist", SETTINGS)
    finish(run)
    again = Run.open(tmp_path / "run")
    assert again.evaluate(DATA) == run.evaluate(DATA)
    assert (again.model.samples, again.model.beta) == (2, 2.0)


def test_an_option_that_is_changed_after_a_run_was_begun_is_refused(tmp_path):
    run = Run.create(tmp_path / "run", scratchvae.build("zhao-mlp"), "mnist", SETTINGS)
    run.model.beta = 4.0
    with refused("the beta of the model of this one is not as"):
        finish(run)


def test_settings_that_were_changed_after_a_run_was_begun_are_refused(tmp_path):
    run = Run.create(tmp_path / "run", built(), "mnist", SETTINGS)
    for name, value, remedy in (("learning_rate", 0.5, "another run"), ("epochs", 7, "`extend`")):
        before = run.trainer.settings
        run.trainer.settings = before.changed(**{name: value})
        with refused(f"has {name} {getattr(before, name)!r}", f"trainer {value!r}", remedy):
            finish(run)
        run.trainer.settings = before
    run.extend(1)
    finish(run)
    assert Run.open(tmp_path / "run").trainer.settings == run.trainer.settings


def test_a_run_that_could_not_begin_may_be_trained_on_other_data(tmp_path, monkeypatch):
    run = Run.create(tmp_path / "run", built(), settings=SETTINGS)
    config = dict(run.config)

    def failing(*arguments):
        raise InputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("scratchvae.runs.kept_run.write_config", failing)
        with refused("the disk is full"):
            finish(run)
    assert run.config == config
    assert names_in(tmp_path) == set()
    run.train(replace(DATA, name="other"), lambda line: None, progress=False)
    assert Run.open(tmp_path / "run").config["data"] == "other"


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


@pytest.mark.parametrize("wrong", [None, "3", 3.5, ["mnist"], np.ones(2), print], ids=repr)
def test_what_a_run_is_given_is_used_or_refused_in_one_line(tmp_path, wrong):
    run = Run.create(tmp_path / "run", built(), "mnist", SETTINGS)
    for call in (run.train, run.evaluate, run.check_data, lambda data: run.draw("latent", data)):
        with refused("data"):
            call(wrong)
    with refused("epochs must be a whole number"):
        run.extend(wrong)
    with refused("there is no picture"):
        run.draw(wrong)
    finish(run)
    for choices in ({"settings": wrong}, {"options": wrong}):
        if wrong is not None:
            with refused("must be a dictionary of values by their names"):
                Run.resume(tmp_path / "run", **choices)
