"""Download the files of a data set from the first mirror that serves them intact.

pooch writes a download under a temporary name, compares its SHA-256 and only then moves it to its
final name. What pooch leaves to its user is here: several mirrors in turn, a limit on silence, and
messages that say in one line what went wrong.
"""

import logging
import os
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from scratchvae.data.remotes import RemoteDataset
from scratchvae.errors import InputError

if TYPE_CHECKING:
    from requests import Response

# The largest file of any data set here has 26 MB: a server that sends more sends something else.
_MOST_BYTES = 64_000_000
_CHUNK = 1 << 16


class DownloadError(InputError):
    """A data set could not be downloaded; ``reason`` is the short form of the message."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class _MirrorError(Exception):
    """One mirror did not serve one file; ``silent`` when it cannot be reached at all."""

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent


def download(
    remote: RemoteDataset,
    folder: str | os.PathLike[str],
    *,
    progress: bool = True,
    timeout: float | None = None,
) -> None:
    """Make sure that a folder holds every file of a data set, intact.

    A file that is there with the right hash is kept; any other is downloaded. A mirror that
    cannot be reached is not asked again for the next file, so that a machine without a network
    learns so after one file.

    Parameters
    ----------
    remote : RemoteDataset
        The data set.
    folder : str or os.PathLike
        Folder of this one data set, made if need be.
    progress : bool, default True
        Show a progress bar if standard error is a terminal.
    timeout : float, optional
        Seconds of silence after which a mirror is given up, if not those of ``remote``.

    Raises
    ------
    DownloadError
        No mirror serves one of the files, or the folder cannot be written.
    """
    import pooch

    folder = Path(os.path.abspath(folder))
    if timeout is None:
        timeout = remote.timeout
    mirrors = list(remote.mirrors)
    failures: dict[str, str] = {}
    for name, sha256 in remote.hashes.items():
        for mirror in tuple(mirrors):
            fetch = _Fetch(remote, name, timeout, progress)
            try:
                with _quiet(pooch.get_logger()):
                    pooch.retrieve(
                        mirror + name,
                        known_hash=f"sha256:{sha256}",
                        fname=name,
                        path=folder,
                        downloader=fetch,
                    )
                break
            except _MirrorError as error:
                failures[mirror] = str(error)
                # The mirror that works comes first from now on.
                mirrors.remove(mirror)
                if not error.silent:
                    mirrors.append(mirror)
            except ValueError:  # pooch's word for a hash that does not match
                failures[mirror] = "wrong content (its SHA-256 differs)"
                mirrors.remove(mirror)
                mirrors.append(mirror)
            except OSError as error:
                reason = f"cannot save it in {str(folder)!r}: {error.strerror or error}"
                raise DownloadError(
                    f"expected to download {name} of {remote.title}, but {reason}: "
                    "make room and check that the folder can be written",
                    reason,
                ) from error
        else:
            reason = "; ".join(
                f"{urlsplit(mirror).netloc}: {failures[mirror]}" for mirror in remote.mirrors
            )
            raise DownloadError(
                f"expected to download {name} of {remote.title}, but no mirror served it "
                f"({reason}): check the network connection",
                reason,
            )


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from logging each download, which would break up the progress bar."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Fetch:
    """Fetch one file for pooch, which calls this with an address and a temporary file name."""

    def __init__(self, remote: RemoteDataset, name: str, timeout: float, progress: bool) -> None:
        self._title = f"{remote.title} {name}"
        self._timeout = timeout
        self._progress = progress

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        from tqdm import tqdm

        with (
            open(output_file, "wb") as file,
            tqdm(
                desc=self._title,
                unit="B",
                unit_scale=True,
                leave=False,
                disable=None if self._progress else True,  # None: only if stderr is a terminal
            ) as bar,
        ):
            response = _open(url, self._timeout)
            try:
                self._copy(response, file, bar)
            finally:
                response.close()

    def _copy(self, response: "Response", file: BinaryIO, bar: Any) -> None:
        """Copy the body of a response, telling the mirror's failures from those of the disk."""
        if response.status_code != 200:
            raise _MirrorError(f"HTTP {response.status_code}")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise _MirrorError("sent a web page in place of the file")
        length = response.headers.get("Content-Length", "")
        bar.total = int(length) if length.isdecimal() else None
        # The bytes as sent: some servers label a .gz file as compressed in transit.
        chunks = response.raw.stream(_CHUNK, decode_content=False)
        received = 0
        while True:
            try:
                chunk = next(chunks, None)
            except Exception as error:
                raise _broken(error, self._timeout, "connection lost") from error
            if chunk is None:
                return
            received += len(chunk)
            if received > _MOST_BYTES:
                raise _MirrorError(f"wrong content (more than {_MOST_BYTES:,} bytes)")
            file.write(chunk)
            bar.update(len(chunk))


def _open(url: str, timeout: float) -> "Response":
    """Ask for a file and wait for the headers, ``timeout`` seconds in all.

    A socket's time-out counts for each address of a host and does not count the look-up of its
    name, so that a network that swallows packets could take minutes. The request therefore runs
    in a thread that is left behind when its time is up.
    """
    import requests

    answer: Future[Response] = Future()

    def ask() -> None:
        try:
            response = requests.get(
                url, stream=True, timeout=timeout, headers={"Accept-Encoding": "identity"}
            )
        except Exception as error:
            answer.set_exception(error)
        else:
            answer.set_result(response)

    Thread(target=ask, daemon=True).start()
    try:
        return answer.result(timeout)
    except BaseException as error:
        # A late answer has no reader: close it as it comes.
        answer.add_done_callback(_discard)
        if not isinstance(error, Exception):
            raise
        raise _broken(error, timeout, "no connection") from error


def _discard(answer: "Future[Response]") -> None:
    """Close a response that came too late."""
    if answer.exception() is None:
        answer.result().close()


def _broken(error: Exception, timeout: float, otherwise: str) -> _MirrorError:
    """Say in a few words why a connection failed; ``otherwise`` when its causes do not tell."""
    import ssl

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return _MirrorError("host name not found", silent=True)
        if isinstance(cause, TimeoutError):
            return _MirrorError(f"silent for {timeout:g} s", silent=True)
        if isinstance(cause, ssl.SSLError):
            return _MirrorError("no secure connection (TLS)", silent=True)
        # The exceptions of requests are OSErrors too, without the system's words.
        if isinstance(cause, OSError) and isinstance(cause.strerror, str):
            return _MirrorError(cause.strerror.lower(), silent=True)
        cause = cause.__cause__ or cause.__context__
    return _MirrorError(otherwise)
