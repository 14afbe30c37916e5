"""The page in a real Chromium: read, look, correct, save.

Needs the Python package playwright and a Chromium, the system's own or playwright's.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serve.conftest import FakeReader, scan

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
pytest.importorskip("starlette", reason="needs ocrpipe[serve]")
pytest.importorskip("uvicorn", reason="needs ocrpipe[serve]")

from tests.serve.running import Running  # noqa: E402

Page = Any
TOKEN = "a-token-for-the-browser"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(
        (
            found
            for name in ("chromium", "chromium-browser", "google-chrome")
            if (found := shutil.which(name))
        ),
        None,
    )
    with playwright.sync_playwright() as started:
        try:
            browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(
                f"needs the program chromium: apt-get install chromium ({str(error).splitlines()[0]})"
            )
        yield browser
        browser.close()


@pytest.fixture
def running(reader: FakeReader, request: pytest.FixtureRequest) -> Running:
    server = Running(reader)
    request.addfinalizer(server.stop)
    return server


@pytest.fixture
def page(browser: Any, running: Running) -> Iterator[Page]:
    """The page, in which no error may happen."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console", lambda message: errors.append(message.text) if "Content Security" in message.text else None
    )
    page.goto(running.address)
    yield page
    context.close()
    assert errors == []


def give(page: Page, *files: tuple[str, bytes]) -> None:
    page.set_input_files("#files", [{"name": n, "mimeType": "image/png", "buffer": d} for n, d in files])


def shown(page: Page, text: str) -> None:
    page.wait_for_function("text => document.querySelector('#text').value === text", arg=text)


def downloaded(page: Page, format: str) -> bytes:
    page.select_option("#format", format)
    with page.expect_download() as download:
        page.click("#save")
    return Path(download.value.path()).read_bytes()


def test_read_correct_and_save_with_the_keyboard(page: Page) -> None:
    give(page, ("scan.tif", scan(300, 310, format="tiff")))
    shown(page, "page 1")
    assert page.locator("#overlay polygon.doubtful").count() == 2
    assert page.locator("#overlay polygon.char").count() == 2
    page.wait_for_function("() => document.querySelector('#image').naturalWidth === 300")
    page.wait_for_function("() => document.querySelector('#crop').naturalWidth > 0")
    page.keyboard.press("e")
    page.keyboard.type("page one")
    page.keyboard.press("Enter")
    shown(page, "300 x 60")  # the next doubtful line
    page.keyboard.press("Enter")
    shown(page, "page 2")  # the next page
    page.keyboard.press("[")
    shown(page, "page one")
    assert page.locator("#overlay polygon.corrected").count() == 2
    assert page.locator("#overlay polygon.char").count() == 0
    page.wait_for_function("() => document.querySelector('#lines-title').textContent.includes('2 corrected')")
    assert downloaded(page, "txt").decode() == "page one\n\n300 x 60\n\fpage 2\n\n310 x 60\n"
    page.keyboard.press("u")
    page.keyboard.press("u")
    shown(page, "page 1")
    page.keyboard.press("y")
    shown(page, "page one")
    first = json.loads(downloaded(page, "json"))["pages"][0]["paragraphs"][0]["lines"][0]
    assert first["text"] == "page one" and first["confidence"] == 1.0


def test_the_searchable_pdf_is_made_from_the_corrected_text(page: Page) -> None:
    pytest.importorskip("pikepdf", reason="needs ocrpipe[pdf]")
    import pypdfium2

    give(page, ("scan.png", scan(300)))
    shown(page, "page 1")
    page.fill("#text", "corrected")
    page.click("#accept")
    shown(page, "300 x 60")
    document = pypdfium2.PdfDocument(downloaded(page, "pdf"))
    text = document[0].get_textpage().get_text_range()
    document.close()
    assert "corrected" in text and "page 1" not in text


def test_clicks_zoom_rotation_search_and_colours(page: Page) -> None:
    give(page, ("scan.png", scan(600)))
    shown(page, "page 1")
    page.locator("#overlay polygon").nth(1).click()
    shown(page, "600 x 60")
    before = page.inner_text("#zoom")
    page.keyboard.press("+")
    assert page.inner_text("#zoom") != before
    page.keyboard.press("Shift+R")
    assert "rotate(90deg)" in page.get_attribute("#turned", "style")
    page.keyboard.press("0")
    page.keyboard.press("/")
    page.keyboard.type("PAGE")
    page.keyboard.press("Enter")
    shown(page, "page 1")
    assert page.locator("#overlay polygon.found").count() == 1
    page.keyboard.press("Escape")
    theme = page.get_attribute("html", "data-theme")
    page.keyboard.press("d")
    assert page.get_attribute("html", "data-theme") != theme


def test_a_long_document_a_broken_file_and_a_cancelled_one(page: Page, reader: FakeReader) -> None:
    give(page, ("broken.png", b"no picture"), ("long.tif", scan(*range(100, 140), format="tiff")))
    page.wait_for_selector("text=not an image of a known kind")
    page.wait_for_function("() => document.querySelectorAll('button.page').length === 40")
    reader.gate.clear()
    give(page, ("slow.png", scan(100)))
    page.get_by_label("Cancel slow.png").click()
    page.wait_for_selector("text=cancelled")
    reader.gate.set()


def test_two_tabs_that_correct_one_line(page: Page, browser: Any, running: Running) -> None:
    give(page, ("scan.png", scan(300)))
    shown(page, "page 1")
    other = page.context.new_page()
    other.goto(running.address)
    jobs = page.evaluate("sessionStorage.getItem('jobs')")
    other.evaluate("jobs => sessionStorage.setItem('jobs', jobs)", jobs)
    other.reload()
    shown(other, "page 1")
    other.fill("#text", "of the other tab")
    other.click("#accept")
    shown(other, "300 x 60")
    page.fill("#text", "of this tab")
    page.click("#accept")
    page.wait_for_selector("text=corrected elsewhere meanwhile")
    shown(page, "of the other tab")


def test_a_server_that_was_restarted_gets_the_file_and_the_corrections_again(
    page: Page, running: Running
) -> None:
    give(page, ("scan.png", scan(300)))
    shown(page, "page 1")
    page.fill("#text", "before the restart")
    page.click("#accept")
    shown(page, "300 x 60")
    running.stop()
    running.start()
    page.fill("#text", "after it")
    page.click("#accept")
    page.wait_for_function("() => document.querySelectorAll('#overlay polygon.corrected').length === 2")
    text = downloaded(page, "txt").decode()
    assert text == "before the restart\n\nafter it\n"


def test_a_token_comes_by_the_address_or_is_asked_for(
    browser: Any, reader: FakeReader, request: pytest.FixtureRequest
) -> None:
    server = Running(reader, token=TOKEN)
    request.addfinalizer(server.stop)
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.address}#token={TOKEN}")
        page.wait_for_function("() => document.querySelector('#format').options.length > 3")
        assert page.url == server.address  # the token is not left in the address
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address)
        page.fill("#token", TOKEN)
        page.click("#login-form button")
        page.wait_for_function("() => document.querySelector('#format').options.length > 3")


def test_every_control_has_a_name_and_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    give(page, ("scan.png", scan(300)))
    shown(page, "page 1")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea, img')]
            .filter(e => e.offsetParent)
            .filter(e => !(e.ariaLabel || e.textContent.trim() || e.alt || e.labels?.length))
            .map(e => e.outerHTML)"""
    )
    assert nameless == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.keyboard.press("n")
    shown(page, "300 x 60")


def test_a_folder_is_reviewed_from_its_worst_page_on(
    browser: Any, output: Path, request: pytest.FixtureRequest
) -> None:
    from ocrpipe.folder.manifest import Manifest
    from ocrpipe.serve.review import Review

    server = Running(None, Review(output))
    request.addfinalizer(server.stop)
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address)
        shown(page, "page 2")
        assert page.is_hidden("#open") and page.is_visible("text=bad.png is damaged")
        page.fill("#text", "page two")
        page.click("#accept")
        shown(page, "110 x 60")
        page.wait_for_selector("text=a/book.tif · 1 corrected")
        page.keyboard.press("]")
        shown(page, "page 1")
        page.wait_for_function("() => document.querySelector('#image').naturalWidth === 100")
    with Manifest(output) as manifest:
        assert manifest.corrected("a/book.tif", 2).lines[0].text == "page two"
