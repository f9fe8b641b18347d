"""Where the runs of a sweep are kept."""

import pickle

import pytest
from small_runs import names_in

from scratchvae.errors import InputError
from scratchvae.sweeps.places import place_at

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(params=["folder", "memory"])
def place(request, tmp_path):
    address = "memory://sweeps/a" if request.param == "memory" else tmp_path / "a"
    yield place_at(address)
    fsspec.filesystem("memory").store.clear()


def test_what_is_written_is_read_again_until_it_is_removed(place):
    assert place.read("results.csv") is None
    place.write("results.csv", b"first")
    place.write("results.csv", b"second")
    assert place.read("results.csv") == b"second"
    place.remove("results.csv")
    assert place.read("results.csv") is None


def test_a_run_is_found_as_another_worker_has_left_it(place):
    elsewhere = pickle.loads(pickle.dumps(place))
    with place.working_folder("run") as folder:
        (folder / "run").mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "metrics.csv", "checkpoint.npz"):
            (folder / "run" / name).write_text(name)
        place.put("run", folder / "run")
    with elsewhere.working_folder("run") as folder:
        assert names_in(folder / "run") == {"config.json", "metrics.csv", "checkpoint.npz"}
        assert (folder / "run" / "checkpoint.npz").read_text() == "checkpoint.npz"


def test_a_place_that_can_be_written_to_is_left_as_it_was(place):
    place.check()
    place.write("kept", b"")
    assert place.read(".try") is None


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        place_at(tmp_path / "file" / "sweep").check()


@pytest.mark.parametrize("address", ["nowhere://sweep", "s4://bucket/x"])
def test_an_address_of_an_unknown_kind_is_refused(address):
    with pytest.raises(InputError, match=r"cannot use the address .*: give a folder"):
        place_at(address).check()


def test_an_address_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot use .*see whether it is there"):
        place_at(f"file://{tmp_path}/file/sweep").check()
