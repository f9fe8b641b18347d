import pytest
from trained_runs import begin, finish


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "finished"
    finish(begin(folder))
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """Return a copy of the finished run's folder, to be damaged."""
    folder = tmp_path / "copied"
    folder.mkdir()
    for path in finished.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder
