import pytest
from data_sets import CLOTHES, DIGITS, SETS, write

from scratchvae.data import dataset, load


@pytest.fixture(autouse=True)
def no_user_folder(monkeypatch):
    monkeypatch.delenv("SCRATCHVAE_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(autouse=True)
def few_synthetic_digits(monkeypatch):
    monkeypatch.setattr(dataset, "_SYNTHETIC_COUNTS", (6, 4))


@pytest.fixture
def find(tmp_path):
    """Load with the small data sets, an empty cache and mirrors that refuse a connection."""

    def find_small(name, data_dir=None, **options):
        options = {"cache_dir": tmp_path / "cache", "remotes": SETS, "progress": False} | options
        return load(name, data_dir=data_dir, **options)

    return find_small


@pytest.fixture
def downloads(monkeypatch):
    """Stand in for the network: write what was asked for, and keep a list of it."""
    asked = []

    def download(remote, folder, *, progress):
        asked.append(remote.name)
        write(folder, {"mnist": DIGITS, "fashion-mnist": CLOTHES}[remote.name])

    monkeypatch.setattr(dataset, "download", download)
    return asked
