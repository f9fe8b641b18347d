"""Ctrl-C and ``--resume``: what of a run is kept, and how it goes on."""

import shlex
import signal

import pytest
from small_runs import RUN_FILES, SMALL, interrupt_in_step, names_in

from scratchvae import plots
from scratchvae.runs.run import Run


@pytest.mark.parametrize("step", [1, 3, 4, 6])
def test_resume_as_printed_leads_to_the_same_bytes(
    here, call, finished, monkeypatch, without_pictures, data_dir, step
):
    monkeypatch.delenv("SCRATCHVAE_DATA")
    interrupt_in_step(monkeypatch, step)
    words = ["--data-dir", data_dir, "--out", "ein größerer Lauf"]
    code, _, errors = call("train", *SMALL, *words)
    assert code == 130
    assert f"stopped in epoch {step // 4 + 1} of 2, and saved" in errors[-2]
    monkeypatch.setattr(Run, "draw_all", lambda run, data: [])
    interrupt_in_step(monkeypatch, -1)
    command = shlex.split(errors[-1])
    assert command[0] == "scratchvae"
    code, output, errors = call(*command[1:])
    assert (code, errors) == (0, [])
    assert f"continuing after {step // 4} of 2 epochs" in output[1]
    resumed = here / "ein größerer Lauf" / "checkpoint.npz"
    assert resumed.read_bytes() == (finished / "checkpoint.npz").read_bytes()


@pytest.mark.parametrize(
    ("step", "words"),
    [(3, "before anything was saved"), (6, "stopped at once, and kept what was saved before")],
)
def test_train_says_that_a_second_ctrl_c_did_not_save(
    here, call, monkeypatch, finished, without_pictures, step, words
):
    interrupt_in_step(monkeypatch, step, times=2)
    code, _, errors = call("train", *SMALL, "--out", "run")
    assert code == 130
    assert words in errors[-2]
    assert ("checkpoint.npz" in names_in(here / "run")) == (step > 4)
    interrupt_in_step(monkeypatch, -1)
    assert call(*shlex.split(errors[-1])[1:])[0] == 0
    resumed = (here / "run" / "checkpoint.npz").read_bytes()
    assert resumed == (finished / "checkpoint.npz").read_bytes()


def test_train_keeps_the_run_at_ctrl_c_while_pictures_are_drawn(here, call, monkeypatch, finished):
    save, drawn = plots.save_figure, []

    def interrupted(figure, path):
        if drawn:
            signal.raise_signal(signal.SIGINT)
        drawn.append(path)
        save(figure, path)

    monkeypatch.setattr(plots, "save_figure", interrupted)
    code, _, errors = call("train", *SMALL, "--out", "run")
    assert code == 130
    assert "before all pictures were drawn" in errors[-2]
    assert names_in(here / "run") == {"config.json", "metrics.csv", "checkpoint.npz", "loss.png"}
    monkeypatch.setattr(plots, "save_figure", save)
    code, output, _ = call(*shlex.split(errors[-1])[1:])
    assert code == 0
    assert "already complete" in output[1]
    assert names_in(here / "run") == RUN_FILES | {"manifold.png"}


def test_train_leaves_nothing_at_ctrl_c_before_anything_is_begun(here, call, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("scratchvae.runs.data_source.load", interrupted)
    code, _, errors = call("train", "--out", "run")
    assert code == 130
    assert errors == ["", "stopped; nothing was left half written"]
    assert names_in(here) == set()


def test_train_stopped_before_its_first_file_names_no_way_to_go_on(here, call, monkeypatch):
    def stopped(*arguments):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("scratchvae.runs.kept_run.check_space", stopped)
    code, _, errors = call("train", *SMALL, "--out", "run")
    assert code == 128 + signal.SIGTERM
    assert errors == ["", "stopped; nothing was left half written"]
    assert names_in(here) == set()


def test_resume_of_a_complete_run_says_so(resumable, call):
    before = (resumable / "checkpoint.npz").read_bytes()
    code, output, errors = call("train", "--resume", "--out", "run")
    assert (code, errors) == (0, [])
    assert "already complete (2 epochs); use a larger --epochs to continue" in output[1]
    assert (resumable / "checkpoint.npz").read_bytes() == before


def test_resume_extends_a_run_and_takes_what_it_has_already(resumable, call):
    same = ["zhao-mlp", "--seed", "3", "--latent-dim", "2", "--batch-size", "16", "--beta", "1.0"]
    code, output, _ = call("train", *same, "--resume", "--out", "run", "--epochs", "3")
    assert code == 0
    assert "continuing after 2 of 3 epochs" in output[1]
    assert [line.split()[:2] for line in output[3:]] == [["epoch", "3"]]
    rows = (resumable / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["kingma-welling"], "has recipe 'zhao-mlp', not 'kingma-welling'"),
        (["--latent-dim", "3"], "has latent_dim 2, not 3"),
        (["--seed", "0"], "has seed 3, not 0"),
        (["--batch-size", "8"], "has batch_size 16, not 8"),
        (["--learning-rate", "1"], "has learning_rate 0.0025, not 1"),
        (["--beta", "0"], "has beta 1.0, not 0"),
        (["--samples", "5"], "has samples 1, not 5"),
        (["--data", "synthetic"], "has data 'mnist', not 'synthetic'"),
        (["--epochs", "1"], "2 epochs, more than the 1 requested: --epochs is the total"),
        (["--last-stage", "1"], "--last-stage is for recipes that are trained in stages"),
    ],
)
def test_resume_refuses_another_run(resumable, refuses, words, expected):
    before = {path.name: path.read_bytes() for path in resumable.iterdir()}
    refuses(["train", *words, "--resume", "--out", "run"], expected)
    assert {path.name: path.read_bytes() for path in resumable.iterdir()} == before
