"""Downloads from mirrors that serve, fail, stall and lie: what is kept, and what is said."""

import _thread
import hashlib
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scratchvae.data.download import DownloadError, download
from scratchvae.data.remotes import REMOTES, RemoteDataset
from scratchvae.errors import InputError

FILES = {f"{letter}.gz": bytes([number]) * 3000 for number, letter in enumerate("abcd")}
HASHES = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
PATIENCE = 30.0  # never reached, even on a busy machine
SHORT_PATIENCE = 1.0  # for the mirrors that reach it


class Mirror:
    """A server on the loopback interface that answers each request as ``behave`` says."""

    def __init__(self, behave="serve"):
        self.behave = behave
        self.requested = []
        self.stop = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rpartition("/")[2]
                mirror.requested.append(name)
                how = mirror.behave
                how = how.get(name, "serve") if isinstance(how, dict) else how
                mirror.answer(self, how, FILES[name])

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # a client that hung up is meant

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/some/where/"

    def answer(self, handler, how, content):
        if isinstance(how, int):
            handler.send_error(how)
            return
        if how == "silent":
            self.stop.wait(20)
            return
        kind = "text/html; charset=utf-8" if how == "page" else "application/x-gzip"
        if how in ("page", "wrong"):
            content = b"<!DOCTYPE html>"
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        if how == "labelled":
            handler.send_header("Content-Encoding", "gzip")
        if how != "no length":
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if how in ("truncated", "no length", "stalls", "interrupt"):
            handler.wfile.write(content[:1000])
            handler.wfile.flush()
            if how == "stalls":
                self.stop.wait(20)
            if how == "interrupt":
                _thread.interrupt_main()
                for _ in range(1000):  # wakes the reader, far too slowly to finish
                    handler.wfile.write(b"x")
                    self.stop.wait(0.05)
        elif how == "drips":
            for start in range(0, len(content), 1000):
                handler.wfile.write(content[start : start + 1000])
                self.stop.wait(SHORT_PATIENCE * 0.4)
        else:
            handler.wfile.write(content)

    def close(self):
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(autouse=True)
def direct_connection(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,nowhere.invalid")
    monkeypatch.setenv("no_proxy", "127.0.0.1,nowhere.invalid")


@pytest.fixture
def start():
    mirrors = []

    def start_mirror(behave="serve"):
        mirrors.append(Mirror(behave))
        return mirrors[-1]

    yield start_mirror
    for mirror in mirrors:
        mirror.close()


@pytest.fixture
def dead():
    with socket.socket() as unused:  # bound but not listening: a connection is refused
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}/"


def fetch(folder, *mirrors):
    urls = tuple(getattr(mirror, "url", mirror) for mirror in mirrors)
    behaviour = str([getattr(mirror, "behave", "") for mirror in mirrors])
    slow = any(how in behaviour for how in ("silent", "stalls", "drips"))
    timeout = SHORT_PATIENCE if slow else PATIENCE
    remote = RemoteDataset("letters", "Letters", urls, HASHES, "", timeout=timeout)
    download(remote, folder, progress=False)


def refusal(folder, *mirrors):
    with pytest.raises(DownloadError) as error:
        fetch(folder, *mirrors)
    text = str(error.value)
    assert isinstance(error.value, InputError)
    assert error.value.reason in text
    assert "\n" not in text
    return text


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_download_fetches_every_file_of_a_data_set(tmp_path, start, capfd):
    mirror = start()
    fetch(tmp_path / "new" / "letters", mirror)
    assert contents(tmp_path / "new" / "letters") == FILES
    assert mirror.requested == list(FILES)
    assert capfd.readouterr() == ("", "")


FAILURES = [
    (403, "HTTP 403"),
    (404, "HTTP 404"),
    (500, "HTTP 500"),
    (204, "HTTP 204"),
    ("silent", "silent for 1 s"),
    ("stalls", "connection lost"),
    ("truncated", "connection lost"),
    ("no length", "wrong content"),
    ("wrong", "wrong content"),
    ("page", "sent a web page"),
]


@pytest.mark.parametrize(("behave", "reason"), FAILURES)
def test_download_goes_on_to_the_next_mirror(tmp_path, start, behave, reason):
    bad, good = start(behave), start()
    fetch(tmp_path, bad, good)
    assert contents(tmp_path) == FILES
    assert good.requested == list(FILES)
    assert bad.requested == ["a.gz"]


@pytest.mark.parametrize(("behave", "reason"), FAILURES)
def test_download_error_says_why_each_mirror_failed(tmp_path, start, behave, reason):
    bad, missing = start(behave), start(404)
    text = refusal(tmp_path, bad, missing)
    assert f"{bad.host}: {reason}" in text
    assert f"{missing.host}: HTTP 404" in text
    assert "a.gz of Letters" in text
    assert contents(tmp_path) == {}
    assert bad.requested == missing.requested == ["a.gz"]


def test_download_from_a_mirror_without_a_server_or_a_name(tmp_path, start, dead, monkeypatch):
    look_up = socket.getaddrinfo

    def no_such_name(host, *arguments, **options):
        if host == "nowhere.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    good = start()
    fetch(tmp_path, dead, good)
    assert contents(tmp_path) == FILES
    text = refusal(tmp_path / "other", dead, "http://nowhere.invalid/")
    assert ": no connection; nowhere.invalid: no connection" in text


def test_download_error_says_that_a_connection_is_not_secure(tmp_path, start):
    plain = start()
    text = refusal(tmp_path, plain.url.replace("http:", "https:"))
    assert f"{plain.host}: no secure connection (TLS)" in text


def test_download_asks_a_mirror_that_failed_again_only_if_need_be(tmp_path, start):
    first, second = start({"a.gz": 404}), start({"c.gz": 404})
    fetch(tmp_path, first, second)
    assert contents(tmp_path) == FILES
    assert first.requested == ["a.gz", "c.gz", "d.gz"]
    assert second.requested == ["a.gz", "b.gz", "c.gz"]


def test_download_error_of_a_later_file_names_every_mirror(tmp_path, start, dead):
    partial = start({"c.gz": 404})
    text = refusal(tmp_path, dead, partial)
    assert "c.gz of Letters" in text
    assert "no connection" in text
    assert "HTTP 404" in text
    assert set(contents(tmp_path)) == {"a.gz", "b.gz"}


@pytest.mark.parametrize("behave", ["drips", "labelled"])
def test_download_from_a_slow_or_mislabelling_mirror(tmp_path, start, behave):
    mirror = start({"a.gz": behave})
    fetch(tmp_path, mirror)
    assert contents(tmp_path) == FILES


def test_download_does_not_keep_a_body_without_end(tmp_path, start, monkeypatch):
    monkeypatch.setattr("scratchvae.data.download._MOST_BYTES", 2999)
    assert "more than 2,999 bytes" in refusal(tmp_path, start())


def test_download_completes_half_a_data_set(tmp_path, start):
    (tmp_path / "b.gz").write_bytes(FILES["b.gz"])
    (tmp_path / "c.gz").write_bytes(b"damaged")
    mirror = start()
    fetch(tmp_path, mirror)
    assert mirror.requested == ["a.gz", "c.gz", "d.gz"]
    assert contents(tmp_path) == FILES
    mirror.requested.clear()
    fetch(tmp_path, mirror)
    assert mirror.requested == []


def test_download_interrupted_leaves_whole_files_only(tmp_path, start):
    mirror = start({"b.gz": "interrupt"})
    # A shell starts what runs in the background deaf to Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            download(
                RemoteDataset("letters", "Letters", (mirror.url,), HASHES, ""),
                tmp_path,
                progress=False,
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert contents(tmp_path) == {"a.gz": FILES["a.gz"]}


def test_download_into_a_folder_that_cannot_be_made(tmp_path, start):
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "letters"):
        text = refusal(folder, start())
        assert "a.gz of Letters cannot be kept" in text
        assert "cannot create the folder" in text
        assert repr(str(folder)) in text


def test_download_with_a_folder_in_the_place_of_a_file(tmp_path, start):
    (tmp_path / "a.gz").mkdir()
    assert f"cannot write {str(tmp_path / 'a.gz')!r}" in refusal(tmp_path, start())


def test_download_onto_a_full_disk(tmp_path, start):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on the size of files fails a write half-way, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        text = refusal(tmp_path, start())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "cannot write" in text
    assert "free some space" in text
    assert contents(tmp_path) == {}


def test_remotes_are_complete():
    assert set(REMOTES) == {"mnist", "fashion-mnist"}
    for name, remote in REMOTES.items():
        assert remote.name == name
        assert len(remote.mirrors) == 2
        assert all(mirror.endswith("/") for mirror in remote.mirrors)
        assert len(set(remote.hashes.values())) == 4
        for sha256 in (*remote.hashes.values(), remote.content_hash):
            assert len(bytes.fromhex(sha256)) == 32
