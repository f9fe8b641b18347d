"""Reproduction: the sources trained, measured, reported, stopped and continued."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_runs import interrupt_in_step, names_in, small_dataset

from scratchvae import build, cli, reproduce, training
from scratchvae.data import dataset
from scratchvae.plots import draw_loss
from scratchvae.reproduce import SOURCES, eecs230, factors, fleuret, reproduction
from scratchvae.reproduce.experiments import Experiment, Row, Source
from scratchvae.reproduce.report import write_report
from scratchvae.reproduce.reproduction import train_experiments
from scratchvae.runs.config import complete_config
from scratchvae.training import Interrupted, Trainer

pytestmark = pytest.mark.usefixtures("ctrl_c")


@pytest.fixture
def source(monkeypatch):
    """Put a source of two small experiments in the place of all others."""
    first = Experiment("first", "zhao-mlp", 2, settings={"batch_size": 16}, published=100.0)
    plain = {"batch_size": 16, "schedule": "constant"}
    second = Experiment("second", "linear-autoencoder", 3, settings=plain)

    def rows(results):
        return [results.training_loss("the first", first), results.row("a figure", 1.5, second)]

    def draw(results):
        yield "picture", draw_loss(results.run(first).history)

    made = Source("A source", [first, second], rows, draw, lambda results, rows: ["A remark."])
    monkeypatch.setattr(reproduce, "SOURCES", {"zhao": made})
    return made


def run(data_dir, folder, *words):
    return cli.main(
        ["reproduce", "zhao", "--out", str(folder), "--data-dir", str(data_dir), *words]
    )


def test_reproduce_trains_measures_and_reports(source, data_dir, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(data_dir, out, "--epochs", "2") == 0
    assert names_in(out) == {"runs", "figures", "report.md", "report.json"}
    assert names_in(out / "runs") == {"first", "second"}
    rows = json.loads((out / "report.json").read_text())
    assert [list(row) for row in rows] == [["name", "published", "ours", "seconds"]] * 2
    assert rows[0]["name"] == "the first: training loss"
    assert rows[0]["published"] == 100
    metrics = (out / "runs" / "first" / "metrics.csv").read_text().splitlines()
    assert rows[0]["ours"] == float(metrics[2].split(",")[1])
    assert (out / "figures" / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert rows[0]["seconds"] > 0
    assert (rows[1]["published"], rows[1]["ours"]) == (None, 1.5)
    text = (out / "report.md").read_text()
    for words in ("2 epochs each", "## A source", "A remark.", "](figures/picture.png)"):
        assert words in text
    assert "2/2 second: loss" in capsys.readouterr().out


def test_reproduce_uses_what_is_trained_already(source, data_dir, tmp_path, capsys):
    run(data_dir, tmp_path, "--epochs", "1")
    checkpoint = tmp_path / "runs" / "first" / "checkpoint.npz"
    before = checkpoint.read_bytes()
    capsys.readouterr()
    assert run(data_dir, tmp_path, "--epochs", "1") == 0
    assert capsys.readouterr().out.count("trained before") == 2
    assert checkpoint.read_bytes() == before
    assert run(data_dir, tmp_path, "--epochs", "2") == 0  # more epochs go on from there
    assert len((tmp_path / "runs" / "first" / "metrics.csv").read_text().splitlines()) == 3


def test_reproduce_continues_after_ctrl_c_with_the_same_command(
    source, data_dir, tmp_path, monkeypatch, capsys
):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(data_dir, whole, "--epochs", "2")
    with monkeypatch.context() as patch:
        interrupt_in_step(patch, 6)
        assert run(data_dir, broken, "--epochs", "2") == 130
    errors = capsys.readouterr().err
    assert "continue with" in errors
    assert f"reproduce zhao --out {broken} --epochs 2" in errors
    assert not (broken / "report.json").exists()
    assert run(data_dir, broken, "--epochs", "2") == 0
    for name in ("first", "second"):
        paths = [folder / "runs" / name / "checkpoint.npz" for folder in (whole, broken)]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_reproduce_keeps_quick_runs_apart(source, data_dir, tmp_path):
    assert run(data_dir, tmp_path, "--quick") == 0
    assert "quick-runs" in names_in(tmp_path)
    assert "runs" not in names_in(tmp_path)
    assert "Quick" in (tmp_path / "report.md").read_text()


def test_train_experiments_quick_trains_only_on_the_first_images(
    source, data_dir, tmp_path, monkeypatch
):
    monkeypatch.setattr(reproduction, "QUICK_TRAINING", 32)
    monkeypatch.setattr(reproduction, "QUICK_TEST", 8)

    def images(quick):
        data = train_experiments(
            source.experiments,
            tmp_path / str(quick),
            epochs=1,
            quick=quick,
            data_dir=str(data_dir),
            report=lambda line: None,
            progress=False,
        ).data()
        return len(data.train_images), len(data.test_images)

    assert images(quick=True) == (32, 8)
    assert images(quick=False) == (64, 32)


def test_reproduce_refuses_another_run_in_an_experiments_folder(
    source, data_dir, tmp_path, monkeypatch, capsys
):
    run(data_dir, tmp_path, "--epochs", "1")
    other = replace(source.experiments[0], latent_dim=3)
    monkeypatch.setattr(reproduce, "SOURCES", {"zhao": replace(source, experiments=[other])})
    assert run(data_dir, tmp_path, "--epochs", "1") == 2
    error = capsys.readouterr().err
    assert "latent_dim 2, not 3" in error
    assert "another --out" in error


def test_reproduce_refuses_unknown_sources(tmp_path, capsys):
    assert cli.main(["reproduce", "zaho", "--out", str(tmp_path / "none")]) == 2
    expected = "no source 'zaho'; did you mean 'zhao'? The sources are zhao, fleuret"
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert cli.main(["reproduce", "zhao"]) == 2


def test_reproduce_interrupted_has_saved(source, data_dir, tmp_path, monkeypatch):
    interrupt_in_step(monkeypatch, 2)
    with pytest.raises(Interrupted):
        reproduce.reproduce(
            "zhao", tmp_path, epochs=1, data_dir=str(data_dir), report=lambda line: None
        )
    assert (tmp_path / "runs" / "first" / "checkpoint.npz").exists()


def test_sources_have_experiments_that_build_under_names_of_their_own():
    by_name = {}
    for source in SOURCES.values():
        for one in source.experiments:
            config, _ = complete_config(
                one.recipe,
                data=one.data,
                latent_dim=one.latent_dim,
                seed=one.seed,
                options=one.options,
                settings=one.settings_for(None),
            )
            assert by_name.setdefault(one.name, config) == config
    zhao = {e.name: e.published for e in SOURCES["zhao"].experiments if e.published}
    assert zhao["zhao-mlp-z20"] == 154
    assert zhao["zhao-cnn-z1"] == 399
    assert len(zhao) == 13


def test_settings_for_fewer_epochs_keeps_the_share_of_a_warm_up():
    experiment = Experiment("x", "hierarchical-vae", settings={"epochs": 20, "warm_up": 10.0})
    settings = experiment.settings_for(4)
    assert (settings["epochs"], settings["warm_up"], settings["free_bits_epochs"]) == (4, 2, 0)
    assert experiment.settings_for(None) == {"epochs": 20, "warm_up": 10}


@pytest.mark.parametrize(
    ("name", "figures"),
    [("eecs230", 3), ("hierarchical", 3), ("factors", 3), ("discrete", 3), ("diffusion", 1)],
)
def test_reproduce_measures_and_draws_a_source(name, figures, data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "_SYNTHETIC_COUNTS", (64, 32))
    small = [
        replace(e, settings={**e.settings, "batch_size": 32}) for e in SOURCES[name].experiments
    ]
    monkeypatch.setattr(reproduce, "SOURCES", {name: replace(SOURCES[name], experiments=small)})
    words = ["--epochs", "1", "--out", str(tmp_path), "--data-dir", str(data_dir)]
    assert cli.main(["reproduce", name, *words]) == 0
    rows = json.loads((tmp_path / "report.json").read_text())
    assert len(rows) > 10
    assert len({row["name"] for row in rows}) == len(rows)
    assert all(np.isfinite(row["ours"]) for row in rows)
    assert len(names_in(tmp_path / "figures")) >= figures


def test_train_experiments_of_seeds_has_images_and_parameters_for_each(
    source, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(dataset, "_SYNTHETIC_COUNTS", (40, 20))
    seeds = [
        Experiment(f"seed{seed}", "zhao-mlp", 2, data="synthetic", seed=seed) for seed in (0, 1)
    ]
    monkeypatch.setattr(
        reproduce,
        "SOURCES",
        {"zhao": replace(source, experiments=seeds, rows=lambda r: [], draw=lambda r: [])},
    )
    results = []

    def keep(*arguments, **options):
        results.append(train_experiments(*arguments, **options))
        return results[0]

    monkeypatch.setattr(reproduce, "train_experiments", keep)
    assert cli.main(["reproduce", "zhao", "--out", str(tmp_path), "--epochs", "1"]) == 0
    (found,) = results
    runs = [found.run(experiment) for experiment in seeds]
    for seed, run in enumerate(runs):
        assert run.config["seed"] == seed
        # The run is one that `train --data synthetic --seed S` would have made.
        data = found.data("synthetic", seed)
        assert np.array_equal(data.train_images, run.load_data().train_images)
        again = build("zhao-mlp", latent_dim=2, seed=seed)
        trainer = Trainer(again, run.trainer.settings, seed=seed)
        training.train(trainer, data.train_images, data.test_images, progress=False)
        for name, value in again.state().items():
            assert np.array_equal(value, run.model.state()[name]), name
    with pytest.raises(KeyError):
        found.data()  # no MNIST was read for this
    # A run of another seed is not taken for the one that is wanted.
    other = replace(seeds[0], seed=2)
    monkeypatch.setattr(
        reproduce, "SOURCES", {"zhao": replace(reproduce.SOURCES["zhao"], experiments=[other])}
    )
    capsys.readouterr()
    assert cli.main(["reproduce", "zhao", "--out", str(tmp_path), "--epochs", "1"]) == 2
    assert "has seed 0, not 2" in capsys.readouterr().err


def test_data_key_of_mnist_is_the_same_for_every_seed():
    assert Experiment("x", "zhao-mlp", seed=3).data_key == ("mnist", 0)
    assert Experiment("x", "zhao-mlp", data="synthetic", seed=3).data_key == ("synthetic", 3)


@pytest.mark.parametrize(
    ("gaps", "says"),
    [
        ({1: [0.1, 0.2], 4: [0.3, 0.4]}, ["grows from", "0.350 beside 0.150", "do not overlap"]),
        ({1: [0.1, 0.3], 4: [0.2, 0.4]}, ["grows from", "overlap, so the seeds do not settle"]),
        ({1: [0.1, 0.1], 4: [0.4, 0.5], 8: [0.2, 0.2]}, ["does not grow", "at β = 4"]),
        ({1: [0.3, 0.4], 2: [0.2, 0.2], 4: [0.1, 0.2]}, ["does not grow", "beside 0.150 at β = 4"]),
    ],
)
def test_verdict_says_what_beta_does(gaps, says):
    text = factors.verdict(gaps)
    for words in says:
        assert words in text


def test_principal_component_error_is_that_of_a_singular_value_decomposition():
    images = small_dataset(train=60).train_images
    x = images.reshape(60, -1) / 255
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    expected = 0.5 * (values[5:] ** 2).sum() / 60
    assert eecs230.principal_component_error(images, 5) == pytest.approx(expected)


def test_grain_is_the_difference_of_neighbours():
    flat = np.full((3, 8, 8, 1), 0.5)
    assert fleuret.grain(flat) == 0
    striped = flat.copy()
    striped[:, :, ::2] = 1.5  # cut to 1
    assert fleuret.grain(striped) == 0.5


def test_write_report_shows_what_was_published_and_the_difference(tmp_path):
    rows = [Row("one", 307.0, 301.25, 20.4), Row("two", None, 0.01234567, 0.0)]
    write_report(tmp_path, "How.", [("Title", rows, [], [])])
    text = (tmp_path / "report.md").read_text()
    assert "| one | 307.0 | 301.2 | -5.75 | 20 |" in text
    assert "| two | – | 0.01235 | – | – |" in text
