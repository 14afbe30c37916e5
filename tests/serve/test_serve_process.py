"""``ocrpipe serve`` as a process: the shipped weights, signals, and what is refused at the start."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

for name in ("starlette", "uvicorn", "python_multipart"):
    pytest.importorskip(name, reason="needs ocrpipe[serve]")

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "ocrpipe"]
TOKEN = "a-token-of-a-process"


class Process:
    """A server in a process of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", "--threads", "1", *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        assert self.process.stderr
        self.address = self.process.stderr.readline().strip()
        found = re.match(r"http://127\.0\.0\.1:(\d+)/", self.address)
        assert found, self.address
        self.port = int(found[1])

    def call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def stop(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Path]]:
    temporary = tmp_path_factory.mktemp("temporary")
    process = Process(TMPDIR=str(temporary), OCRPIPE_TOKEN=TOKEN)
    yield process, temporary
    process.process.kill()
    process.process.wait()
    assert process.process.stderr
    process.process.stderr.close()


def test_the_sample_is_read_with_the_shipped_weights(served: tuple[Process, Path]) -> None:
    process, _ = served
    image = (ROOT / "docs" / "sample.png").read_bytes()
    status, text = process.call("POST", "/v1/read?format=txt&name=sample.png", image)
    assert status == 200 and "Every spring the clerk walks down to the river" in text.decode()
    status, answer = process.call("POST", "/v1/jobs", image)
    id = json.loads(answer)["id"]
    _, events = process.call("GET", f"/v1/jobs/{id}/events")
    assert b'"state": "done"' in events
    status, page = process.call("GET", f"/v1/jobs/{id}/pages/1")
    assert len(json.loads(page)["page"]["paragraphs"]) > 3


@pytest.mark.skipif(sys.platform != "linux", reason="files without a name are a matter of Linux")
def test_a_killed_server_leaves_nothing(served: tuple[Process, Path]) -> None:
    process, temporary = served
    image = (ROOT / "docs" / "sample.png").read_bytes()
    assert process.call("POST", "/v1/jobs", image)[0] == 202
    process.stop(signal.SIGKILL)
    assert [path for path in temporary.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter on Windows")
def test_a_server_that_is_told_to_stop_ends_its_streams_and_stops() -> None:
    process = Process("--detector", "classical")
    assert process.call("GET", "/healthz")[0] == 200
    tiff = ROOT / "docs" / "sample.png"
    _, answer = process.call("POST", "/v1/jobs", tiff.read_bytes())
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
    connection.request("GET", f"/v1/jobs/{json.loads(answer)['id']}/events")
    stream = connection.getresponse()
    assert stream.readline().startswith(b"id: 0")
    code = process.stop(signal.SIGTERM)
    assert code in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    assert stream.read().endswith(b"event: end\ndata: {}\n\n")
    connection.close()
    assert process.process.stderr
    assert "Traceback" not in process.process.stderr.read()
    process.process.stderr.close()


def refused(*arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, timeout=120
    )
    return done.returncode, done.stderr


def test_what_is_refused_at_the_start(tmp_path: Path) -> None:
    assert refused("serve", "--host", "0.0.0.0") == (
        2,
        "ocrpipe: listening at 0.0.0.0 needs a token, since others could reach it\n",
    )
    code, message = refused("review", str(tmp_path))
    assert code == 1 and "not an output folder" in message
    assert refused("serve", "--set", "nothing=1")[0] == 2
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        code, message = refused("serve", "--port", port, "--detector", "classical")
    assert code == 1 and message.startswith(f"ocrpipe: cannot listen at 127.0.0.1:{port}:")


def test_without_the_extra_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from ocrpipe.cli.serve import _check_extra
    from ocrpipe.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ocrpipe\[serve\]'"):
        _check_extra()


def test_help_is_quick(imported: Any) -> None:
    loaded = imported("import ocrpipe.cli.serve")
    assert not {"torch", "cv2", "starlette", "uvicorn"} & loaded
