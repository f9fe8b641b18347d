"""Ctrl-C and its kin: the first stops between two steps and says so, the second at once."""

import io
import signal
import sys
import threading
from contextlib import nullcontext

import numpy as np
import pytest
from helpers import assert_same, small_vae

from scratchvae.training import Interrupted, Trainer, train
from scratchvae.training.interruption import OrderlyStop, Stopped, signals_interrupt

pytestmark = pytest.mark.usefixtures("ctrl_c")

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 3, 5, 1), dtype=np.uint8)
OTHERS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]


def signalled(number, step=2, times=1, seen=lambda: None):
    """Return a trainer to which a signal is sent in the middle of a step."""
    trainer = Trainer(small_vae(), epochs=2, batch_size=4)
    take = trainer.step_on_floats

    def stopped(x):
        if trainer.optimiser.steps + 1 == step:
            for _ in range(times):
                signal.raise_signal(number)
            seen()
        return take(x)

    trainer.step_on_floats = stopped
    return trainer


@pytest.mark.parametrize("number", OTHERS)
def test_a_signal_stops_training_as_ctrl_c_does(number):
    trainer = signalled(number)
    with signals_interrupt(), pytest.raises(Interrupted) as stop:
        train(trainer, IMAGES)
    assert stop.value.signum == number
    assert trainer.optimiser.steps == 2
    trainer = signalled(number, times=2)
    with signals_interrupt(), pytest.raises(Stopped) as stop:
        train(trainer, IMAGES)
    assert not isinstance(stop.value, Interrupted)
    assert (stop.value.signum, trainer.optimiser.steps) == (number, 1)
    assert signal.getsignal(number) == signal.SIG_DFL


@pytest.mark.parametrize("number", OTHERS)
def test_a_signal_that_somebody_handles_is_theirs(number):
    came = []
    before = signal.signal(number, lambda number, frame: came.append(number))
    try:
        with signals_interrupt():
            train(signalled(number), IMAGES)
        assert came == [number]
        signal.signal(number, signal.SIG_IGN)  # as nohup does
        with signals_interrupt():
            train(signalled(number), IMAGES)
    finally:
        signal.signal(number, before)


def test_outside_the_program_other_signals_are_left_as_they_are():
    found = []
    train(
        signalled(signal.SIGURG, seen=lambda: found.extend(map(signal.getsignal, OTHERS))), IMAGES
    )
    assert found == [signal.SIG_DFL] * len(OTHERS)


def test_the_first_ctrl_c_says_at_once_what_it_does(capsys):
    said = []
    trainer = signalled(signal.SIGINT, seen=lambda: said.append(capsys.readouterr().err))
    with pytest.raises(KeyboardInterrupt):
        train(trainer, IMAGES)
    assert len(said) == 1
    for words in ("stopping when this step is done", "Ctrl-C again stops at once"):
        assert words in said[0]


def test_a_fit_that_is_stopped_keeps_its_epochs_and_its_weights(monkeypatch):
    def fitted(images, stopped_in=0, **settings):
        model, step = small_vae(), Trainer.step_on_floats

        def stopped(trainer, *arguments):
            if trainer.optimiser.steps + 1 == stopped_in:
                signal.raise_signal(signal.SIGINT)
            return step(trainer, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "step_on_floats", stopped)
            with pytest.raises(Interrupted) if stopped_in else nullcontext():
                model.fit(images, batch_size=4, progress=False, **settings)
        return model

    whole, stopped = fitted(IMAGES, epochs=2), fitted(IMAGES, 6, epochs=5)
    assert [row.epoch for row in stopped.history_] == [1, 2]
    assert_same(stopped.state(), whole.state())


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError(), RuntimeError()])
def test_ctrl_c_is_heard_where_nothing_can_be_said(monkeypatch, error):
    class Closed:
        def write(self, text):
            raise error

        flush = isatty = lambda self: False

    monkeypatch.setattr(sys, "stderr", Closed())
    trainer = signalled(signal.SIGINT)
    with pytest.raises(Interrupted, match=r"^stopped between two steps$"):
        train(trainer, IMAGES)
    assert trainer.optimiser.steps == 2


def test_what_ctrl_c_says_is_not_held_back_in_a_buffer(monkeypatch):
    class Buffered(io.StringIO):
        flushed = ""

        def flush(self):
            self.flushed = self.getvalue()

    stream = Buffered()
    monkeypatch.setattr(sys, "stderr", stream)
    with OrderlyStop() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stream.flushed == (
            "\nstopping when this step is done (compiling can take seconds); Ctrl-C again stops at "
            "once\n"
        )
        with pytest.raises(Interrupted) as interrupted:
            stop.raise_if_requested()
    assert interrupted.value.signum == signal.SIGINT


def test_in_another_thread_no_signal_is_touched():
    found = []

    def run():
        with signals_interrupt(), OrderlyStop() as stop:
            stop.raise_if_requested()
            found.extend(map(signal.getsignal, (signal.SIGINT, *OTHERS)))

    worker = threading.Thread(target=run)
    worker.start()
    worker.join()
    assert found == [signal.default_int_handler, *[signal.SIG_DFL] * len(OTHERS)]
