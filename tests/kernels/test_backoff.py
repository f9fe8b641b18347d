"""Back-off: when kernels run on one thread because other processes hold the cores."""

import pytest

from scratchvae.errors import InputError
from scratchvae.kernels.machine.backoff import Backoff, backs_off

SECOND = 1_000_000_000


def test_backoff_doubles_with_each_wait_and_recovers_slowly():
    backoff = Backoff()
    backoff.note(0, SECOND, estimate=SECOND)  # as long as it should take
    assert backoff.until == 0
    delays = []
    for _ in range(8):
        backoff.note(0, SECOND, estimate=SECOND / 10)
        delays.append(backoff.until - SECOND)
    assert delays[:3] == [50_000_000, 100_000_000, 200_000_000]
    assert delays[-1] == 3 * SECOND
    for _ in range(1000):
        backoff.note(0, SECOND, estimate=SECOND)
    backoff.note(0, SECOND, estimate=SECOND / 10)
    assert backoff.until - SECOND < 60_000_000


@pytest.mark.parametrize(
    ("text", "expected"), [(None, True), ("", True), ("1", True), ("0", False)]
)
def test_backs_off_unless_it_is_switched_off(text, expected, monkeypatch):
    backs_off.cache_clear()
    if text is None:
        monkeypatch.delenv("SCRATCHVAE_BACKOFF", raising=False)
    else:
        monkeypatch.setenv("SCRATCHVAE_BACKOFF", text)
    assert backs_off() is expected
    backs_off.cache_clear()


def test_backs_off_refuses_another_value(monkeypatch):
    backs_off.cache_clear()
    monkeypatch.setenv("SCRATCHVAE_BACKOFF", "off")
    with pytest.raises(InputError, match=r"SCRATCHVAE_BACKOFF must be 1 or 0, not 'off'"):
        backs_off()
