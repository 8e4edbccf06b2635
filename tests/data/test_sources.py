"""Data sources: files on this machine, downloads and stand-ins."""

import hashlib
import http.server
import os
import socket
import sys
import threading
import time
import warnings
from types import SimpleNamespace

import pytest

from siamkeras.data import StandInWarning, _sources

CHECK_SERVER = _sources._check_server


def unavailable():
    raise ConnectionError("Toys were not found.")


# --- The policy of `source`


def test_the_real_data_is_returned_without_a_warning_and_the_stand_in_only_if_requested():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in ("auto", "real"):
            assert _sources.real_or_stand_in(source, lambda: "real", unavailable, "toys") == "real"
        assert _sources.real_or_stand_in("synthetic", unavailable, lambda: "stand-in", "toys") == "stand-in"


def test_without_the_real_data_auto_warns_once_and_real_raises():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(2):
            assert _sources.real_or_stand_in("auto", unavailable, lambda: "stand-in", "other toys") == "stand-in"
    (warning,) = caught
    assert warning.category is StandInWarning
    expected = "Toys were not found. Using other toys instead: do not compare results with published ones."
    assert str(warning.message) == expected and "siamkeras/data" not in warning.filename
    with pytest.raises(ConnectionError, match=r"^Toys were not found\.$"):
        _sources.real_or_stand_in("real", unavailable, lambda: "stand-in", "toys")


@pytest.mark.parametrize("source", ["auto", "real"])
def test_a_damaged_copy_is_an_error_for_every_source(source):
    def damaged():
        raise _sources.damaged("Toys", "/data/toys", "one byte is missing.")

    message = r"^The copy of Toys in /data/toys is damaged: one byte is missing\. Replace or delete it, or use sou"
    with pytest.raises(OSError, match=message):
        _sources.real_or_stand_in(source, damaged, lambda: "stand-in", "toys")


@pytest.mark.parametrize("error", [ValueError, FileNotFoundError, NotADirectoryError])
def test_missing_or_invalid_files_of_a_copy_are_a_damaged_copy(error):
    with pytest.raises(OSError, match=r"^The copy of Toys in /data/toys is damaged: no bricks\."):
        with _sources.reading("Toys", "/data/toys"):
            raise error("no bricks")


def test_unfinished_files_are_deleted_at_once_or_a_day_after_a_process_was_killed(tmp_path):
    """Only folders of `unfinished_folder`: the parent may be a folder of the user."""
    names = (".siamkeras_unfinished_a", ".siamkeras_unfinished_b", "unfinished_work")
    old, new, other = (tmp_path / name for name in names)
    for folder in (old, new, other):
        folder.mkdir()
        (folder / "half").touch()
    for folder, hours in ((old, 25), (new, 23), (other, 25)):
        os.utime(folder, (time.time() - 3600 * hours,) * 2)
    with pytest.raises(KeyboardInterrupt), _sources.unfinished_folder(tmp_path) as folder:
        (folder / "half").touch()
        raise KeyboardInterrupt
    assert sorted(tmp_path.iterdir()) == [new, other]


def test_siamkeras_data_is_searched_before_the_cache(tmp_path, monkeypatch):
    cached = tmp_path / "cache" / "siamkeras" / "toys"
    assert _sources.find("toys") is None
    cached.mkdir(parents=True)
    assert _sources.find("toys") == cached
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    assert _sources.find("toys") == cached
    (tmp_path / "sets" / "toys").mkdir(parents=True)
    assert _sources.find("toys") == tmp_path / "sets" / "toys"
    error = _sources.manual_download_error("Toys", "http://toys.example", "toys", "a")
    assert isinstance(error, ConnectionError)
    assert str(error) == (
        f"Toys was not found in {tmp_path / 'sets' / 'toys' / 'a'} or {cached / 'a'} and cannot be downloaded "
        "automatically. Get it from http://toys.example and set SIAMKERAS_DATA to the folder that contains toys/a."
    )


# --- Servers


@pytest.fixture
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server(no_proxies):
    """A local server. `server.files` are the contents of its files; other addresses answer with status 404."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            content = host.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            return content

        def do_GET(self):
            host.requests.append(self.path)
            self.wfile.write(self.do_HEAD() or b"")

        def log_message(self, *_):
            pass

    host = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    host.files, host.requests, host.url = {}, [], f"http://127.0.0.1:{host.server_port}"
    thread = threading.Thread(target=host.serve_forever, args=(0.01,))
    thread.start()
    yield host
    host.shutdown()
    host.server_close()
    thread.join()


def test_a_server_that_does_not_answer_is_an_error_that_says_why(server):
    server.files["/toys.zip"] = b"toys"
    CHECK_SERVER(f"{server.url}/toys.zip")
    with pytest.raises(ConnectionError, match=r"^no answer from 127\.0\.0\.1 \(HTTP status 404\)$"):
        CHECK_SERVER(f"{server.url}/games.zip")
    with pytest.raises(ConnectionError, match=r"^no answer from 127\.0\.0\.1 \(ConnectionError\)$"):
        CHECK_SERVER("http://127.0.0.1:9/closed")


def test_a_network_that_drops_packets_costs_at_most_the_timeout(no_proxies, monkeypatch):
    """Looking up the host name takes 20 seconds here, for which `requests` has no timeout."""
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(20) and [])
    monkeypatch.setattr(_sources, "TIMEOUT_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=r"no answer from github\.com \(TimeoutError\)"):
        CHECK_SERVER("https://github.com/toys.zip")
    elapsed = time.monotonic() - start
    done.set()
    assert elapsed < 3


# --- A single file


CONTENT = b"the content of the file"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def find_or_download(url="http://toys.example"):
    return _sources.find_or_download("Toys", 0.1, f"{url}/toys.zip", SHA256, "games", "toys.zip")


def test_a_file_on_this_machine_is_used_without_a_download_if_it_is_intact(tmp_path, monkeypatch):
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path))
    file = tmp_path / "games" / "toys.zip"
    file.parent.mkdir()
    file.write_bytes(CONTENT)
    assert find_or_download() == file
    file.write_bytes(CONTENT[:-1])
    with pytest.raises(OSError, match=f"The copy of Toys in .*toys.zip is damaged: its SHA-256 is not {SHA256}"):
        find_or_download()


def test_a_file_is_downloaded_once_and_a_partial_or_wrong_one_is_replaced(server, online, tmp_path, capsys):
    file = tmp_path / "cache" / "siamkeras" / "games" / "toys.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT[:5])  # a process that was killed
    server.files["/toys.zip"] = b"<html>Please log in</html>"
    with pytest.raises(ConnectionError, match=r"and the download failed: Incomplete or corrupted file"):
        find_or_download(server.url)
    server.files["/toys.zip"] = CONTENT
    for _ in range(2):
        assert find_or_download(server.url) == file and file.read_bytes() == CONTENT
    assert server.requests == ["/toys.zip"] * 2
    assert capsys.readouterr().err.splitlines()[0] == "Downloading Toys (0.1 MB) from 127.0.0.1."


def test_a_download_replaces_a_link_and_not_its_target(server, online, tmp_path):
    other, file = tmp_path / "other", tmp_path / "cache" / "siamkeras" / "games" / "toys.zip"
    other.write_text("mine")
    file.parent.mkdir(parents=True)
    file.symlink_to(other)
    server.files["/toys.zip"] = CONTENT
    assert find_or_download(server.url) == file and file.read_bytes() == CONTENT
    assert other.read_text() == "mine" and list(file.parent.iterdir()) == [file]


def test_a_file_that_cannot_be_downloaded_is_an_error_with_advice(tmp_path, monkeypatch):
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    paths = tmp_path / "sets" / "games" / "toys.zip", tmp_path / "cache" / "siamkeras" / "games" / "toys.zip"
    with pytest.raises(ConnectionError) as caught:
        find_or_download()
    assert str(caught.value) == (
        f"Toys was not found in {paths[0]} or {paths[1]}, and the download failed: no answer from "
        "http://toys.example/toys.zip. Connect to the internet, or set SIAMKERAS_DATA to a folder that contains "
        "games/toys.zip."
    )


# --- TensorFlow Datasets


def load_tfds(read=lambda dataset, info: (dataset, info)):
    return _sources.load_tfds("toys", "train", read, "Toys", 3, "http://toys.example/toys.zip")


def test_a_prepared_data_set_is_read_without_contacting_a_server(tfds, prepare, tmp_path):
    prepare("toys")
    tfds.result = lambda split: ("dataset", "info")
    assert load_tfds() == ("dataset", "info")
    ((name, arguments),) = tfds.calls
    assert name == "toys" and arguments["split"] == "train" and arguments["data_dir"] == str(tmp_path / "tfds")
    assert arguments["download"] is False and arguments["read_config"]["interleave_cycle_length"] == 1

    def truncated(dataset, info):
        raise RuntimeError("truncated record at 7")

    with pytest.raises(OSError, match=r"^The copy of Toys in .*toys is damaged: truncated record at 7\. Replace"):
        load_tfds(truncated)


def test_a_data_set_that_is_not_prepared_is_downloaded(tfds, online, capsys):
    tfds.result = lambda split: ("dataset", "info")
    assert load_tfds() == ("dataset", "info")
    assert tfds.calls[0][1]["download"] is True and online == ["http://toys.example/toys.zip"]
    assert capsys.readouterr().err == "Downloading Toys (3 MB) from toys.example.\n"

    def fail(split):
        raise RuntimeError("HTTP code: 403.\nMore lines")

    tfds.result = fail
    with pytest.raises(ConnectionError, match=r"the download failed: HTTP code: 403\. Connect to"):
        load_tfds()


def test_the_home_directory_is_the_default_of_tensorflow_datasets(tfds, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("TFDS_DATA_DIR")
    with pytest.raises(ConnectionError) as caught:
        load_tfds()
    assert str(caught.value) == (
        f"Toys was not found in {tmp_path / 'tensorflow_datasets' / 'toys'}, and the download failed: no answer from "
        "http://toys.example/toys.zip. Connect to the internet, or set TFDS_DATA_DIR to a folder that contains toys."
    )
    assert not tfds.calls


@pytest.mark.parametrize("missing", ["tensorflow_datasets", "importlib_resources"])
def test_without_tensorflow_datasets_the_error_says_what_to_install(tfds, prepare, monkeypatch, missing):
    """tensorflow-datasets 4.9.10 imports importlib_resources in `load`."""
    prepare("toys")

    def fail(split):
        raise ModuleNotFoundError("No module named 'importlib_resources'")

    tfds.result = fail
    if missing == "tensorflow_datasets":
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=rf'Toys cannot be read: .*{missing}.*`pip install "siamkeras\[data\]"`'):
        load_tfds()


def test_an_installation_that_cannot_be_imported_is_not_reported_as_damaged_data(prepare, tmp_path, monkeypatch):
    prepare("toys")
    (tmp_path / "tensorflow_datasets.py").write_text("raise RuntimeError('incompatible protobuf')")
    monkeypatch.delitem(sys.modules, "tensorflow_datasets", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="^Toys cannot be read: incompatible protobuf"):
        load_tfds()


def test_without_tensorflow_datasets_no_download_is_announced(online, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r'`pip install "siamkeras\[data\]"`'):
        load_tfds()
    assert online == [] and capsys.readouterr().err == ""


# --- Hugging Face


@pytest.fixture
def hub(monkeypatch):
    """Replaces the library `datasets`. `hub.cached` and `hub.online` are its results offline and online."""

    def load_dataset(name, revision, split):
        result = hub.cached if hub.config.HF_HUB_OFFLINE else hub.online
        hub.calls.append((name, revision, split, hub.config.HF_HUB_OFFLINE))
        if result is None:
            raise ConnectionError("Couldn't reach the Hugging Face Hub")
        return result

    config = SimpleNamespace(HF_HUB_OFFLINE=False, HF_ENDPOINT="https://mirror.example", HF_DATASETS_CACHE="/hf")
    hub = SimpleNamespace(load_dataset=load_dataset, config=config, cached=None, online=None, calls=[])
    monkeypatch.setitem(sys.modules, "datasets", hub)
    return hub


def load_hugging_face():
    return _sources.load_hugging_face("me/toys", "test", "Toys", 3, "Toys missing", "Help.", "refs/convert/parquet")


def test_the_cache_of_hugging_face_is_used_without_network(hub):
    hub.cached = "cached"
    assert load_hugging_face() == "cached"
    assert hub.calls == [("me/toys", "refs/convert/parquet", "test", True)] and not hub.config.HF_HUB_OFFLINE


def test_a_data_set_of_the_hub_is_downloaded(hub, online):
    message = r"^Toys missing, and the download failed: Couldn't reach the Hugging Face Hub\. Help\.$"
    with pytest.raises(ConnectionError, match=message):
        load_hugging_face()
    hub.online = "downloaded"
    assert load_hugging_face() == "downloaded" and not hub.config.HF_HUB_OFFLINE
    assert hub.calls[-1] == ("me/toys", "refs/convert/parquet", "test", False)
    assert online == ["https://mirror.example/datasets/me/toys/resolve/main/README.md"] * 2


def test_no_server_is_contacted_if_the_user_forbids_it(hub, online):
    hub.config.HF_HUB_OFFLINE = True
    with pytest.raises(ConnectionError, match=r"^Toys missing, and HF_HUB_OFFLINE forbids a download\. Help\.$"):
        load_hugging_face()
    assert not online and hub.config.HF_HUB_OFFLINE


def test_without_the_library_of_hugging_face_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r'Toys cannot be read: .*Run `pip install "siamkeras\[data\]"`\.'):
        load_hugging_face()
