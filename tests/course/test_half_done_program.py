"""A reader's program that is half done, or broken: later cells get pieces, and hear whose."""

from pathlib import Path

import numpy as np
import pytest

import scratchvae
from scratchvae.course import notebooks, own_program, patience, program
from scratchvae.course.exercises import check
from scratchvae.course.exercises.pieces import yours

START = "import numpy as np\nfrom scratchvae.course.program import *\n\n\n"
RIGHT_DRAW = (
    "def draw(mean, log_variance, eps):\n    return mean + np.exp(log_variance / 2) * eps\n"
)
WRONG_DRAW = RIGHT_DRAW.replace(" / 2", "")
TRAIN = """
def latent_gradients(dz, mean, log_variance, eps):
    z, kl = draw_backward(dz, log_variance, eps), kl_gradients(mean, log_variance)
    return tuple(a + b / len(mean) for a, b in zip(z, kl))
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write the reader's program, and say what asking for pieces of it prints."""
    path = tmp_path / "my_vae.py"
    monkeypatch.setenv(own_program.VARIABLE, str(path))
    monkeypatch.setattr(patience, "MOST_SECONDS", 1.0)

    def write(text):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def broken(:\n", "has an error in line 1"),
        (b"x = 1\x00\n", "has an error"),
        ("import sys\nsys.exit(3)\n", "stops with SystemExit: 3"),
        ("import nothing_of_this_name\n", "stops with ModuleNotFoundError"),
        ("while True:\n    pass\n", "had not ended after 1 seconds"),
    ],
)
def test_a_file_that_cannot_be_run_leaves_all_pieces_ours(own, text, words, capsys):
    own(text)
    for _ in range(2):
        assert yours("draw") is program.draw
        said = capsys.readouterr().out
        assert words in said
        assert said.endswith("all pieces are ours, until that is mended.\n")
    stub = check("draw", lambda mean, log_variance, eps: None)
    assert stub.status == "not done"
    assert words in stub.message


def test_a_folder_of_that_name_is_no_program(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(own_program.VARIABLE, str(tmp_path))
    assert yours("draw") is program.draw
    assert "cannot be read" in capsys.readouterr().out


def test_each_piece_is_theirs_if_right_and_ours_if_wrong_missing_or_a_stub(own, capsys):
    own(
        START + WRONG_DRAW + "\n\ndef noise(rng, count, latents, dtype): ...\n"
        "def cosine(progress):\n    return (1 + np.cos(np.pi * progress)) / 2\n"
        "sample = np.zeros((3, 3))\n"
    )
    draw, noise, cosine, sample, toss = yours("draw", "noise", "cosine", "sample", "toss")
    assert (draw, noise, sample, toss) == (
        program.draw,
        program.noise,
        program.sample,
        program.toss,
    )
    assert cosine is not program.cosine
    said = capsys.readouterr().out
    assert "draw in " in said
    assert "multiplies the noise by the variance" in said
    assert "noise in " in said
    assert "not done." in said
    assert "expected a function, not ndarray" in said
    assert "cosine: yours, from " in said
    assert "draw, noise, sample, toss: ours, until yours are right." in said


def test_a_right_piece_is_not_blamed_for_a_wrong_one_that_it_uses(own, capsys):
    own(START + TRAIN + "\n\ndef draw_backward(dz, log_variance, eps):\n    return dz, dz\n")
    own_piece = yours("latent_gradients")
    assert own_piece is not program.latent_gradients
    assert "latent_gradients: yours" in capsys.readouterr().out
    rng = np.random.default_rng(0)
    arguments = rng.standard_normal((4, 3, 2))
    for given, right in zip(
        own_piece(*arguments), program.latent_gradients(*arguments), strict=True
    ):
        np.testing.assert_allclose(given, right)


def test_a_piece_may_use_one_that_is_not_written_yet(own, capsys):
    own(TRAIN)  # a file of one's own, which imports nothing of ours
    assert check("latent-gradients", lambda dz, mean, log_variance, eps: None).right
    assert yours("latent_gradients", "draw_backward")[0] is not program.latent_gradients
    assert "latent_gradients: yours" in capsys.readouterr().out


def test_an_endless_piece_is_waited_for_once(own, capsys, monkeypatch):
    own(START + RIGHT_DRAW.replace("    return", "    while True: pass\n    return"))
    assert yours("draw") is program.draw
    assert "draw in " in capsys.readouterr().out
    monkeypatch.setattr(patience, "MOST_SECONDS", -1.0)  # any further call would be endless at once
    assert yours("cosine", "draw") == (program.cosine, program.draw)
    assert "had not ended after 1 seconds" in capsys.readouterr().out


def test_a_piece_under_nearly_its_name_is_pointed_out(own, capsys):
    own(
        START + "def kl_to_std(mean, log_variance):\n    return mean\n\n\ndef helper():\n    pass\n"
    )
    assert yours("kl_to_standard", "draw") == (program.kl_to_standard, program.draw)
    said = capsys.readouterr().out
    assert "has kl_to_std: if that is to be kl_to_standard, rename it." in said
    assert "helper" not in said


def test_a_change_within_the_same_second_is_seen(own):
    own(START + WRONG_DRAW.replace("mean + ", "mean - "))
    assert yours("draw") is program.draw
    own(START + RIGHT_DRAW.replace("mean + ", "eps * 0 + mean + ")[: len(START + WRONG_DRAW)])
    assert yours("draw") is not program.draw


HALF_DONE = """
import numpy as np


class Tanh:  # right, in another hand
    parameters = gradients = {}

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy - dy * self.y**2


def draw(mean, log_variance, eps):  # wrong
    return mean + np.exp(log_variance) * eps


def kl_standard(mean, log_variance):  # under another name
    return 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance, axis=-1)


def cosine(progress): ...


class VAE:  # right, but for what it uses
    def __init__(self, encoder, decoder, likelihood, latents):
        self.encoder, self.decoder = encoder, decoder
        self.likelihood, self.latents = likelihood, latents

    def encode(self, x):
        both = self.encoder.forward(x)
        return both[:, : self.latents], both[:, self.latents :]

    def forward(self, x, eps):
        mean, log_variance = self.encode(x)
        y = self.decoder.forward(draw(mean, log_variance, eps))
        self.kept = x, eps, mean, log_variance, y
        return self.likelihood.nats(x, y), kl_to_standard(mean, log_variance)

    def backward(self):
        x, eps, mean, log_variance, y = self.kept
        dz = decoder_backward(self.decoder, self.likelihood, x, y)
        encoder_backward(self.encoder, *latent_gradients(dz, mean, log_variance, eps))

    parameters = property(lambda self: self._named("parameters"))
    gradients = property(lambda self: self._named("gradients"))

    def _named(self, kind):
        networks = {"encoder": self.encoder, "decoder": self.decoder}
        return {f"{n}.{k}": a for n, its in networks.items() for k, a in getattr(its, kind).items()}
"""


def test_a_lesson_runs_on_a_half_done_program_and_says_what_it_uses(tmp_path):
    """The lesson that uses most pieces, with some that are right, wrong, misnamed and stubs."""
    own = tmp_path / "my_vae.py"
    own.write_text(HALF_DONE, encoding="utf-8")
    lessons = Path(scratchvae.__file__).parent.parent / "lessons"
    notebook = notebooks.read(lessons / "12_your_vae.ipynb")
    ran = notebooks.execute(notebook, tmp_path, fast=True, data="synthetic", own=own)
    said = "".join(o.get("text", "") for cell in ran.cells for o in cell.get("outputs", []))
    assert "Tanh: yours, from " in said
    assert "VAE: yours, from " in said
    assert "that multiplies the noise by the variance" in said
    assert "has kl_standard: if that is to be kl_to_standard, rename it." in said
    assert "cosine in " in said
    assert own.read_text(encoding="utf-8") == HALF_DONE
