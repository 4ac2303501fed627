"""Official weights and state dicts by path: from a server on this machine, never from the network."""

from __future__ import annotations

import hashlib
import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from cnncourse import models
from cnncourse.models import OfflineError, download, weights
from cnncourse.models.download import DownloadError, fetch

CONTENT = bytes(range(256)) * 9000  # 2.3 MB: more than two chunks
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at every path but /missing, and keeps the Range of each request."""

    daemon_threads = True
    content = CONTENT
    ranges = True  # False: answers with all of it, whatever was asked
    most: int | None = None  # breaks off after so many bytes of an answer
    breaks = 1000  # so many times

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        s, wanted = self.server, self.headers["Range"]
        s.asked.append(wanted)
        if self.path == "/missing":
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and s.ranges else 0
        if start >= len(s.content):
            self.send_error(416)
            return
        body = s.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = s.most if s.breaks > 0 else None
        s.breaks -= 1
        self.wfile.write(body[:cut])

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download.time, "sleep", lambda _seconds: None)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.suffix != ".lock")


def test_a_file_is_fetched_once_and_then_found(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "new" / "w.pth"
    for _ in range(2):
        assert fetch(f"{server.url}/w", path, DIGEST[:8], "net") == path
        assert path.read_bytes() == CONTENT
    assert server.asked == [None]
    assert files(path.parent) == ["w.pth"]


def test_a_broken_connection_goes_on_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.most, server.breaks = 1_000_000, 2
    fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    assert (tmp_path / "w.pth").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000000-", "bytes=2000000-"]


def test_a_killed_download_goes_on_in_the_next_call(server: Server, tmp_path: Path) -> None:
    (tmp_path / "w.pth.part").write_bytes(CONTENT[:777])
    fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    assert (tmp_path / "w.pth").read_bytes() == CONTENT
    assert server.asked == ["bytes=777-"]
    assert files(tmp_path) == ["w.pth"]


def test_killed_between_the_last_byte_and_the_name(server: Server, tmp_path: Path) -> None:
    (tmp_path / "w.pth.part").write_bytes(CONTENT)
    fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    assert (tmp_path / "w.pth").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_of_it_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "w.pth.part").write_bytes(CONTENT[:777])
    fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    assert (tmp_path / "w.pth").read_bytes() == CONTENT


def test_a_truncated_download_is_kept_and_said(server: Server, tmp_path: Path) -> None:
    server.most = 100
    with pytest.raises(DownloadError, match=r"stopped after 300 bytes, 3 times.*goes on from there") as caught:
        fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    assert not isinstance(caught.value, OfflineError)
    assert files(tmp_path) == ["w.pth.part"]
    server.most = None
    fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    assert server.asked[-1] == "bytes=300-"


def test_a_wrong_hash_removes_what_came(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=rf"net: .*SHA-256 {DIGEST[:16]}.*expected 00000000.*removed"):
        fetch(f"{server.url}/w", tmp_path / "w.pth", "00000000", "net")
    assert files(tmp_path) == []


def test_a_spoilt_beginning_is_found_by_the_hash(server: Server, tmp_path: Path) -> None:
    (tmp_path / "w.pth.part").write_bytes(b"of another file")
    with pytest.raises(DownloadError, match="removed; try again"):
        fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    assert (tmp_path / "w.pth").read_bytes() == CONTENT


def test_a_spoilt_file_in_the_cache_is_not_used(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(DownloadError, match=r"w\.pth has SHA-256 .*Delete it"):
        fetch(f"{server.url}/w", path, DIGEST[:8], "net")
    assert server.asked == []
    assert path.exists(), "what somebody put there is not deleted"


def test_a_file_that_the_server_does_not_have(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="/missing answers 404"):
        fetch(f"{server.url}/missing", tmp_path / "w.pth", DIGEST[:8], "net")
    assert files(tmp_path) == []


@pytest.mark.parametrize("have", [0, 5])
def test_offline_says_what_was_asked_where_it_goes_and_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, have: int
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/w"  # a port where nobody listens
        (tmp_path / "w.pth.part").write_bytes(CONTENT[:have])
        with pytest.raises(OfflineError) as caught:
            fetch(url, tmp_path / "w.pth", DIGEST[:8], "vgg16")
    for part in ("vgg16", url, str(tmp_path / "w.pth"), DIGEST[:8], "cnncourse.zoo", "refused"):
        assert part in str(caught.value)
    assert (tmp_path / "w.pth.part").stat().st_size == have


def test_a_server_that_hangs_up_at_once_is_offline(server: Server, tmp_path: Path) -> None:
    server.most = 0
    with pytest.raises(OfflineError, match="the connection broke off"):
        fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    assert len(server.asked) == 3


def test_progress_is_a_line_on_the_terminal(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(download.time, "monotonic", lambda: next(clock))
    fetch(f"{server.url}/w", tmp_path / "w.pth", DIGEST[:8], "net")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\rnet: 2.3 of 2.3 MB (100%)\n")


FETCH = """
import pathlib, runpy, sys
module, url, path, digest = sys.argv[1:]
runpy.run_path(module)["fetch"](url, pathlib.Path(path), digest, "net")
"""


def test_two_processes_at_once_download_one_file(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    command = [sys.executable, "-c", FETCH, download.__file__, f"{server.url}/w", str(path), DIGEST[:8]]
    with download._alone(tmp_path / "w.pth.lock"):  # both have to wait, so both ask at the same time
        running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
        with pytest.raises(subprocess.TimeoutExpired):
            running[0].wait(timeout=0.5)
        assert server.asked == []
    for process in running:
        _, error = process.communicate(timeout=100)
        assert process.returncode == 0, error
    assert path.read_bytes() == CONTENT
    assert server.asked == [None]


def small_densenet() -> models.DenseNet:
    return models.DenseNet(4, (2, 1), 8, num_classes=1000)


@pytest.fixture
def official(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """A small DenseNet whose state dict, under the names of 2017, is what the server has for densenet121."""
    source = small_densenet()
    old = {}
    for key, value in source.state_dict().items():
        if "num_batches" not in key:  # these came later
            for new in ("norm1", "norm2", "conv1", "conv2"):
                key = key.replace(new, f"{new[:4]}.{new[4]}") if "denselayer" in key else key
            old[key] = value
    assert "features.denseblock1.denselayer2.norm.1.running_mean" in old
    torch.save(old, tmp_path / "old.pth")
    server.content = (tmp_path / "old.pth").read_bytes()
    digest = hashlib.sha256(server.content).hexdigest()
    monkeypatch.setattr(weights, "BASE", f"{server.url}/")
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    monkeypatch.setitem(weights.OFFICIAL, "densenet121", f"densenet121-{digest[:8]}.pth")
    return source


def test_official_weights_are_cached_and_loaded(official: nn.Module, tmp_path: Path) -> None:
    net = weights.with_weights(small_densenet(), "densenet121", "imagenet")
    x = torch.randn(1, 3, 32, 32)
    assert torch.equal(net.eval()(x), official.eval()(x))
    assert files(tmp_path / "hub" / "checkpoints") == [weights.OFFICIAL["densenet121"]]


def test_heads_that_a_net_does_not_have_are_dropped() -> None:
    with torch.device("meta"):
        bare = models.googlenet(aux_logits=False)
    state = bare.state_dict()
    heads = {"aux1.fc1.weight": torch.zeros(1), "aux2.conv.bn.bias": torch.zeros(1)}
    assert set(weights.renamed(state | heads, bare)) == set(state)
    bare.aux1 = bare.aux2 = nn.Linear(1, 1)
    assert set(weights.renamed(state | heads, bare)) == set(state | heads)


def test_googlenet_transforms_its_input_for_official_weights_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["cnncourse.models.googlenet"], "with_weights", lambda net, _name, _weights: net)
    with torch.device("meta"):
        assert models.googlenet(weights="imagenet").transform_input
        assert not models.googlenet(weights="imagenet", transform_input=False).transform_input
        assert not models.googlenet().transform_input


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("zfnet", {}, "no official weights.*'imagenet' works for alexnet, .*see cnncourse.zoo"),
        ("alexnet_2012", {}, "no official weights"),
        ("resnet18", {"num_classes": 10}, "1000 classes and 3 channels; got num_classes=10.*replace the last layer"),
        ("vgg16", {"in_channels": 1}, "in_channels=1"),
        ("resnet50", {"stride_on": "1x1"}, "stride_on='3x3'"),
    ],
)
def test_official_weights_that_do_not_fit(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, object], message: str
) -> None:
    monkeypatch.setattr(weights, "BASE", f"{server.url}/")
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        getattr(models, name)(weights="imagenet", **options)
    assert server.asked == []


def test_each_official_name_has_its_hash_and_its_model() -> None:
    for name, file in weights.OFFICIAL.items():
        assert callable(getattr(models, name))
        stem, _, digest = file.removesuffix(".pth").rpartition("-")
        assert stem.startswith(name)
        assert len(digest) == 8
        int(digest, 16)
    assert len(weights.OFFICIAL) == 19


def test_a_path_that_is_wrong_in_several_ways(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"weights is 'imagenett'; expected 'imagenet' or the path"):
        models.nin(weights="imagenett")
    with pytest.raises(TypeError, match="weights is a int"):
        models.nin(weights=1)  # type: ignore[arg-type]
    path = tmp_path / "w.pth"
    path.write_bytes(b"not weights")
    with pytest.raises(ValueError, match=r"nin: cannot read .*w\.pth as weights.*torch\.save"):
        models.nin(weights=path)
    torch.save({"epoch": 3}, path)
    with pytest.raises(ValueError, match="no state dict"):
        models.nin(weights=path)
    torch.save(models.lenet5().state_dict(), path)
    with pytest.raises(ValueError, match=r"nin: the file .* is for another network"):
        models.nin(weights=str(path))


class Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this ran",)


def test_a_file_with_code_in_it_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"weight": Attack()}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="cannot read"):
        models.nin(weights=tmp_path / "w.pth")
    assert capsys.readouterr().out == ""
