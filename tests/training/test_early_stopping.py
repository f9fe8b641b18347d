"""Early stopping: when a training ends, and which epoch is kept."""

import numpy as np
import pytest
from helpers import refused
from small_runs import interrupt_in_step, names_in, small_dataset

import scratchvae
from scratchvae.runs import Run
from scratchvae.training import EpochMetrics, Interrupted, LossTerms, Settings, Trainer, train
from scratchvae.training.early_stopping import best_epoch, has_stalled

DATA = small_dataset()
# So high a rate on so few images that the test loss soon rises.
RATE = {"learning_rate": 0.02, "batch_size": 16, "epochs": 60, "patience": 3}


def history(*losses):
    terms = [None if loss is None else LossTerms(loss, loss, 0.0) for loss in losses]
    return [EpochMetrics(n, LossTerms(1.0, 1.0, 0.0), test, 0.1) for n, test in enumerate(terms, 1)]


@pytest.mark.parametrize(
    ("losses", "best", "stalls_at"),
    [
        ((5, 4, 3), 3, 0),
        ((5, 3, 4), 2, 1),
        ((3, 5, 4, 3), 1, 3),  # one that is only as good is no better
        ((5, None, 4, 6), 3, 1),
        ((None, None), None, None),
        ((), None, None),
    ],
)
def test_the_best_epoch_is_the_first_of_least_test_loss(losses, best, stalls_at):
    rows = history(*losses)
    found = best_epoch(rows)
    assert (found and found.epoch) == best
    assert not has_stalled(rows, 0)
    for patience in (1, 2, 3, 4):
        assert has_stalled(rows, patience) == (stalls_at is not None and stalls_at >= patience)


def test_a_fit_stops_early_and_leaves_its_best_epoch():
    model = scratchvae.build("zhao-mlp", seed=0)
    model.fit(DATA.train_images, test_images=DATA.test_images, progress=False, **RATE)
    epochs = len(model.history_)
    assert epochs < 60
    best = best_epoch(model.history_)
    assert epochs == best.epoch + 3
    found = model.evaluate(DATA.test_images)
    assert found.loss == pytest.approx(best.test.loss, rel=1e-6)
    assert found.loss < model.history_[-1].test.loss


def test_patience_needs_images_that_training_does_not_see():
    model = scratchvae.build("zhao-mlp", seed=0)
    before = model.state()
    with refused("patience=3 watches the loss", "give `test_images`"):
        model.fit(DATA.train_images, progress=False, **RATE)
    assert all(np.array_equal(before[name], value) for name, value in model.state().items())


@pytest.mark.parametrize("patience", [-1, 0.5, "2", True])
def test_other_patience_is_refused(patience):
    with refused("patience"):
        Settings(patience=patience)


def test_a_loop_of_a_trainer_looks_at_earlier_epochs_too():
    model = scratchvae.build("zhao-mlp", seed=0)
    trainer = Trainer(model, **RATE)
    assert train(trainer, DATA.train_images, DATA.test_images, earlier=history(1, 2, 3, 4)) == []


@pytest.mark.usefixtures("ctrl_c")
def test_a_run_that_stops_early_keeps_its_best_model_and_is_complete(tmp_path, monkeypatch):
    def trained(name):
        run = Run.begin("zhao-mlp", tmp_path / name, data="mnist", settings=RATE)
        run.train(DATA, report=lambda line: None, progress=False)
        return run

    run = trained("whole")
    best = best_epoch(run.history)
    assert run.complete
    assert run.stopped_early
    assert names_in(run.folder) >= {"best.npz", "checkpoint.npz"}
    kept = scratchvae.load(run.folder / "best.npz")
    assert kept.evaluate(DATA.test_images).loss == pytest.approx(best.test.loss, rel=1e-6)
    with monkeypatch.context() as patch:
        interrupt_in_step(patch, 4 * best.epoch + 2)
        with pytest.raises(Interrupted):
            trained("stopped")
    again = Run.resume(tmp_path / "stopped")
    again.train(DATA, report=lambda line: None, progress=False)
    for name in ("checkpoint.npz",):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes()
    opened = Run.open(run.folder)
    assert opened.complete
    opened.train(DATA, report=print, progress=False)
    assert len(opened.history) == len(run.history)


def test_a_run_watches_its_validation_images(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    np.save(tmp_path / "own.npy", images)
    data = scratchvae.data.load(tmp_path / "own.npy", validation=0.25, test=0.25)
    said = []
    run = Run.begin("zhao-mlp", tmp_path / "run", data=data, settings=RATE)
    run.train(data, report=said.append, progress=False)
    assert all("validation loss" in line for line in said)
    kept = scratchvae.load(run.folder / "best.npz")
    found = kept.evaluate(data.validation_images).loss
    assert found == pytest.approx(best_epoch(run.history).test.loss, rel=1e-6)
