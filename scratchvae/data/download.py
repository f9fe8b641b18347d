"""Download the files of a data set from the first mirror that serves them intact."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scratchvae.data.remotes import RemoteDataset
from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path, make_folder, read_bytes, write_bytes
from scratchvae.progress import progress_bar

# The largest file of any data set here has 26 MB: a server that sends more sends something else.
_MOST_BYTES = 64_000_000
_CHUNK = 1 << 16
_CONNECT_SECONDS = 3.0  # for each address of a host, of which there may be many


class DownloadError(InputError):
    """A data set could not be downloaded; ``reason`` is why, in short."""

    def __init__(self, problem: str, reason: str) -> None:
        super().__init__(problem, "check the network connection")
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problem, self.reason)


class _MirrorError(Exception):
    """One mirror did not serve one file."""


def download(remote: RemoteDataset, folder: AnyPath, *, progress: bool = True) -> None:
    """Make sure that every file of a data set is in a folder, intact.

    A file that is there with the right hash is kept; any other is downloaded. The folder, of this
    one data set, is made if need be; the progress bar needs a terminal to show it on.

    Raises
    ------
    DownloadError
        If no mirror serves one of the files, or a file cannot be written.
    """
    folder, mirrors = as_path(folder), list(remote.mirrors)
    failures: dict[str, str] = {}
    for name, sha256 in remote.hashes.items():
        path = folder / name
        if _is_intact(path, sha256):
            continue
        what = f"{name} of {remote.title}"
        for mirror in tuple(mirrors):
            try:
                content = _get(mirror + name, remote.timeout, what if progress else None)
                if hashlib.sha256(content).hexdigest() != sha256:
                    raise _MirrorError("wrong content (its SHA-256 differs)")
                break
            except _MirrorError as error:
                failures[mirror] = str(error)
                mirrors.append(mirrors.pop(0))  # the mirror that works comes first from now on
        else:
            reason = "; ".join(f"{urlsplit(one).netloc}: {failures[one]}" for one in remote.mirrors)
            raise DownloadError(f"{what} cannot be downloaded ({reason})", reason)
        try:
            make_folder(folder)
            write_bytes(path, content)
        except InputError as error:
            raise DownloadError(f"{what} cannot be kept ({error})", str(error)) from None


def _is_intact(path: Path, sha256: str) -> bool:
    """Return whether there is a file with this hash."""
    try:
        return hashlib.sha256(read_bytes(path, _MOST_BYTES)).hexdigest() == sha256
    except OSError:
        return False


def _get(url: str, timeout: float, shown: str | None) -> bytes:
    """Return what is at an address, with a progress bar if it is to be ``shown`` under a name.

    A mirror is given up after ``timeout`` seconds of silence.
    """
    import requests

    patience = (min(timeout, _CONNECT_SECONDS), timeout)
    headers = {"Accept-Encoding": "identity"}
    content = bytearray()
    try:
        with requests.get(url, stream=True, timeout=patience, headers=headers) as response:
            if response.status_code != 200:
                raise _MirrorError(f"HTTP {response.status_code}")
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise _MirrorError("sent a web page instead of the file")
            length = response.headers.get("Content-Length", "")
            with progress_bar(
                shown is not None,
                desc=shown,
                total=int(length) if length.isdecimal() else None,
                unit="B",
                unit_scale=True,
            ) as bar:
                # The bytes as sent: some servers label a .gz file as compressed in transit.
                for chunk in response.raw.stream(_CHUNK, decode_content=False):
                    content += chunk
                    if len(content) > _MOST_BYTES:
                        raise _MirrorError(f"wrong content (more than {_MOST_BYTES:,} bytes)")
                    bar.update(len(chunk))
    except (_MirrorError, InputError):
        raise
    except requests.ReadTimeout:
        raise _MirrorError(f"silent for {timeout:g} s") from None
    except requests.exceptions.SSLError:
        raise _MirrorError("no secure connection (TLS)") from None
    except requests.ConnectionError:
        raise _MirrorError("no connection") from None
    except Exception as error:  # requests lets some of the network's errors through as they are
        raise _MirrorError("connection lost") from error
    return bytes(content)
