"""The bugs that were found in public: each is what the page says, and the doctor names it."""

from pathlib import Path

import numpy as np
import pytest

import scratchvae
from scratchvae.checks.doctor.examination import doctor_of
from scratchvae.course.wild import BUGS, Gaussian, Minimal, images
from scratchvae.course.wild.__main__ import main
from scratchvae.course.wild.formulas import LogDeviation, SquaredErrors
from scratchvae.course.wild.page import report
from scratchvae.course.wild.pictures import draw
from scratchvae.course.wild.reductions import FittingVariance

DOCS = Path(scratchvae.__file__).parent.parent / "docs"
HEALTHY = [Minimal, Gaussian, LogDeviation, SquaredErrors, FittingVariance]

by_bug = pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)


@by_bug
def test_the_doctor_names_it_and_nothing_else(bug):
    assert tuple(finding.cause for finding in report(bug).findings) == bug.causes


def test_the_doctor_sees_at_least_twelve_of_them():
    assert sum(bool(bug.causes) for bug in BUGS.values()) >= 12


@pytest.mark.parametrize("kind", HEALTHY)
def test_the_doctor_finds_the_right_ones_healthy(kind):
    examined = doctor_of(kind(images(64, seed=1)))
    assert examined.passed, str(examined)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("means-over-pixels-and-latents", "3.92"),  # 784 / 200
        ("small-weight", "1.536"),  # 12288 · 0.00025 / 2
        ("mean-over-pixels", "784"),
        ("mean-over-latents", "0.003425"),  # 1 / 292
        ("mean-over-two-latents", "0.5"),
    ],
)
def test_its_report_has_the_number_of_the_page(name, number):
    first = report(BUGS[name]).findings[0]
    assert f" {number}" in first.sentence + first.evidence


@pytest.mark.parametrize("kind", [*(bug.faulty for bug in BUGS.values()), *HEALTHY])
def test_it_is_trained_on_the_slope_of_the_loss_that_it_computes(kind):
    x = images(6)[:, 300:340]
    vae = kind(x, hidden=7)
    noise = np.random.default_rng(3).standard_normal((len(x), vae.latents))
    vae.noise = lambda shape: noise
    vae.optimiser.step = lambda: None
    vae.train_step(x)
    learned = vae.optimiser.parameters
    random = np.random.default_rng(4)
    way = {name: random.standard_normal(p.value.shape) for name, p in learned.items()}
    along = sum(float((way[name] * p.grad).sum()) for name, p in learned.items())

    def loss_at(step):
        for name, p in learned.items():
            p.value += step * way[name]
        mean, spread = vae.encode(x)
        loss = vae.loss(x, vae.decode(vae.draw(mean, spread)), mean, spread)[0]
        for name, p in learned.items():
            p.value -= step * way[name]
        return loss

    h = 1e-6
    # Central differences in float64 are right to some 1e-9 of the loss over h, and h².
    assert (loss_at(h) - loss_at(-h)) / (2 * h) == pytest.approx(along, rel=1e-5)


def test_the_page_is_what_the_doctor_says_today(tmp_path):
    main([str(tmp_path), "--no-pictures"])
    written = (tmp_path / "bugs_in_the_wild.md").read_text(encoding="utf-8")
    assert written == (DOCS / "bugs_in_the_wild.md").read_text(encoding="utf-8")


def test_every_bug_has_its_picture_and_all_together_are_small():
    pictures = sorted((DOCS / "bugs_in_the_wild").iterdir())
    assert {p.stem for p in pictures} == {bug.picture for bug in BUGS.values()}
    assert sum(p.stat().st_size for p in pictures) < 1_500_000


def test_a_picture_is_drawn_of_both(tmp_path):
    draw(BUGS["half-forgotten"], tmp_path, steps=2)
    assert (tmp_path / "half-forgotten.png").read_bytes().startswith(b"\x89PNG")
