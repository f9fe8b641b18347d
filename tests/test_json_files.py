"""JSON in files: it comes back as it was, or is refused in one line."""

import numpy as np
import pytest
from helpers import refused
from small_runs import names_in

from scratchvae.json_files import plain, read_json, write_json


def test_read_json_returns_what_write_json_wrote(tmp_path):
    content = {"recipe": "zhao-mlp", "beta": 0.1, "deep": {"list": [1, None]}}
    write_json(tmp_path / "config.json", content)
    assert read_json(tmp_path / "config.json") == content


@pytest.mark.parametrize(
    "content", [b"", b'{"a": ', b"[1]", b"null", b"\xff\xfe", b"[" * 100_000, b"text"]
)
def test_read_json_refuses_what_is_damaged_or_foreign(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with refused("config.json", "JSON object", "damaged or foreign"):
        read_json(tmp_path / "config.json")


def test_read_json_refuses_an_unreadable_file(tmp_path):
    with refused("cannot read", "No such file"):
        read_json(tmp_path / "missing.json")
    with refused("cannot read", "Is a directory"):
        read_json(tmp_path)


def test_plain_gives_what_json_gives_back():
    content = {"a": (1, np.int64(2), np.float32(0.5)), "b": {"c": [None, True, np.bool_(False)]}}
    expected = {"a": [1, 2, 0.5], "b": {"c": [None, True, False]}}
    assert plain(content) == expected
    assert [type(value) for value in plain(content)["a"]] == [int, int, float]
    assert plain("text") == "text"


LOOP: list = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        np.float32("nan"),
        {1: 2},
        {"a": {None: 1}},
        np.zeros(3),
        {1, 2},
        b"bytes",
        1j,
        object(),
        10**5000,
        LOOP,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_does_not_keep_is_refused_and_the_file_stays(tmp_path, value):
    write_json(tmp_path / "file.json", {"old": 1})
    with refused("what is kept as JSON"):
        write_json(tmp_path / "file.json", {"deep": [value]})
    assert read_json(tmp_path / "file.json") == {"old": 1}
    assert names_in(tmp_path) == {"file.json"}


def test_refusals_of_json_say_where():
    with refused("not ndarray", "'.options.size[1]'"):
        plain({"options": {"size": [1, np.zeros(2)]}})
