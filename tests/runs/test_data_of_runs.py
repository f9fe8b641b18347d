"""A run knows the images that it is trained on, and takes no others of the same name."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import refused
from small_runs import small_dataset, write_data_folder

from scratchvae.runs import Run

DATA = small_dataset()


def finish(run, data=DATA):
    run.train(data, lambda line: None, progress=False)


@pytest.fixture
def run(tmp_path):
    settings = {"epochs": 1, "batch_size": 16}
    begun = Run.begin("zhao-mlp", tmp_path / "run", data="mnist", settings=settings)
    finish(begun)
    return Run.open(tmp_path / "run")


def changed(split, **arrays):
    return replace(DATA, **{f"{split}_{name}": array for name, array in arrays.items()})


OTHERS = {
    "images": changed("train", images=255 - DATA.train_images),
    "labels": changed("train", labels=(DATA.train_labels + 1) % 10),
    "tests": changed("test", images=DATA.test_images[::-1]),
    "fewer": DATA.first(40, None),
    "another order": changed(
        "train", images=DATA.train_images[::-1], labels=DATA.train_labels[::-1]
    ),
}


@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS)
def test_other_images_of_the_same_name_are_refused(run, others):
    run.extend(2)
    before = (run.folder / "checkpoint.npz").read_bytes()
    for use in (
        lambda: finish(run, others),
        lambda: run.evaluate(others),
        lambda: run.draw("latent", others),
        lambda: run.draw_all(others),
    ):
        with refused("is trained on 64 + 32 images of mnist", "`data_dir` or SCRATCHVAE_DATA"):
            use()
    assert (run.folder / "checkpoint.npz").read_bytes() == before


def test_the_same_images_in_other_memory_are_the_same(run):
    copied = replace(
        DATA, train_images=np.asfortranarray(DATA.train_images), test_labels=DATA.test_labels.copy()
    )
    assert run.evaluate(copied) == run.evaluate(DATA)
    run.extend(2)
    finish(run, copied)


def test_load_data_gives_the_images_of_the_run(run, tmp_path):
    assert len(run.load_data(write_data_folder(tmp_path / "own")).train_images) == 64
    others = write_data_folder(tmp_path / "others", small_dataset(seed=1))
    with refused("64 + 32 images of mnist, and these are others"):
        run.load_data(others)


def test_load_data_of_a_run_on_the_first_images_gives_those(tmp_path):
    settings = {"epochs": 1, "batch_size": 16}
    finish(Run.begin("zhao-mlp", tmp_path / "run", settings=settings), DATA.first(20, 10))
    data = Run.open(tmp_path / "run").load_data(write_data_folder(tmp_path / "all"))
    assert (len(data.train_images), len(data.test_images)) == (20, 10)
    np.testing.assert_array_equal(data.train_images, DATA.train_images[:20])


def test_a_run_from_before_images_were_noted_takes_what_it_is_given_and_notes_it(run):
    path = run.folder / "config.json"
    config = json.loads(path.read_text())
    images = config.pop("images")
    path.write_text(json.dumps(config))
    old = Run.open(run.folder)
    old.evaluate(OTHERS["images"])
    old = Run.open(run.folder)
    old.extend(2)
    finish(old)
    assert json.loads(path.read_text())["images"] == images


@pytest.mark.parametrize("images", [3, {"train": "64", "test": 32}, {"train": 64}, ["x"]])
def test_damaged_notes_of_images_are_refused(run, images):
    path = run.folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"images": images}))
    with refused("config.json", "damaged or foreign"):
        Run.open(run.folder)


def test_a_cosine_schedule_that_is_stretched_says_so(tmp_path, capsys):
    settings = {"epochs": 1, "batch_size": 16}
    run = Run.begin("linear-autoencoder", tmp_path / "run", data="mnist", settings=settings)
    run.extend(2)  # nothing is trained yet: it is a schedule of two epochs
    run.extend(1)
    finish(run)
    assert capsys.readouterr().err == ""
    run.extend(3)
    said = capsys.readouterr().err
    assert "cosine schedule" in said
    assert "was to end with epoch 1 and ends with epoch 3 now" in said
    assert said.count("\n") == 1
