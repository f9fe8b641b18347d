"""``scratchvae draw``, ``evaluate`` and ``gradcheck``."""

import json
import re

import pytest
from small_runs import SMALL, complaints, names_in, run_program

from scratchvae.runs import PICTURES


@pytest.mark.parametrize("kind", PICTURES)
def test_draw_every_picture(here, call, finished, kind):
    code, output, errors = call("draw", finished, kind, "--out", f"{kind}.png")
    assert (code, output, errors) == (0, [f"{kind}.png"], [])
    assert (here / f"{kind}.png").read_bytes().startswith(b"\x89PNG")
    assert names_in(here) == {f"{kind}.png"}


def test_draw_samples_needs_no_data(here, call, finished, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_DATA", str(here / "missing"))
    assert call("draw", finished, "samples", "--out", "s.png", "--seed", "1")[0] == 0


def test_draw_refuses_bad_folders_pictures_and_files(here, refuses, finished):
    refuses(["draw", "missing", "samples"], "'missing' does not exist")
    refuses(["draw", finished / "config.json", "samples"], "is a file")
    refuses(["draw", here, "samples"], "has no config.json in it")
    refuses(["draw", finished, "portrait"], "no picture 'portrait'; the pictures are", "manifold")
    refuses(["draw", finished, "sample"], "no picture 'sample'; did you mean 'samples'?")
    refuses(["draw", finished, "samples", "--seed", "-1"], "--seed")
    refuses(["draw", finished, "samples", "--out", "s.jpg"], ".png", "'s.jpg'")
    refuses(["draw", finished, "samples", "--out", "missing/s.png"], "cannot write")
    assert names_in(here) == set()


def test_draw_refuses_a_manifold_of_three_latents(here, refuses, call, without_pictures):
    call("train", *SMALL, "--latent-dim", "3", "--out", "run")
    refuses(["draw", "run", "manifold"], "two latents", "has 3", "train", "--latent-dim 2")


def test_evaluate_and_train_refuse_damaged_runs(resumable, refuses):
    checkpoint, config = resumable / "checkpoint.npz", resumable / "config.json"
    whole = checkpoint.read_bytes()
    for content in (b"text\n", whole[:-1], whole[:1000]):
        checkpoint.write_bytes(content)
        for command in (["evaluate", "run"], ["train", "--resume", "--out", "run"]):
            refuses(command, "checkpoint.npz", "damaged or foreign", "another --out")
        assert checkpoint.read_bytes() == content
    checkpoint.unlink()
    refuses(["evaluate", "run"], "there is no checkpoint")
    config.write_text("{")
    refuses(["evaluate", "run"], "config.json", "damaged or foreign")


def test_evaluate_agrees_with_the_record_of_another_process(here, call, finished, data_dir):
    words = ["evaluate", finished, "--json"]
    process = run_program(here, data_dir, *words)
    assert (process.returncode, complaints(process)) == (0, [])
    figures = json.loads(process.stdout)
    of_run = {"run", "recipe", "data", "seed", "epochs", "version"}
    assert set(figures) == of_run | {"loss", "reconstruction", "kl", "elbo"}
    last = (finished / "metrics.csv").read_text().splitlines()[-1].split(",")
    for name, value in zip(("loss", "reconstruction", "kl"), last[4:7], strict=True):
        assert figures[name] == pytest.approx(float(value), abs=1e-3)
    assert call(*words)[1] == call(*words)[1] == process.stdout.splitlines()


def test_evaluate_prints_a_table(here, call, finished):
    code, output, _ = call("evaluate", finished)
    assert code == 0
    assert "nats per image" in output[0]
    assert [line.split()[0] for line in output[1:]] == ["loss", "reconstruction", "kl", "elbo"]


@pytest.mark.parametrize(
    ("recipe", "meanings"),
    [
        ("zhao-mlp", ["-log p(x | z), ", "KL(q(z | x) || N(0, I))", "bound on log p(x), "]),
        ("conditional-vae", ["-log p(x | z, class), ", "q(z | x, class)", "log p(x | class), "]),
        ("hierarchical-vae", ["log p(z1 | z2), plus KL(q(z2 | z1) || N(0, I))"]),
        ("autoencoder", ["none, since there is no prior"]),
    ],
)
def test_evaluate_says_what_its_numbers_are(call, here, without_pictures, recipe, meanings):
    call("train", recipe, *SMALL, "--out", "run")
    code, output, _ = call("evaluate", "run")
    assert code == 0
    for meaning in meanings:
        assert meaning in "\n".join(output)
    assert "\n".join(output).isascii()


def test_evaluate_importance_samples_gives_the_likelihood_and_its_error(call, here, finished):
    words = ["evaluate", finished, "--importance-samples", 20]
    figures = json.loads(call(*words, "--json")[1][0])
    assert {"elbo", "reconstruction", "kl", "nll", "nll_standard_error"} <= set(figures)
    assert figures["importance_samples"] == 20
    assert figures["nll"] < -figures["elbo"] + 5 * figures["nll_standard_error"]
    assert figures["nll_standard_error"] > 0
    table = [line.split() for line in call(*words)[1][1:]]
    assert [row[0] for row in table[-3:]] == ["nll", "nll_standard_error", "importance_samples"]
    assert table[-3][1] == f"{figures['nll']:.3f}"
    assert table[-1][1] == "20"
    one = json.loads(call(*words[:3], 1, "--json")[1][0])
    assert one["nll_standard_error"] is None  # one draw says nothing of its spread


def test_gradcheck_says_how_many_passed(here, call, monkeypatch):
    code, output, _ = call("gradcheck", "Tanh")
    assert code == 0
    assert re.fullmatch(r"(\d+) of \1 checks passed", output[-1])

    class Wrong:
        passed = False

    monkeypatch.setattr("scratchvae.checks.suite.all_checks", lambda: [("Tanh", Wrong)])
    code, output, errors = call("gradcheck")
    assert code == 1
    assert errors == ["wrong: Tanh"]
