"""Jobs: progress, results, corrections, cancelling, and what is left behind: nothing."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.serve.conftest import FakeReader, Start, fake_page, scan, wait

pytest.importorskip("starlette", reason="needs ocrpipe[serve]")

from ocrpipe.serve.jobs import Job, Request  # noqa: E402
from ocrpipe.serve.uploads import Upload  # noqa: E402

Client = Any


def submit(client: Client, *widths: int, name: str = "book.tif") -> str:
    answer = client.post(f"/v1/jobs?name={name}", content=scan(*widths, format="tiff"))
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    id: str = answer.json()["id"]
    return id


def events(client: Client, id: str, **headers: str) -> list[tuple[str, dict[str, Any]]]:
    text = client.get(f"/v1/jobs/{id}/events", headers=headers).text
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_events_tell_the_progress_to_the_end(client: Client) -> None:
    id = submit(client, 100, 110, 120)
    told = events(client, id)
    assert told[0] == ("state", {"state": "running"})
    assert told[1] == ("started", {"total": 3})
    pages = [data for name, data in told if name == "page"]
    assert [page["number"] for page in pages] == [1, 2, 3]
    assert {(page["lines"], page["doubtful"]) for page in pages} == {(2, 2)}
    assert told[-2:] == [("state", {"state": "done"}), ("end", {})]
    assert events(client, id, **{"last-event-id": "3"}) == told[4:]


def test_a_result_comes_in_every_format_as_often_as_wanted(client: Client) -> None:
    id = submit(client, 100, 110)
    events(client, id)
    job = client.get(f"/v1/jobs/{id}").json()
    assert (job["state"], job["read"], len(job["pages"])) == ("done", 2, 2)
    text = client.get(f"/v1/jobs/{id}/result?format=txt")
    assert text.text == "page 1\n\n100 x 60\n\fpage 2\n\n110 x 60\n"
    assert client.get(f"/v1/jobs/{id}/result?format=txt&pages=2").text == "page 2\n\n110 x 60\n"
    assert len(client.get(f"/v1/jobs/{id}/result").json()["pages"]) == 2
    assert client.get(f"/v1/jobs/{id}/result?format=nope").status_code == 400
    assert client.get(f"/v1/jobs/{id}/result?format=txt&pages=7").status_code == 409


def test_a_damaged_page_does_not_keep_the_others_from_being_read(client: Client, reader: FakeReader) -> None:
    from ocrpipe.errors import UnreadableImageError

    read_document = reader.read_document

    def with_fault(source: Path, **how: Any) -> Any:
        if how["pages"] == (2,):
            raise UnreadableImageError(f"frame 2 of {source} is damaged")
        return read_document(source, **how)

    reader.read_document = with_fault  # type: ignore[method-assign]
    id = submit(client, 100, 110, 120)
    events(client, id)
    job = client.get(f"/v1/jobs/{id}").json()
    assert (job["state"], job["failed"]) == (
        "done",
        [{"number": 2, "error": "frame 2 of book.tif is damaged"}],
    )
    assert [page["number"] for page in job["pages"]] == [1, 3]
    assert client.get(f"/v1/jobs/{id}/pages/2").status_code == 404
    assert client.post("/v1/read", content=scan(9, 9, format="tiff")).status_code == 422


def test_a_document_that_cannot_be_opened_has_failed(client: Client) -> None:
    id = client.post("/v1/jobs?name=a.pdf", content=b"%PDF-1.4 broken").json()["id"]
    events(client, id)
    job = client.get(f"/v1/jobs/{id}").json()
    assert job["state"] == "failed" and job["error"].startswith("a.pdf is damaged")
    assert client.get(f"/v1/jobs/{id}/result").status_code == 409


def test_cancelling_keeps_what_was_read(start: Start, reader: FakeReader) -> None:
    client = start()
    reader.gate.clear()
    id = submit(client, 100, 110, 120)
    reader.gate.set()
    wait(lambda: client.get(f"/v1/jobs/{id}").json()["read"] >= 1, "the first page")
    reader.gate.clear()
    state = client.post(f"/v1/jobs/{id}/cancel").json()["state"]
    reader.gate.set()
    assert state in ("cancelled", "done")
    assert client.get(f"/v1/jobs/{id}/result?format=txt").text.startswith("page 1")


def test_a_cancelled_page_ends_between_two_stages(start: Start, reader: FakeReader) -> None:
    client = start()
    reader.gate.clear()
    reader.stages = 1000
    id = submit(client, 100)
    assert reader.started.acquire(timeout=30)
    client.post(f"/v1/jobs/{id}/cancel")
    reader.gate.set()
    reader.stages = 1
    assert client.post("/v1/read?format=txt", content=scan(50)).text.startswith("page 1")
    job = client.get(f"/v1/jobs/{id}").json()
    assert (job["state"], job["read"]) == ("cancelled", 0)


def test_a_page_that_takes_too_long_has_failed(start: Start, reader: FakeReader) -> None:
    import time

    client = start(timeout=0.05)
    read_document = reader.read_document

    def slow(source: Path, **how: Any) -> Any:
        time.sleep(0.1)
        return read_document(source, **how)

    reader.read_document = slow  # type: ignore[method-assign]
    id = submit(client, 100)
    events(client, id)
    job = client.get(f"/v1/jobs/{id}").json()
    assert job["state"] == "failed" and "took longer than 0.05 s" in job["error"]


def test_documents_are_read_in_turns(start: Start, reader: FakeReader) -> None:
    client = start()
    reader.gate.clear()
    long = submit(client, *range(100, 110))
    short = submit(client, 50)
    reader.gate.set()
    events(client, short)
    events(client, long)
    (other,) = set(reader.sources) - {reader.sources[0]}
    assert reader.sources.index(other) <= 2 and len(reader.sources) == 11


def test_deleted_jobs_are_gone(client: Client) -> None:
    id = submit(client, 100)
    assert client.delete(f"/v1/jobs/{id}").status_code == 204
    for path in ("", "/events", "/result", "/pages/1", "/pages/1/image"):
        assert client.get(f"/v1/jobs/{id}{path}").status_code == 404


def test_jobs_are_kept_for_a_time_and_up_to_a_number(start: Start) -> None:
    client = start(max_jobs=2, keep=0.3)
    ids = []
    for _ in range(3):
        ids.append(submit(client, 100))
        events(client, ids[-1])
    assert client.get(f"/v1/jobs/{ids[0]}").status_code == 404
    assert client.get(f"/v1/jobs/{ids[2]}").status_code == 200
    wait(lambda: "ocrpipe_jobs_kept 2" in client.get("/metrics").text, "the jobs")
    import time

    time.sleep(0.4)
    assert client.get(f"/v1/jobs/{ids[2]}").status_code == 404


# -- corrections


def test_corrections_are_in_all_that_is_saved(client: Client) -> None:
    id = submit(client, 100, 110)
    events(client, id)
    line = f"/v1/jobs/{id}/pages/2/lines/0"
    assert client.put(line, json={"text": " page  two ", "was": "page 2"}).json() == {
        "line": 0,
        "text": "page two",
    }
    page = client.get(f"/v1/jobs/{id}/pages/2").json()
    assert page["corrections"] == [{"line": 0, "text": "page two"}]
    assert page["page"]["paragraphs"][0]["lines"][0]["text"] == "page 2"
    assert client.get(f"/v1/jobs/{id}").json()["pages"][1]["corrected"] == 1
    for format in ("txt", "json", "hocr", "alto", "html"):
        text = client.get(f"/v1/jobs/{id}/result?format={format}").text
        assert "two" in text and text.count("page 1") >= (format in ("txt", "html", "json"))
    assert client.delete(line).json() == {"line": 0, "text": "page 2"}
    assert "page 2" in client.get(f"/v1/jobs/{id}/result?format=txt").text


def test_the_searchable_pdf_has_the_corrected_text(client: Client) -> None:
    pytest.importorskip("pikepdf", reason="needs ocrpipe[pdf]")
    pdfium = pytest.importorskip("pypdfium2")
    for format in ("tiff", "pdf"):
        id = client.post("/v1/jobs", content=scan(300, format=format)).json()["id"]
        events(client, id)
        client.put(f"/v1/jobs/{id}/pages/1/lines/0", json={"text": "corrected text"})
        client.put(f"/v1/jobs/{id}/pages/1/lines/1", json={"text": ""})
        data = client.get(f"/v1/jobs/{id}/result?format=pdf").content
        document = pdfium.PdfDocument(data)
        page = document[0]
        text = page.get_textpage()
        assert text.get_text_range().split() == ["corrected", "text"]
        for opened in (text, page, document):
            opened.close()


def test_of_two_who_correct_a_line_one_is_told(client: Client) -> None:
    id = submit(client, 100)
    events(client, id)
    line = f"/v1/jobs/{id}/pages/1/lines/0"
    assert client.put(line, json={"text": "first", "was": "page 1"}).status_code == 200
    refused = client.put(line, json={"text": "second", "was": "page 1"})
    assert refused.status_code == 409 and refused.json()["text"] == "first"
    assert client.put(line, json={"text": "second", "was": "first"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 400),
        (b"[]", 400),
        (b"nothing", 400),
        (b'{"text": 1}', 400),
        (b'{"text": "a", "was": 1}', 400),
        (b'{"text": "\\ud800"}', 400),
        (b"[" * 100_000, 400),
        (json.dumps({"text": "x" * 10_001}).encode(), 413),
        (b"x" * 200_000, 413),
    ],
    ids=range(9),
)
def test_corrections_that_make_no_sense_are_refused(client: Client, body: bytes, status: int) -> None:
    id = submit(client, 100)
    events(client, id)
    kind = {"content-type": "application/json"}
    assert client.put(f"/v1/jobs/{id}/pages/1/lines/0", content=body, headers=kind).status_code == status
    line = client.put(f"/v1/jobs/{id}/pages/1/lines/2", json={"text": "x"})
    assert line.status_code == 404
    assert client.put(f"/v1/jobs/{id}/pages/1/lines/0", content=b'{"text": "x"}').status_code == 415


def test_pictures_of_pages_and_lines(client: Client) -> None:
    from PIL import Image

    id = submit(client, 3000)
    events(client, id)

    def size(path: str) -> tuple[int, int]:
        answer = client.get(f"/v1/jobs/{id}/pages/1/{path}")
        assert answer.status_code == 200
        return Image.open(io.BytesIO(answer.content)).size

    assert size("image") == (2400, 48)
    assert size("image?max=300") == (300, 6)
    assert size("lines/0/image")[0] == 2000
    assert client.get(f"/v1/jobs/{id}/pages/1/lines/9/image").status_code == 404
    assert client.get(f"/v1/jobs/{id}/pages/1/image?max=0").status_code == 200


# -- what is left behind


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.mark.skipif(sys.platform != "linux", reason="files without a name are a matter of Linux")
def test_uploads_have_no_name_and_go_with_their_job(start: Start, tmp_path: Path, monkeypatch: Any) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client = start(max_body=4 << 20)
    client.get("/healthz")
    before = open_files()
    ids = [submit(client, 100 + index) for index in range(5)]
    for id in ids:
        events(client, id)
    assert list(tmp_path.iterdir()) == []
    assert open_files() >= before + 5
    for id in ids:
        client.delete(f"/v1/jobs/{id}")
    for content in (scan(100), b"broken", b"", b"x" * (5 << 20)):
        client.post("/v1/read", content=content)
        client.post("/v1/read", files={"file": content})
        client.post("/v1/read?dpi=x", files={"file": content})
    wait(lambda: open_files() <= before, "the uploads to be closed")
    assert list(tmp_path.iterdir()) == []


def test_an_upload_stays_while_it_is_read() -> None:
    upload = Upload("../a.png")
    upload.write(b"abc")
    assert (upload.name, upload.size) == ("a.png", 3)
    with upload.opened() as path:
        upload.close()
        assert path.read_bytes() == b"abc"
    with pytest.raises(FileNotFoundError, match="a.png is not kept any more"), upload.opened():
        pass
    upload.close()


def test_an_upload_with_a_name_is_removed_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on other systems than Linux."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "darwin")
    upload = Upload("a.png")
    upload.write(b"abc")
    with upload.opened() as path:
        assert path.read_bytes() == b"abc" and path.parent == tmp_path
    upload.close()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_job_reads_nothing() -> None:
    job = Job(Upload("a.png"), Request())
    job.close()
    job.prepare()
    assert (job.state, job.take(), job.has_more, job.left) == ("cancelled", None, False, 0)


def test_the_end_of_the_server_ends_everything(start: Start, servers: list[Any], reader: FakeReader) -> None:
    client = start(grace=5.0)
    reader.gate.clear()
    id = submit(client, 100, 110)
    assert reader.started.acquire(timeout=30)
    assert client.get(f"/v1/jobs/{id}").json()["state"] == "running"
    reader.gate.set()
    servers[0].close()
    assert not [path for path in reader.sources if path.exists()]
    assert client.get(f"/v1/jobs/{id}").status_code == 404
    assert client.post("/v1/jobs", content=scan(9)).status_code == 503


def test_a_client_that_leaves_cancels_its_read(start: Start, reader: FakeReader) -> None:
    """Spoken to as a server speaks to it, since test clients stay."""
    client = start()
    reader.gate.clear()
    body = scan(100, 110, 120, format="tiff")
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/read",
        "raw_path": b"/v1/read",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
    }
    sent: list[dict[str, Any]] = []

    async def exchange() -> None:
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            while not reader.started.acquire(blocking=False):  # noqa: ASYNC110 - of another thread
                await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(client.app(scope, receive, send), 30)

    asyncio.run(exchange())
    assert sent[0]["status"] == 400
    reader.gate.set()
    wait(lambda: "ocrpipe_queue_documents 0" in client.get("/metrics").text, "the place in the queue")
    assert len(reader.sources) == 1  # of three pages


def test_the_fake_is_as_the_tests_take_it() -> None:
    page = fake_page(100, 60, 1, "x")
    assert page.text == "page 1\n\n100 x 60"
    assert [line.text for line in page.lines] == ["page 1", "100 x 60"]
