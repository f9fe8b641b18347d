import os
import signal
import sys

# One thread a process: the suite's own processes share the cores, and threads that wait for one
# another on a busy machine wait long. Tests of threads ask for them.
os.environ.setdefault("SCRATCHVAE_THREADS", "1")
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# Where the suite runs in a job that outlives its terminal (nohup), it is deaf to that signal.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# No deadline: a busy machine is not a bug. Derandomised: the same code gets the same verdict. The
# nightly profile draws fresh cases each time, and prints how to repeat one that fails.
settings.register_profile("scratchvae", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("nightly", deadline=None, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "scratchvae"))


@pytest.fixture
def no_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it now fails


@pytest.fixture
def ctrl_c():
    """Have Ctrl-C interrupt as it does for a user, even where a shell has made it deaf."""
    from small_runs import usual_ctrl_c

    with usual_ctrl_c():
        yield


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """Return a folder with a small data set as the four files of MNIST."""
    from small_runs import write_data_folder

    return write_data_folder(tmp_path_factory.mktemp("data"))
