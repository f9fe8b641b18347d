"""What is opened of a run whose files are damaged, lost or another run's."""

import json
import math

import pytest
from helpers import refused
from trained_runs import COLUMNS, begin, finish, table

from scratchvae.json_files import read_json, write_json
from scratchvae.runs import Run


@pytest.mark.parametrize(
    "lost", [None, "", "epoch,train_loss\n1,2\n", COLUMNS + "\n1,2,x,4,5,6,7,8\n", "\0\n\xff"]
)
def test_open_begins_a_new_record_if_metrics_are_lost_or_damaged(copied, lost):
    if lost is None:
        (copied / "metrics.csv").unlink()
    else:
        (copied / "metrics.csv").write_text(lost, encoding="latin-1")
    run = Run.open(copied)
    run.extend(4)
    finish(run)
    assert [row[0] for row in table(copied)] == [4]


@pytest.mark.parametrize("damage", ["2,1,x,4,5,6,7,8", "2,1", '2,"1', "\xff\0", ""])
def test_open_leaves_out_only_the_damaged_row_of_metrics(copied, damage):
    path = copied / "metrics.csv"
    expected = table(copied)
    rows = path.read_text().splitlines()
    rows[2] = damage
    path.write_text("\n".join(rows) + "\n", encoding="latin-1")
    run = Run.open(copied)
    assert [row.epoch for row in run.history] == [1, 3]
    run.save()
    assert table(copied) == [expected[0], expected[2]]


def test_open_leaves_out_rows_that_the_checkpoint_has_not_reached(copied):
    path = copied / "metrics.csv"
    expected = table(copied)
    path.write_text(
        path.read_text() + "4,9,9,9,9,9,9,1.0\n3" + path.read_text()[-60:].split("\n3")[-1]
    )
    run = Run.open(copied)
    assert [row.epoch for row in run.history] == [1, 2, 3]
    run.save()
    assert table(copied) == expected


def test_open_refuses_folders_without_a_run(tmp_path):
    (tmp_path / "file").write_text("")
    for name, words in (
        ("missing", "does not exist"),
        ("file", "is a file"),
        (".", "has no config.json in it"),
    ):
        with refused("expected the folder of a run", words):
            Run.open(tmp_path / name)


def test_open_refuses_a_checkpoint_of_another_recipe(copied, tmp_path):
    finish(begin(tmp_path / "other", "kingma-welling", epochs=1))
    (copied / "checkpoint.npz").write_bytes((tmp_path / "other" / "checkpoint.npz").read_bytes())
    for need in (True, False):
        with refused("checkpoint.npz' has recipe 'kingma-welling', not 'pytorch-example'"):
            Run.open(copied, need_checkpoint=need)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"recipe": "nothing"}, "there is no recipe 'nothing'"),
        ({"recipe": None}, "None"),
        ({"recipe": ["zhao-mlp"]}, "no recipe ['zhao-mlp']"),
        ({"latent_dim": "2"}, "latent_dim"),
        ({"latent_dim": 0}, "latent_dim"),
        ({"latent_dim": 10**30}, "is not the configuration"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"data": "auto"}, "'auto'"),
        ({"data": {}}, "{}"),
        ({"options": {"hidden": 3, "colour": 1}}, "hidden"),
        ({"options": None}, "is not the configuration"),
        ({"options": {"beta": math.nan}}, "beta"),
        ({"settings": 3}, "is not the configuration"),
        ({"settings": {"epochs": 3, "colour": 1}}, "colour"),
        ({"settings": {"epochs": "3"}}, "epochs"),
        ({"settings": {"momentum": "x"}}, "is not the configuration"),
        ({"settings": {"learning_rate": -1}}, "learning_rate"),
    ],
)
def test_open_refuses_a_damaged_configuration(copied, change, word):
    config = read_json(copied / "config.json") | change
    (copied / "config.json").write_text(json.dumps(config))
    with refused("config.json", "is not the configuration of a run", word, "damaged or foreign"):
        Run.open(copied)


@pytest.mark.parametrize("name", ["recipe", "latent_dim", "options", "data", "seed", "settings"])
def test_open_refuses_an_incomplete_configuration(copied, name):
    config = read_json(copied / "config.json")
    del config[name]
    write_json(copied / "config.json", config)
    with refused("config.json", f"it has no {name}"):
        Run.open(copied)
