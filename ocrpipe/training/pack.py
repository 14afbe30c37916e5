"""A bundle of fonts and texts, for training on a machine that has neither.

It is a tar archive of members that are xz-compressed one by one: ``fonts/<folder>/<name>``, subset to the
characters that are trained on; ``corpora/<name>.txt``, a sample of each text; and ``manifest.json``.
"""

from __future__ import annotations

import io
import json
import lzma
import os
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ocrpipe.characters import is_hanzi
from ocrpipe.errors import ConfigError, OcrError
from ocrpipe.io.files import write_whole
from ocrpipe.recognizers.crnn.charset import Charset, default_charset, hanzi_lists, taiwan_hanzi
from ocrpipe.synthesis.font_cache import add_to_cache, cached_faces, decode_face, encode_face
from ocrpipe.synthesis.font_inspection import FaceInfo
from ocrpipe.synthesis.fonts import FONT_FOLDERS, family_of, family_weight, usable_files
from ocrpipe.synthesis.line_drawing import LIGATURES
from ocrpipe.synthesis.text import corpus_files
from ocrpipe.training.font_subset import debian_package, package_licence, subset_face

MANIFEST = "manifest.json"
FONTS, CORPORA = "fonts", "corpora"
"""Folders of an unpacked bundle."""

_CHINESE, _TEXTS = 0.68, 0.15
"""Shares of the limit for faces with hanzi and for texts; the rest is for Latin faces."""
_LARGE_FONT = 1_500_000  # bytes; smaller files hold no two thousand hanzi
_FACES_OF_FAMILY = 4
_WHOLE_FACES, _COMPLETE = 3, 0.9
"""Faces with all characters, and the fraction of them that they must cover."""
_LATIN_FACES = 160
_COMMON_FAMILY = 2.0
"""Family weight from which several faces of a Latin family are packed, instead of one."""
_REPEATS = 16
"""So many occurrences of an entry in a list, which tell its frequency, are packed as one."""
_TEXT_RATIO = 2.7
"""Bytes of text that xz makes one of, at first assumed."""
_FULL_WIDTH = range(0xFF01, 0xFF5F)


@dataclass(frozen=True)
class PackedFont:
    """A face in a bundle: its member's name, content compressed and not, what is known of it, its origin."""

    name: str
    data: bytes
    size: int
    face: FaceInfo
    origin: dict[str, Any]


def pack(
    corpora: Path,
    out: Path,
    *,
    limit: int = 30_000_000,
    charset: Charset | None = None,
    folders: Sequence[Path] = FONT_FOLDERS,
) -> dict[str, Any]:
    """Write a bundle of at most ``limit`` bytes; fonts held back for measurements are never in it.

    Faces with hanzi come first, those of weighty families before others. Three families have a face with all
    characters, other faces the hanzi of GB2312's level 1 alone, or of Big5's where they are for traditional
    text. Then come some Latin faces and a sample of each text.

    Args:
        corpora: Folder of text (see ``ocrpipe.synthesis.text.TextSource``).
        out: The tar file to write.
        limit: Its largest size in bytes.
        charset: Characters to keep, by default those of the default charset.
        folders: Where to look for fonts.

    Returns:
        The manifest: fonts and texts with sizes, sources, and licences as far as known.

    Raises:
        ocrpipe.errors.ConfigError: There are no fonts for Chinese or for English, or no texts.
        ocrpipe.errors.MissingExtraError: fontTools is not installed.
    """
    charset = charset or default_charset()
    files = usable_files(folders)
    chinese = list(_within(_chinese(files, charset), int(_CHINESE * limit)))
    latin_room = int((1 - _TEXTS) * limit) - sum(_tar_size(font.data) for font in chinese)
    latin = list(islice(_within(_latin(files, charset), latin_room), _LATIN_FACES))
    for kind, fonts in (("Chinese", chinese), ("English", latin)):
        if not fonts:
            raise ConfigError(f"no fonts for {kind} text fit into {limit / 1e6:g} MB")
    fonts = chinese + latin
    manifest: dict[str, Any] = {"format": 1, "characters": len(charset) - 1}
    manifest["fonts"] = [
        {"name": f.name, "bytes": f.size, "packed": len(f.data), "face": encode_face(f.face), **f.origin}
        for f in fonts
    ]
    members = {font.name: font.data for font in fonts}
    reserve = 2 * len(json.dumps(manifest["fonts"])) // 3 + 20_000
    texts = _texts(corpora, limit - sum(map(_tar_size, members.values())) - reserve)
    manifest["texts"] = [
        {"name": name, "lines": lines, "bytes": size, "packed": len(data)}
        for name, lines, size, data in texts
    ]
    members |= {name: data for name, _, _, data in texts}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        packed = lzma.compress(json.dumps(manifest, ensure_ascii=False).encode())
        for name, data in {MANIFEST: packed, **members}.items():
            member = tarfile.TarInfo(f"{name}.xz")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    write_whole(out, buffer.getvalue())
    return manifest


def unpack(bundle: Path, folder: Path) -> tuple[Path, Path]:
    """Unpack a bundle, and enter its fonts in the cache of inspected fonts, so that they load at once.

    Returns:
        The folders of fonts and of texts.

    Raises:
        ocrpipe.errors.OcrError: It is no bundle, or it cannot be written there.
    """
    try:
        with tarfile.open(bundle) as archive:
            members = {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}  # type: ignore[union-attr]
        for name in members:
            parts = PurePosixPath(name).parts
            if not name.endswith(".xz") or name.startswith("/") or ".." in parts or "\\" in name:
                raise OcrError(f"{bundle} is no bundle: it has a member {name!r}")
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # lzma releases the interpreter's lock
            sizes = pool.map(lambda item: _write(folder, *item), members.items())
            if not sum(sizes):
                raise OcrError(f"{bundle} is empty")
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        add_to_cache({folder / f["name"]: [decode_face(*f["face"])] for f in manifest["fonts"]})
    except (tarfile.TarError, lzma.LZMAError, OSError, KeyError, TypeError, ValueError) as error:
        raise OcrError(f"{bundle} cannot be unpacked: {error}") from error
    return folder / FONTS, folder / CORPORA


def _write(folder: Path, name: str, data: bytes) -> int:
    path = folder / name.removesuffix(".xz")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(lzma.decompress(data))


def _chinese(files: Sequence[Path], charset: Charset) -> Iterator[PackedFont]:
    """Faces with hanzi: one of each family, the first of them with all characters, then further ones."""
    large = [path for path in files if path.stat().st_size > _LARGE_FONT]
    families: dict[str, list[tuple[Path, FaceInfo]]] = {}
    for path, faces in cached_faces(sorted(large, key=_plain_first)):
        for face in faces:
            if face.kinds & {"han", "hant"}:
                family = f"{family_of(path)}{'' if 'han' in face.kinds else ' hant'}"
                families.setdefault(family, []).append((path, face))
    ordered = sorted(families.values(), key=lambda family: -family_weight(family[0][0]))
    ordered = [family for family in ordered if family_weight(family[0][0])]
    lists, kept = hanzi_lists(), _kept(charset)
    others = {c for c in kept if not is_hanzi(chr(c))}
    common = {
        "han": others | kept & set(map(ord, lists["gb2312-1"])),
        "hant": others | kept & set(map(ord, taiwan_hanzi())),
    }
    whole = 0
    for rank in range(_FACES_OF_FAMILY):
        for members in ordered:
            if rank < len(members):
                path, face = members[rank]
                kind = "han" if "han" in face.kinds else "hant"
                covers_all = len(face.coverage & kept) > _COMPLETE * len(kept)
                is_whole = kind == "han" and covers_all and not rank and whole < _WHOLE_FACES
                whole += is_whole
                yield _packed(path, face, kept if is_whole else common[kind])


def _latin(files: Sequence[Path], charset: Charset) -> Iterator[PackedFont]:
    """Faces without hanzi: several of the common families, then one of each other, folder by folder in turn.

    A folder is mostly a package, and some packages have hundreds of families for display.
    """
    kept = {c for c in _kept(charset) if not is_hanzi(chr(c))}
    families: dict[str, list[Path]] = {}
    for path in sorted(files, key=_plain_first):
        if path.stat().st_size <= _LARGE_FONT:
            families.setdefault(family_of(path), []).append(path)
    common = [f for f in families.values() if family_weight(f[0]) >= _COMMON_FAMILY]
    folders: dict[Path, list[Path]] = {}
    for _, family in sorted(families.items(), key=lambda item: zlib.crc32(item[0].encode())):
        if family not in common:
            folders.setdefault(family[0].parent, []).append(family[0])
    paths = [
        path for f in sorted(common, key=lambda f: -family_weight(f[0])) for path in f[:_FACES_OF_FAMILY]
    ]
    paths += [path for turn in zip_longest(*folders.values()) for path in turn if path]
    for path, faces in cached_faces(paths):
        for face in faces[:1]:
            yield _packed(path, face, kept)


def _plain_first(path: Path) -> tuple[bool, bool, str]:
    """Sorts upright faces of ordinary weight before others."""
    name = path.stem.lower()
    plain = any(name.endswith(style) for style in ("regular", "-roman", "book")) or "-" not in name
    return not plain, "bold" not in name and "italic" not in name, str(path)


def _kept(charset: Charset) -> set[int]:
    """Code points that lines and pages are drawn with: the charset, full-width forms, ligatures."""
    return {*map(ord, charset.characters), *_FULL_WIDTH, *map(ord, LIGATURES), 0x20, 0xA0, 0x3000}


def _packed(path: Path, face: FaceInfo, kept: set[int]) -> PackedFont:
    coverage = face.coverage & kept
    data, licence = subset_face(path, face.index, {*coverage, 0x20})
    package = debian_package(path)
    extension = ".otf" if data[:4] == b"OTTO" else ".ttf"
    number = f"-{face.index}" if path.suffix.lower() == ".ttc" else ""
    name = f"{FONTS}/{path.parent.name}/{path.stem}{number}{extension}"
    origin = {
        "source": str(path),
        "package": package,
        "licence": package_licence(package) or licence,
        "glyphs": len(coverage),
    }
    face = replace(face, index=0, coverage=frozenset(coverage))
    return PackedFont(name, lzma.compress(data, preset=6), len(data), face, origin)


def _within(fonts: Iterator[PackedFont], room: int) -> Iterator[PackedFont]:
    """Those that fit, until several in a row don't."""
    failures, names = 0, set()
    for font in fonts:
        size = _tar_size(font.data)
        failures = failures + 1 if size > room else 0
        if failures > 3:
            return
        if not failures and font.name not in names:
            names.add(font.name)
            room -= size
            yield font


def _texts(corpora: Path, room: int) -> list[tuple[str, int, int, bytes]]:
    """A sample of each text file as name, lines, bytes and compressed content, in ``room`` bytes together.

    One file at a time is in memory.
    """
    sizes = [_bytes_of(_distinct(path, lines)) for path, lines in corpus_files(corpora)]
    if not sizes or room <= 0:
        raise ConfigError(f"no texts zh*.txt and en*.txt in {corpora}" if not sizes else "no room for texts")
    budget = room * _TEXT_RATIO
    for _ in range(4):
        cap = _cap(sizes, budget)
        texts = [_sampled(path, _distinct(path, lines), cap) for path, lines in corpus_files(corpora)]
        packed = sum(_tar_size(data) for *_, data in texts)
        if packed <= room:
            return texts
        budget *= 0.97 * room / packed
    raise ConfigError(f"the texts do not fit into {room / 1e6:.1f} MB")


def _bytes_of(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _distinct(path: Path, lines: Sequence[str]) -> list[str]:
    """Each line once; of a list's entries one of every so many, so that frequent ones stay frequent."""
    counts = Counter(lines)
    repeats = _REPEATS if "words" in path.stem else len(lines)
    return [line for line, count in counts.items() for _ in range(-(-count // repeats))]


def _cap(sizes: Sequence[int], budget: float) -> float:
    """The largest size of a file with which all of them together keep to the budget."""
    remaining = budget
    for place, size in enumerate(ordered := sorted(sizes)):
        share = remaining / (len(ordered) - place)
        if size > share:
            return share
        remaining -= size
    return float(max(ordered))


def _sampled(path: Path, lines: Sequence[str], cap: float) -> tuple[str, int, int, bytes]:
    """About ``cap`` bytes of a file's lines, evenly at random, in their order."""
    size = _bytes_of(lines)
    if size > cap:
        rng = np.random.default_rng(zlib.crc32(path.name.encode()))
        chosen = rng.random(len(lines)) < cap / size
        lines = [line for line, taken in zip(lines, chosen, strict=True) if taken]
    data = "".join(f"{line}\n" for line in lines).encode()
    return f"{CORPORA}/{path.name}", len(lines), len(data), lzma.compress(data, preset=6)


def _tar_size(data: bytes) -> int:
    return 512 + -(-len(data) // 512) * 512
