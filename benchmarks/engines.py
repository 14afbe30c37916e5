"""The engines that are compared, each behind one call: a page's path in, its text out.

A loader takes the number of threads and Tesseract's languages and gives the engine's version and that call.
It raises whatever an engine that is missing, or cannot start, raises.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

Read = Callable[[Path], str]
Loader = Callable[[int, str], tuple[str, Read]]


def ocrpipe(threads: int, lang: str) -> tuple[str, Read]:
    from ocrpipe import Pipeline

    pipeline = Pipeline(threads=threads)
    return version("ocrpipe"), lambda page: pipeline.read(page).text


def rapidocr(threads: int, lang: str) -> tuple[str, Read]:
    import cv2
    from rapidocr import RapidOCR

    logging.disable(logging.INFO)
    cv2.setNumThreads(threads)
    engine = RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    return version("rapidocr"), lambda page: "\n".join(engine(str(page)).txts or ())


def tesseract(threads: int, lang: str) -> tuple[str, Read]:
    program = shutil.which("tesseract")
    if program is None:
        raise FileNotFoundError("no tesseract on the path")
    installed = _output(program, "--list-langs").split()
    if missing := [name for name in lang.split("+") if name not in installed]:
        raise LookupError(f"tesseract has no data for {', '.join(missing)}")
    environment = {**os.environ, "OMP_THREAD_LIMIT": str(threads)}

    def read(page: Path) -> str:
        return _output(program, str(page), "-", "-l", lang, env=environment)

    return _output(program, "--version").split()[1], read


def _output(*command: str, env: dict[str, str] | None = None) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout


ENGINES: dict[str, Loader] = {
    "ocrpipe": ocrpipe,
    "rapidocr": rapidocr,
    "tesseract": tesseract,
}
