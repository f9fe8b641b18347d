import fcntl
import gzip
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from small_runs import (
    RUN_FILES,
    interrupt_in_step,
    names_in,
    process_options,
    program,
    run_program,
    small_dataset,
    usual_ctrl_c,
    write_data_folder,
)

import scratchvae
from scratchvae import cli, commands, plots
from scratchvae.runs import PICTURES, Run

SMALL = ["--batch-size", "16", "--epochs", "2"]


@pytest.fixture(autouse=True)
def ctrl_c():
    with usual_ctrl_c():
        yield


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return write_data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data_dir):
    """Return the folder of a run that the program has trained from beginning to end."""
    folder = tmp_path_factory.mktemp("cli") / "finished"
    assert cli.main(["train", *SMALL, "--data-dir", str(data_dir), "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, data_dir):
    """Return an empty working folder, with the small data found by itself."""
    monkeypatch.setenv("SCRATCHVAE_DATA", str(data_dir))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def without_pictures(monkeypatch):
    """Leave the pictures out, which take longer than all the rest."""
    monkeypatch.setattr(Run, "draw_all", lambda run, data: [])


@pytest.fixture
def call(capsys):
    """Return a function that calls the program: exit code, lines of output, lines of errors."""

    def call(*words):
        capsys.readouterr()
        code = cli.main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err.splitlines()

    return call


@pytest.fixture
def refuses(call):
    """Return a function that expects the program to refuse, in one line that holds some words."""

    def refuses(arguments, *words):
        code, _, errors = call(*arguments)
        assert code == 2
        assert len(errors) == 1, errors
        assert errors[0].startswith("scratchvae: error: ")
        for word in words:
            assert word in errors[0]

    return refuses


# --- train ---------------------------------------------------------------------------------------


def test_training_says_what_it_does_and_leaves_a_folder(here, call):
    code, output, errors = call("train", *SMALL)
    assert (code, errors) == (0, [])
    assert output[0].startswith("MNIST from ")
    assert "(64 + 32 images)" in output[0]
    assert "zhao-mlp with 2 latents, 534,068 parameters; 2 epochs" in output[1]
    assert "nats per image" in output[2]
    assert [line.split()[:2] for line in output[3:5]] == [["epoch", "1"], ["epoch", "2"]]
    assert names_in(here / "runs" / "zhao-mlp") == RUN_FILES | {"manifold.png"}
    assert set(output[5:]) == {
        f"drew runs/zhao-mlp/{name}"
        for name in RUN_FILES | {"manifold.png"}
        if name.endswith("png")
    }


def test_the_same_command_twice_gives_the_same_bytes_in_another_folder(
    here, call, finished, without_pictures
):
    call("train", *SMALL)
    call("train", *SMALL)
    assert names_in(here / "runs") == {"zhao-mlp", "zhao-mlp-2"}
    expected = (finished / "checkpoint.npz").read_bytes()
    for name in ("zhao-mlp", "zhao-mlp-2"):
        assert (here / "runs" / name / "checkpoint.npz").read_bytes() == expected


def test_options_reach_the_run(here, call, without_pictures):
    words = ["--latent-dim", 3, "--learning-rate", "0.5e-3", "--beta", 0, "--seed", 7]
    code, output, _ = call("train", "kingma-welling", *SMALL, *words, "--out", "run")
    assert code == 0
    assert "3 latents" in output[1]
    config = json.loads((here / "run" / "config.json").read_text())
    assert (config["recipe"], config["latent_dim"], config["seed"]) == ("kingma-welling", 3, 7)
    assert config["options"]["beta"] == 0
    assert config["settings"]["learning_rate"] == 0.0005
    assert config["settings"]["batch_size"] == 16
    assert config["settings"]["pixels"] == "binarised"


def test_auto_says_why_it_is_not_mnist(here, call, monkeypatch, without_pictures):
    def instead(name, **options):
        assert name == "auto"
        data = small_dataset()
        return type(data)(
            "synthetic", *list(vars(data).values())[1:5], origin="MNIST could not be downloaded"
        )

    monkeypatch.setattr(commands, "load", instead)
    code, output, _ = call("train", *SMALL, "--out", "run")
    assert code == 0
    assert output[0] == "MNIST could not be downloaded"
    assert json.loads((here / "run" / "config.json").read_text())["data"] == "synthetic"


def test_mnist_never_falls_back(here, refuses):
    (here / "empty").mkdir()
    refuses(["train", "--data", "mnist", "--data-dir", "empty"], "expected MNIST in 'empty'")
    assert names_in(here) == {"empty"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["zaho-mlp"], ["no recipe 'zaho-mlp'", "did you mean zhao-mlp?"]),
        (["--lerning-rate", "3"], ["'--lerning-rate'", "mean --learning-rate?", "train --help"]),
        (["zhao-mlp", "more"], ["unexpected argument 'more'"]),
        (["--epochs"], ["--epochs", "expected one argument"]),
        (["--epochs", "0"], ["--epochs: expected a whole number of at least 1, not '0'"]),
        (["--epochs", "-1"], ["--epochs: expected a whole number of at least 1, not '-1'"]),
        (["--epochs", "abc"], ["'abc'"]),
        (["--epochs", "2.5"], ["'2.5'"]),
        (["--latent-dim", "0"], ["--latent-dim: expected a whole number of at least 1, not '0'"]),
        (["--latent-dim", "9" * 30], ["--latent-dim: expected a whole number of at most"]),
        (["--batch-size", "0"], ["--batch-size: expected a whole number of at least 1, not '0'"]),
        (["--seed", "-1"], ["--seed: expected a whole number of at least 0, not '-1'"]),
        (["--learning-rate", "nan"], ["expected a finite number above 0, not 'nan'"]),
        (["--learning-rate", "0"], ["expected a finite number above 0, not '0'"]),
        (["--learning-rate", "-1"], ["expected a finite number above 0, not '-1'"]),
        (["--learning-rate", "inf"], ["expected a finite number above 0, not 'inf'"]),
        (["--learning-rate", "fast"], ["expected a finite number above 0, not 'fast'"]),
        (["--learning-rate", "1e30"], ["loss became", "below 1e+30"]),
        (["--beta", "nan"], ["expected a finite number of at least 0, not 'nan'"]),
        (["--beta", "-1"], ["expected a finite number of at least 0, not '-1'"]),
        (["autoencoder", "--beta", "1"], ["autoencoder has no option 'beta'"]),
        (["--data", "mnits"], ["'mnits'", "did you mean mnist?"]),
        (["--data-dir", "missing"], ["'missing' does not exist"]),
        (["--out", ""], ["--out: expected the name"]),
        (["--out", "/proc/none"], ["/proc/none", "choose another"]),
        (["--resume"], ["--resume needs --out DIR"]),
        (["--resume", "--out", "missing"], ["'missing' does not exist"]),
    ],
)
def test_bad_words_are_refused_in_one_line_and_nothing_is_written(here, refuses, words, expected):
    refuses(["train", *words], *expected)
    assert names_in(here) == set()


def test_a_model_too_large_for_the_memory_is_refused(here, refuses, monkeypatch):
    def large(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(commands, "build", large)
    refuses(["train"], "memory is too small", "--latent-dim")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "required: COMMAND"),
        (["trian"], "invalid choice: 'trian'"),
        (["--nonsense"], "COMMAND"),
        (["draw"], "required: DIR, PICTURE"),
        (["evaluate"], "required: DIR"),
        (["gradcheck", "Dence"], "no check 'Dence'"),
    ],
)
def test_bad_commands_are_refused_in_one_line(here, refuses, words, expected):
    refuses(words, expected)


def test_a_truncated_data_file_is_refused(here, refuses, tmp_path):
    folder = write_data_folder(tmp_path / "damaged")
    whole = small_dataset().train_images
    (folder / "mnist" / "train-images-idx3-ubyte").unlink()
    packed = gzip.compress(whole.tobytes())
    (folder / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(packed[: len(packed) // 2])
    refuses(["train", "--data-dir", folder], "train-images-idx3-ubyte.gz")
    assert names_in(here) == set()


def test_a_folder_that_holds_a_run_is_refused_with_a_hint(here, refuses, call, without_pictures):
    call("train", *SMALL, "--out", "a run")
    before = (here / "a run" / "checkpoint.npz").read_bytes()
    refuses(["train", "--out", "a run"], "holds a run already", "--resume --out 'a run'")
    assert (here / "a run" / "checkpoint.npz").read_bytes() == before


@pytest.mark.parametrize("where", ["config.json", "config.json/run"])
def test_a_file_in_the_place_of_a_folder_is_refused(here, refuses, finished, where):
    refuses(["train", "--out", finished / where], "is a file", "another --out")


def test_a_full_disk_is_refused_and_nothing_is_left(here, refuses, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refuses(["train", *SMALL, "--out", "run"], "No space left", "config.json")
    assert names_in(here) == set()


# --- Ctrl-C and --resume -------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 3, 4, 6])
def test_the_printed_command_goes_on_to_the_same_bytes(
    here, call, finished, monkeypatch, without_pictures, data_dir, step
):
    monkeypatch.delenv("SCRATCHVAE_DATA")
    interrupt_in_step(monkeypatch, step)
    words = ["--data-dir", data_dir, "--out", "ein größerer Lauf"]
    code, _, errors = call("train", *SMALL, *words)
    assert code == 130
    assert f"stopped in epoch {step // 4 + 1} of 2, and saved" in errors[-2]
    monkeypatch.setattr(commands.Run, "draw_all", lambda run, data: [])
    interrupt_in_step(monkeypatch, -1)
    command = shlex.split(errors[-1])
    assert command[0] == "scratchvae"
    code, output, errors = call(*command[1:])
    assert (code, errors) == (0, [])
    assert f"going on after {step // 4} of 2 epochs" in output[1]
    resumed = here / "ein größerer Lauf" / "checkpoint.npz"
    assert resumed.read_bytes() == (finished / "checkpoint.npz").read_bytes()


@pytest.mark.parametrize(
    ("step", "words"),
    [(3, "before anything was saved"), (6, "stopped at once, and kept what was saved before")],
)
def test_a_second_ctrl_c_says_that_it_did_not_save(
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


def test_ctrl_c_while_pictures_are_drawn_keeps_the_run(here, call, monkeypatch, finished):
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
    assert "complete" in output[1]
    assert names_in(here / "run") == RUN_FILES | {"manifold.png"}


def test_ctrl_c_before_anything_is_begun_leaves_nothing(here, call, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "load", interrupted)
    code, _, errors = call("train", "--out", "run")
    assert code == 130
    assert errors == ["", "stopped; nothing was left half written"]
    assert names_in(here) == set()


@pytest.fixture
def resumable(here, call, without_pictures):
    call("train", *SMALL, "--seed", "3", "--out", "run")
    return here / "run"


def test_a_complete_run_says_so(resumable, call):
    before = (resumable / "checkpoint.npz").read_bytes()
    code, output, errors = call("train", "--resume", "--out", "run")
    assert (code, errors) == (0, [])
    assert "complete, with all of its 2 epochs" in output[1]
    assert (resumable / "checkpoint.npz").read_bytes() == before


def test_a_resumed_run_can_be_extended_and_told_what_it_knows(resumable, call):
    same = ["zhao-mlp", "--seed", "3", "--latent-dim", "2", "--batch-size", "16", "--beta", "1.0"]
    code, output, _ = call("train", *same, "--resume", "--out", "run", "--epochs", "3")
    assert code == 0
    assert "going on after 2 of 3 epochs" in output[1]
    assert [line.split()[:2] for line in output[2:]] == [["epoch", "3"]]
    rows = (resumable / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["kingma-welling"], "has recipe zhao-mlp, not kingma-welling"),
        (["--latent-dim", "3"], "has latent_dim 2, not 3"),
        (["--seed", "0"], "has seed 3, not 0"),
        (["--batch-size", "8"], "has batch_size 16, not 8"),
        (["--learning-rate", "1"], "has learning_rate 0.0025, not 1"),
        (["--beta", "0"], "has beta 1.0, not 0"),
        (["--data", "synthetic"], "has data mnist, not synthetic"),
        (["--epochs", "1"], "has done 2 epochs"),
    ],
)
def test_a_resumed_run_refuses_to_be_another(resumable, refuses, words, expected):
    before = {path.name: path.read_bytes() for path in resumable.iterdir()}
    refuses(["train", *words, "--resume", "--out", "run"], expected)
    assert {path.name: path.read_bytes() for path in resumable.iterdir()} == before


# --- draw and evaluate ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PICTURES)
def test_every_picture_is_drawn(here, call, finished, kind):
    code, output, errors = call("draw", finished, kind, "--out", f"{kind}.png")
    assert (code, output, errors) == (0, [f"{kind}.png"], [])
    assert (here / f"{kind}.png").read_bytes().startswith(b"\x89PNG")
    assert names_in(here) == {f"{kind}.png"}


def test_samples_need_no_data(here, call, finished, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_DATA", str(here / "missing"))
    assert call("draw", finished, "samples", "--out", "s.png", "--seed", "1")[0] == 0


def test_bad_drawings_are_refused(here, refuses, finished):
    refuses(["draw", "missing", "samples"], "'missing' does not exist")
    refuses(["draw", finished / "config.json", "samples"], "is a file")
    refuses(["draw", here, "samples"], "holds no run")
    refuses(["draw", finished, "portrait"], "no picture 'portrait'", "manifold")
    refuses(["draw", finished, "samples", "--seed", "-1"], "--seed")
    refuses(["draw", finished, "samples", "--out", "s.jpg"], ".png", "'s.jpg'")
    refuses(["draw", finished, "samples", "--out", "missing/s.png"], "cannot write")
    assert names_in(here) == set()


def test_a_manifold_of_three_latents_is_refused(here, refuses, call, without_pictures):
    call("train", *SMALL, "--latent-dim", "3", "--out", "run")
    refuses(["draw", "run", "manifold"], "two latents", "has 3")


def test_damaged_runs_are_refused(resumable, refuses):
    checkpoint, config = resumable / "checkpoint.npz", resumable / "config.json"
    whole = checkpoint.read_bytes()
    for content in (b"text\n", whole[:-1], whole[:1000]):
        checkpoint.write_bytes(content)
        for command in (["evaluate", "run"], ["train", "--resume", "--out", "run"]):
            refuses(command, "checkpoint.npz", "damaged or foreign", "train anew")
        assert checkpoint.read_bytes() == content
    checkpoint.unlink()
    refuses(["evaluate", "run"], "there is no checkpoint")
    config.write_text("{")
    refuses(["evaluate", "run"], "config.json", "damaged or foreign")


def test_evaluation_agrees_with_the_record_of_another_process(here, call, finished, data_dir):
    words = ["evaluate", finished, "--json"]
    process = run_program(here, data_dir, *words)
    assert (process.returncode, complaints(process)) == (0, [])
    figures = json.loads(process.stdout)
    assert set(figures) == {"recipe", "data", "loss", "reconstruction", "kl", "elbo"}
    last = (finished / "metrics.csv").read_text().splitlines()[-1].split(",")
    for name, value in zip(("loss", "reconstruction", "kl"), last[4:7], strict=True):
        assert figures[name] == pytest.approx(float(value), abs=1e-3)
    assert call(*words)[1] == call(*words)[1] == process.stdout.splitlines()


def test_evaluation_prints_a_table(here, call, finished):
    code, output, _ = call("evaluate", finished)
    assert code == 0
    assert "nats per image" in output[0]
    assert [line.split()[0] for line in output[1:]] == ["loss", "reconstruction", "kl", "elbo"]


def test_evaluation_with_importance_samples_gives_the_likelihood_and_its_error(
    call, here, finished
):
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

    monkeypatch.setattr("scratchvae.check_suite.all_checks", lambda: [("Tanh", Wrong)])
    code, output, errors = call("gradcheck")
    assert code == 1
    assert errors == ["wrong: Tanh"]


# --- processes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["train", "draw", "evaluate", "gradcheck"])
def test_help_shows_an_example_that_works(here, call, command, monkeypatch, without_pictures):
    code, output, errors = call(command, "--help")
    assert (code, errors) == (0, [])
    start = output.index("example:") + 1
    examples = [line.strip() for line in output[start:] if line.startswith("  scratchvae ")]
    assert examples
    data = small_dataset()
    monkeypatch.setattr(commands, "load", lambda name, **options: data)
    for example in examples:
        words = shlex.split(example)[1:]
        # The one thing that the example asks for and this test does not: time.
        assert call(*[word if word != "synthetic" else "mnist" for word in words])[0] == 0


def test_version_and_help_of_the_program(here, call):
    assert call("--version")[:2] == (0, [f"scratchvae {scratchvae.__version__}"])
    code, output, _ = call("--help")
    assert code == 0
    for command in ("train", "draw", "evaluate", "gradcheck"):
        assert any(line.split()[:1] == [command] for line in output)


def complaints(process):
    """Return the lines on standard error, but for the note that kernels are being compiled."""
    return [line for line in process.stderr.splitlines() if not line.startswith("compiling")]


def start(folder, data_dir, *words, **options):
    return subprocess.Popen(
        program(*words), text=True, **process_options(folder, data_dir), **options
    )


LONG = ["--batch-size", "1", "--epochs", "5"]


@pytest.fixture(scope="module")
def through(tmp_path_factory, data_dir):
    """Return the bytes of the checkpoint of a run that was not interrupted."""
    folder = tmp_path_factory.mktemp("through")
    process = run_program(folder, data_dir, "train", *LONG, "--out", "run")
    assert (process.returncode, complaints(process)) == (0, [])
    return (folder / "run" / "checkpoint.npz").read_bytes()


def test_a_process_stops_at_ctrl_c_and_goes_on_as_it_says(here, data_dir, through):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = start(here, data_dir, "train", *LONG, "--out", "the run", **pipes)
    for line in process.stdout:
        if line.startswith("epoch   1"):
            process.send_signal(signal.SIGINT)
            break
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped in epoch" in errors
    assert "Traceback" not in errors
    assert "epoch   5" not in output
    assert names_in(here / "the run") == {"config.json", "metrics.csv", "checkpoint.npz"}
    command = shlex.split(errors.splitlines()[-1])
    assert command[:3] == ["python", "-m", "scratchvae"]
    resumed = run_program(here, data_dir, *command[3:])
    assert (resumed.returncode, complaints(resumed)) == (0, [])
    assert (here / "the run" / "checkpoint.npz").read_bytes() == through
    assert names_in(here / "the run") == RUN_FILES | {"manifold.png"}


def on_terminal(folder, data_dir, words, columns, until=None):
    """Run the program on a terminal; press Ctrl-C when ``until`` has appeared."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    streams = {"stdin": slave, "stdout": slave, "stderr": slave}
    process = start(folder, data_dir, *words, **streams)
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the process has ended
            break
        if not piece:
            break
        seen += piece
        if until is not None and until in seen:
            process.send_signal(signal.SIGINT)
            until = None
    os.close(master)
    return process.wait(timeout=60), seen.decode()


def screen(text):
    """Return what a terminal shows in the end: a carriage return goes back over the line."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_a_terminal_shows_a_bar_and_whole_lines(here, data_dir):
    words = ["train", "--batch-size", "1", "--epochs", "2", "--out", "run"]
    code, text = on_terminal(here, data_dir, words, columns=80)
    assert code == 0
    bars = [part for part in re.split("[\r\n]", text) if "images/s" in part]
    pattern = (
        r"epoch [12]/2  loss [\d.]+  rec\. [\d.]+  KL [\d.]+ \|.+\| +[\d.k]+ images/s  [\d:]+ left"
    )
    assert any(re.fullmatch(pattern, bar.strip()) for bar in bars), bars[-3:]
    assert all(len(bar) <= 80 for bar in bars)
    lines = screen(text)
    epochs = [line for line in lines if line.startswith("epoch")]
    assert len(epochs) == 2
    for number, line in enumerate(epochs, 1):
        assert re.fullmatch(rf"epoch   {number}   loss .* test loss +[\d.]+ +[\d.]+ s", line)
    assert not any("images/s" in line for line in lines)  # the bar is wiped away
    assert lines[-2] == "drew run/manifold.png"


def test_ctrl_c_on_a_terminal_leaves_a_clean_line(here, data_dir):
    words = ["train", *LONG, "--out", "run"]
    code, text = on_terminal(here, data_dir, words, columns=100, until=b"epoch   1")
    assert code == 130
    assert any(line.startswith("stopped in epoch") for line in screen(text))
    assert screen(text)[-2] == "  python -m scratchvae train --resume --out run"


def test_without_a_terminal_there_are_plain_lines_alone(here, data_dir):
    process = run_program(here, data_dir, "train", *SMALL, "--out", "run")
    assert complaints(process) == []
    assert "\r" not in process.stdout
    assert "images/s" not in process.stdout


@pytest.mark.parametrize(
    ("words", "code"), [(["evaluate", "--json"], 141), (["train", *LONG, "--out", "run"], 141)]
)
def test_a_reader_that_goes_away_is_no_error(here, data_dir, finished, words, code):
    words = [*words, finished] if words[0] == "evaluate" else words
    read, write = os.pipe()
    os.close(read)
    process = start(here, data_dir, *words, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == code
    assert names_in(here) == set()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_told(here, data_dir, finished):
    with open("/dev/full", "w") as full:
        process = start(here, data_dir, "evaluate", finished, stdout=full, stderr=subprocess.PIPE)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert errors.startswith("scratchvae: error: cannot write the output: No space left")
    assert errors.count("\n") == 1


def test_a_name_that_the_terminal_cannot_show_is_no_error(here, data_dir, finished):
    options = process_options(here, data_dir)
    options["env"]["PYTHONIOENCODING"] = "ascii"
    words = program("draw", finished, "samples", "--out", "größe.png")
    process = subprocess.run(words, capture_output=True, check=False, timeout=60, **options)
    assert process.returncode == 0
    assert (here / "größe.png").exists()


def test_importing_the_package_loads_neither_data_nor_pictures(data_dir, here):
    code = (
        "import sys, scratchvae\n"
        "late = ('matplotlib', 'pooch', 'requests', 'tqdm')\n"
        "print([name for name in late if name in sys.modules])"
    )
    options = process_options(here, data_dir)
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, **options
    )
    assert (process.stdout, process.stderr) == ("[]\n", "")
