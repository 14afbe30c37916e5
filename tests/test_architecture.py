"""The layers of the package: which part may import which, and that there is no import cycle.

Imports are read from the source with ``ast``, so those inside functions count as well. Imports under
``if TYPE_CHECKING:`` do not count: they name a type and never run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ocrpipe
from ocrpipe.folder.code import source_files

ROOT = Path(__file__).parents[1]

# From the lowest layer to the highest: each part of ocrpipe, and the parts or modules that it may import.
MAY_IMPORT = {
    "_version": "",
    "errors": "",
    "page": "",
    "characters": "",
    "statistics": "",
    "environment": "",
    "threads": "",
    "kernels": "",
    "settings": "errors",
    "geometry": "errors page",
    "io": "errors",
    "pretrained": "errors io",
    "graphs": "errors",
    "runtime": "environment errors io",
    "detectors": "characters environment errors geometry graphs kernels page pretrained runtime statistics"
    " threads",
    "recognizers": "characters environment errors geometry graphs kernels page pretrained runtime statistics"
    " threads",
    "engines": "detectors.base errors geometry page recognizers.base recognizers.ctc recognizers.spans",
    "plugins": "detectors.base errors page recognizers.base settings",
    "stages": "characters detectors.base errors geometry page plugins recognizers.base statistics",
    "export": "_version characters errors geometry io page",
    "result": "export page",
    "corrections": "characters geometry page",
    "options": "errors io settings stages",
    "pipeline": "detectors.base errors geometry io options page plugins recognizers.base result runtime"
    " stages threads",
    "api": "io pipeline",
    "testing": "detectors.base errors plugins recognizers.base",
    "synthesis": "characters errors geometry io page",
    "evaluation": "characters errors geometry io page recognizers.base statistics synthesis.fonts",
    "training": "characters detectors environment errors evaluation geometry io page plugins pretrained"
    " recognizers runtime settings statistics synthesis threads",
    "folder": "_version corrections errors export io options pipeline plugins pretrained result runtime",
    "integrations": "_version errors export geometry io options page pipeline plugins recognizers.base result"
    " stages",
    "serve": "_version corrections errors export folder geometry io page pipeline result",
    "cli": "_version detectors environment errors evaluation export folder io options page pipeline"
    " plugins pretrained recognizers result serve settings synthesis training",
    "__main__": "cli",
    "ocrpipe": "_version api errors folder options page pipeline result",  # ocrpipe/__init__.py
}

# Violations still to be mended: (module, what it imports).
KNOWN: set[tuple[str, str]] = set()

# What the table is for: these parts never import those, not even indirectly.
NEVER = [
    ("page errors characters statistics", "geometry io export result plugins pipeline"),
    ("geometry io detectors recognizers engines stages export plugins", "pipeline api cli folder result"),
    ("detectors recognizers engines stages pipeline", "training synthesis evaluation"),
    ("folder integrations api evaluation synthesis", "training cli"),
]


def name_of(path: Path) -> str:
    """``ocrpipe/io/files.py`` and ``detectors/base.py`` as ``io.files`` and ``detectors.base``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "ocrpipe" else parts
    return ".".join(part for part in parts if part != "__init__") or "ocrpipe"


def sources() -> dict[str, Path]:
    """Each module's file."""
    folders = ("ocrpipe", "detectors", "recognizers", "pretrained")
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return {name_of(path): path for path in paths if "__pycache__" not in path.parts and not is_link(path)}


def is_link(path: Path) -> bool:
    """Whether a file was reached by one of the links in ocrpipe/; some versions of ``rglob`` follow them."""
    return any(parent.is_symlink() for parent in path.parents if ROOT in parent.parents)


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Module and name of every import that can run; the name is empty for a plain ``import``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in node.orelse:
                yield from imported(ast.Module([other], []))
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "relative imports are not used here"
            yield from ((node.module, alias.name) for alias in node.names)
        else:
            yield from imported(node)


def graph() -> dict[str, set[str]]:
    """Each module and the modules that it imports, without the leading ``ocrpipe.``."""
    files = sources()
    edges: dict[str, set[str]] = {name: set() for name in files}
    for name, path in files.items():
        for module, member in imported(ast.parse(path.read_text("utf-8"))):
            if module.split(".")[0] == "ocrpipe":
                target = module.removeprefix("ocrpipe").removeprefix(".")
                submodule = f"{target}.{member}".strip(".")
                edges[name].add(submodule if submodule in files else target or "ocrpipe")
    edges["ocrpipe"] |= set(ocrpipe._MODULES)  # imported on first use, by name
    return edges


GRAPH = graph()


def part_of(module: str) -> str:
    return module.split(".")[0]


def is_allowed(module: str, target: str) -> bool:
    allowed = MAY_IMPORT[part_of(module)].split()
    return part_of(module) == part_of(target) or any(f"{target}.".startswith(f"{part}.") for part in allowed)


def reachable(module: str, edges: dict[str, set[str]]) -> set[str]:
    """A module and all that it imports, directly or not."""
    found, left = set(), [module]
    while left:
        module = left.pop()
        if module not in found:
            found.add(module)
            left += edges[module]
    return found


def cycle(edges: dict[str, set[str]]) -> list[str]:
    """The modules along one import cycle; empty where there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        modules: list[str] = error.args[1]
        return modules
    return []


def test_every_part_is_in_the_table() -> None:
    assert {part_of(module) for module in GRAPH} <= set(MAY_IMPORT)


def test_the_table_only_points_down() -> None:
    below: set[str] = set()
    for part, allowed in MAY_IMPORT.items():
        assert {part_of(target) for target in allowed.split()} <= below, part
        below.add(part)


def test_imports_keep_to_the_table() -> None:
    edges = {(module, target) for module, targets in GRAPH.items() for target in targets}
    broken = {edge for edge in edges if not is_allowed(*edge)}
    assert broken - KNOWN == set()
    assert KNOWN - broken == set(), "mended: take it out of KNOWN"


@pytest.mark.parametrize(("importers", "never"), NEVER)
def test_indirect_imports(importers: str, never: str) -> None:
    for module in (module for module in GRAPH if part_of(module) in importers.split()):
        parts = {part_of(target) for target in reachable(module, GRAPH)}
        assert not parts & set(never.split()), module


def test_the_folder_fingerprint_covers_all_code_that_reads_pages() -> None:
    engines = [module for module in GRAPH if part_of(module) in ("detectors", "recognizers", "engines")]
    without_result = {**GRAPH, "result": set()}
    reading = set().union(*(reachable(module, without_result) for module in ("pipeline", *engines)))
    stems = (name.removesuffix(".py").removesuffix("/__init__") for name in source_files())
    covered = {stem.replace("/", ".") for stem in stems}
    assert reading - covered == {"errors", "result"}  # neither changes what is read


def test_there_is_no_import_cycle() -> None:
    assert cycle(GRAPH) == []


def test_the_checks_see_what_they_should() -> None:
    code = """
import ocrpipe.page
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from ocrpipe import pipeline
else:
    from ocrpipe import errors
def lazily():
    if True:
        from ocrpipe.io import files, images
"""
    found = list(imported(ast.parse(code)))
    ours = [("ocrpipe.page", ""), ("ocrpipe", "errors"), ("ocrpipe.io", "files"), ("ocrpipe.io", "images")]
    assert [pair for pair in found if pair[0].startswith("ocrpipe")] == ours
    assert GRAPH["cli"] and "export.json" in GRAPH["result"] and len(GRAPH) > 100
    assert set(cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert is_allowed("engines.x", "recognizers.base") and not is_allowed("engines.x", "recognizers.crnn")
