"""``/v1/read``: what comes in, what comes out, and what is refused."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocrpipe.errors import ConfigError, OcrError, PluginError, UnreadableImageError
from ocrpipe.export import FORMATS
from tests.serve.conftest import FakeReader, Start, scan, wait

Client = Any


def test_a_form_and_a_body_give_the_same(client: Client) -> None:
    form = client.post("/v1/read?format=txt", files={"file": ("a.png", scan(100))})
    body = client.post("/v1/read?format=txt&name=a.png", content=scan(100))
    assert form.status_code == body.status_code == 200
    assert form.text == body.text == "page 1\n\n100 x 60\n"
    assert form.headers["content-type"] == "text/plain; charset=utf-8"
    assert form.headers["content-disposition"] == "attachment; filename*=UTF-8''a.txt"


def test_json_is_the_default_and_names_the_client_s_file(client: Client) -> None:
    answer = client.post("/v1/read", files={"file": ("C:\\scans\\a b.png", scan(100))})
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["schema"] == "ocrpipe.document/1"
    assert [page["source"] for page in document["pages"]] == ["a b.png"]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_its_media_type(client: Client, format: str) -> None:
    answer = client.post(f"/v1/read?format={format}", content=scan(100))
    if answer.status_code == 501:
        pytest.skip(answer.json()["detail"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] != "application/octet-stream", "serve/answers.py lacks it"
    assert answer.headers["content-disposition"].startswith("attachment")


def test_pages_are_chosen_and_resolution_is_given(client: Client) -> None:
    tiff = scan(100, 110, 120, 130, format="tiff")
    answer = client.post("/v1/read", files={"file": tiff}, data={"pages": "2,4", "format": "txt"})
    assert answer.text == "page 2\n\n110 x 60\n\fpage 4\n\n130 x 60\n"
    pdf = scan(100, format="pdf")
    (page,) = client.post("/v1/read?dpi=144", content=pdf).json()["pages"]
    assert (page["width"], page["dpi"]) == (200, 144)


def test_a_locked_pdf_needs_its_password(client: Client) -> None:
    pikepdf = pytest.importorskip("pikepdf", reason="needs ocrpipe[pdf]")
    import io

    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(scan(100, format="pdf"))) as pdf:
        pdf.save(locked, encryption=pikepdf.Encryption(owner="o", user="secret"))
    refused = client.post("/v1/read", content=locked.getvalue())
    assert refused.status_code == 422 and "give its password" in refused.json()["detail"]
    form = {"password": "secret", "format": "pdf"}
    answer = client.post("/v1/read", files={"file": locked.getvalue()}, data=form)
    assert answer.status_code == 200 and answer.content.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("query", "content", "status", "detail"),
    [
        ("format=docx", scan(9), 400, "unknown format 'docx'"),
        ("pages=0", scan(9), 400, "pages are given as in"),
        ("pages=3", scan(9), 422, "has 1 page, no page 3"),
        ("dpi=many", scan(9), 400, "dpi is a number"),
        ("dpi=nan", scan(9), 400, "dpi is between"),
        ("dpi=9999", scan(9), 400, "dpi is between"),
        ("", b"no picture", 422, "not an image of a known kind"),
        ("", scan(9)[:-20], 422, "cannot be decoded"),
        ("", b"", 400, "has no document"),
    ],
)
def test_what_is_wrong_is_told(client: Client, query: str, content: bytes, status: int, detail: str) -> None:
    answer = client.post(f"/v1/read?{query}", content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert body["status"] == status and body["title"] and detail in body["detail"]


def test_a_form_without_a_file_is_refused(client: Client) -> None:
    assert client.post("/v1/read", files={"other": scan(9)}).status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/v1/read", content=b"--y\r\n", headers=broken).status_code == 400


def test_a_body_that_is_too_large_is_refused(start: Start, reader: FakeReader) -> None:
    client = start(max_body=1000)
    answer = client.post("/v1/read", content=b"x" * 1001)
    assert answer.status_code == 413 and "1,000 bytes" in answer.json()["detail"]

    def chunks() -> Any:  # of no declared length
        for _ in range(100):
            yield b"x" * 100

    assert client.post("/v1/read", content=chunks()).status_code == 413
    assert client.post("/v1/read", files={"file": b"x" * 1001}).status_code == 413
    assert reader.sources == []


def test_too_many_pages_are_refused(start: Start) -> None:
    client = start(max_pages=2)
    tiff = scan(10, 10, 10, format="tiff")
    assert "at most 2" in client.post("/v1/read?name=a.tif", content=tiff).json()["detail"]
    assert client.post("/v1/read?pages=2-3", content=tiff).status_code == 200


def test_reading_that_takes_too_long_is_given_up(start: Start, reader: FakeReader) -> None:
    client = start(timeout=0.2)
    reader.gate.clear()
    answer = client.post("/v1/read", content=scan(100))
    assert answer.status_code == 504
    reader.gate.set()
    wait(lambda: "ocrpipe_queue_documents 0" in client.get("/metrics").text, "the place in the queue")


def test_a_full_queue_answers_429_and_when_to_come_back(start: Start, reader: FakeReader) -> None:
    client = start(queue=2)
    reader.gate.clear()
    jobs = [client.post("/v1/jobs", content=scan(100)) for _ in range(2)]
    assert [job.status_code for job in jobs] == [202, 202]
    refused = client.post("/v1/read", content=scan(100))
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 120
    reader.gate.set()
    for job in jobs:
        client.get(f"/v1/jobs/{job.json()['id']}/events")
    assert client.post("/v1/read", content=scan(100)).status_code == 200
    assert "ocrpipe_rejected_total 1" in client.get("/metrics").text


def test_many_clients_get_their_own_results(start: Start) -> None:
    client = start(queue=64, workers=3)
    answers: dict[int, str] = {}

    def read(width: int) -> None:
        answers[width] = client.post("/v1/read?format=txt", content=scan(width)).text

    threads = [threading.Thread(target=read, args=(width,)) for width in range(100, 124)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {width: f"page 1\n\n{width} x 60\n" for width in range(100, 124)}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnreadableImageError, 422),
        (ConfigError, 400),
        (PluginError, 500),
        (OcrError, 500),
        (ZeroDivisionError, 500),
    ],
)
def test_no_answer_names_a_path_of_the_machine(
    client: Client, reader: FakeReader, error: type[Exception], status: int
) -> None:
    import tempfile

    hidden = [str(Path(__file__).parents[2]), tempfile.gettempdir(), "/proc/self"]
    for message in ("{source} is broken", "weights in " + hidden[0], "no space in " + hidden[1]):
        reader.fault = lambda source, message=message: error(message.format(source=source))
        answer = client.post("/v1/read?name=mine.png", content=scan(100))
        assert answer.status_code == status
        assert not [path for path in hidden if path in answer.text], answer.text
        if status == 422 and "source" in message:
            assert answer.json()["detail"] == "mine.png is broken"
    for format in ("json", "hocr", "alto", "pagexml", "html", "labelstudio"):
        reader.fault = None
        text = client.post(f"/v1/read?format={format}&name=mine.png", content=scan(100)).text
        assert not [path for path in hidden if path in text]


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(names)
def test_any_name_of_a_file_is_safe(client: Client, name: str) -> None:
    answer = client.post(f"/v1/read?name={quote(name)}", content=scan(30))
    assert answer.status_code == 200
    (page,) = answer.json()["pages"]
    shown = page["source"]
    assert shown and not set(shown) & {"/", "\\", "\n", "\0", "\u202e"} and len(shown) <= 200
    disposition = answer.headers["content-disposition"]
    assert disposition.isascii() and disposition.isprintable() and ".." not in disposition.split("''")[1][:2]


def test_the_description_of_the_api_fits_it(client: Client, start: Start) -> None:
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    routes = {
        (route.path.replace(":int", ""), method.lower())
        for route in client.app.routes
        for method in route.methods - {"HEAD"}
        if route.path.startswith(("/v1", "/healthz", "/metrics", "/openapi"))
    }
    assert routes == {(path, method) for path, item in described["paths"].items() for method in item}
    text = json.dumps(described)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
        assert reference in described["components"]["schemas"]


def test_answers_fit_their_schemas(client: Client) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="needs the package jsonschema")
    schemas = client.get("/openapi.json").json()["components"]["schemas"]

    def check(name: str, value: object) -> None:
        text = json.dumps({"$ref": f"#/$defs/{name}", "$defs": schemas})
        jsonschema.validate(value, json.loads(text.replace("#/components/schemas/", "#/$defs/")))

    job = client.post("/v1/jobs", content=scan(100)).json()
    check("Job", job)
    client.get(f"/v1/jobs/{job['id']}/events")
    check("JobWithPages", client.get(f"/v1/jobs/{job['id']}").json())
    check("Page", client.get(f"/v1/jobs/{job['id']}/pages/1").json()["page"])
    check("Problem", client.get("/v1/jobs/none").json())


def test_figures_are_those_of_prometheus(client: Client) -> None:
    for _ in range(2):
        client.post("/v1/read", content=scan(100))
    client.post("/v1/read", content=b"x")
    text = client.get("/metrics").text
    assert "ocrpipe_pages_total 2\n" in text
    assert 'ocrpipe_requests_total{endpoint="read",status="200"} 2\n' in text
    assert 'ocrpipe_requests_total{endpoint="read",status="422"} 1\n' in text
    assert 'ocrpipe_page_seconds_bucket{le="+Inf"} 2\n' in text
    for line in text.splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0
