"""A folder run's output, opened to be corrected."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ocrpipe.errors import OcrError, UnsupportedSourceError
from ocrpipe.folder.manifest import Manifest
from tests.serve.conftest import scan

pytest.importorskip("starlette", reason="needs ocrpipe[serve]")
pytest.importorskip("httpx2", reason="needs the package httpx2")

from starlette.testclient import TestClient  # noqa: E402

from ocrpipe.serve.app import Server  # noqa: E402
from ocrpipe.serve.review import Review  # noqa: E402
from ocrpipe.serve.settings import ServeSettings  # noqa: E402

Client = Any


@pytest.fixture
def client(output: Path) -> Iterator[Client]:
    server = Server(ServeSettings(), review=Review(output))
    with TestClient(server.app, base_url="http://localhost") as client:
        yield client


def test_the_worst_pages_come_first(client: Client, tmp_path: Path) -> None:
    assert client.get("/v1/about").json()["mode"] == "review"
    answer = client.get("/v1/pages")
    listed = answer.json()
    assert listed["total"] == 4
    assert [(page["name"], page["number"], page["state"]) for page in listed["pages"]] == [
        ("bad.png", 1, "failed"),
        ("a/book.tif", 2, "done"),
        ("a/book.tif", 1, "done"),
        ("good.png", 1, "done"),
    ]
    assert listed["pages"][0]["error"] == "bad.png is damaged"
    assert str(tmp_path) not in answer.text
    part = client.get("/v1/pages?offset=1&limit=2").json()["pages"]
    assert [page["confidence"] for page in part] == pytest.approx([0.5, 0.9])


def test_corrections_are_in_the_manifest_and_in_what_is_saved(client: Client, output: Path) -> None:
    id = client.get("/v1/pages").json()["pages"][1]["id"]
    line = f"/v1/jobs/{id}/pages/2/lines/0"
    assert client.put(line, json={"text": "page two", "was": "page 2"}).status_code == 200
    assert client.put(line, json={"text": "page zwei", "was": "page 2"}).status_code == 409
    page = client.get(f"/v1/jobs/{id}/pages/2").json()
    assert page["corrections"] == [{"line": 0, "text": "page two"}]
    assert "page two" in client.get(f"/v1/jobs/{id}/result?format=txt").text
    assert client.get("/v1/pages").json()["pages"][1]["corrected"] == 1
    with Manifest(output) as manifest:
        assert manifest.corrected("a/book.tif", 2).lines[0].text == "page two"
        assert manifest.result("a/book.tif", 2).lines[0].text == "page 2"
    assert client.delete(line).json()["text"] == "page 2"
    with Manifest(output) as manifest:
        assert manifest.corrections.counts() == {}


def test_pictures_come_from_the_tree(client: Client, tmp_path: Path) -> None:
    id = client.get("/v1/pages").json()["pages"][1]["id"]
    answer = client.get(f"/v1/jobs/{id}/pages/2/image")
    assert Image.open(io.BytesIO(answer.content)).size == (110, 60)
    good = client.get("/v1/pages").json()["pages"][3]["id"]
    (tmp_path / "scans" / "good.png").write_bytes(scan(121))
    changed = client.get(f"/v1/jobs/{good}/pages/1/image")
    assert changed.status_code == 409 and "has changed" in changed.json()["detail"]
    (tmp_path / "scans" / "good.png").unlink()
    gone = client.get(f"/v1/jobs/{good}/pages/1/image")
    assert gone.status_code == 410 and str(tmp_path) not in gone.text
    assert client.get(f"/v1/jobs/{good}/result?format=txt").status_code == 200


def test_only_what_was_read_is_there(client: Client) -> None:
    bad = client.get("/v1/pages").json()["pages"][0]["id"]
    for path in (f"{bad}/pages/1", f"{bad}/pages/1/image", "x", "../../etc/passwd/pages/1"):
        assert client.get(f"/v1/jobs/{path}").status_code == 404
    assert client.post("/v1/jobs", content=scan(9)).status_code in (404, 405)
    described = client.get("/openapi.json").json()["paths"]
    assert "/v1/pages" in described and "/v1/read" not in described
    json.dumps(described)


def test_a_tree_that_moved_is_given(output: Path, tmp_path: Path) -> None:
    (tmp_path / "scans").rename(tmp_path / "moved")
    with pytest.raises(UnsupportedSourceError, match="give what was read as --source"):
        Review(output)
    review = Review(output, tmp_path / "moved")
    (path,) = [path for path in review._paths.values() if path == "good.png"]
    assert review.path_of(path).is_file()
    review.close()


def test_a_folder_without_a_manifest_gets_none(tmp_path: Path) -> None:
    with pytest.raises(OcrError, match="not an output folder"):
        Review(tmp_path)
    assert list(tmp_path.iterdir()) == []
