"""Work in another thread, and work in the middle of a training step."""

import threading

from scratchvae.engine import Engine


def in_another_thread(work):
    """Return what ``work()`` returns, or raise what it raises, in a thread of its own."""
    found, errors = [], []

    def call():
        try:
            found.append(work())
        except Exception as error:  # raised below, in the test's own thread
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return found[0]


def meanwhile(monkeypatch, work):
    """Have ``work()`` called between the forward and the backward pass of each step."""
    backward = Engine.backward

    def working(self, model):
        work()
        backward(self, model)

    monkeypatch.setattr(Engine, "backward", working)
