from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocrpipe.recognizers.crnn.packing import GAP, bucket, pack, shared_out

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60)


@given(LENGTHS, st.integers(0, 500))
def test_lines_in_rows_have_a_gap_after_each(lengths: list[int], more: int) -> None:
    width = max(lengths) + GAP + more
    places, rows = pack(lengths, width)
    taken: dict[int, set[int]] = {}
    for length, place in zip(lengths, places, strict=True):
        frames = set(range(place.start, place.start + length + GAP))
        assert max(frames) < width
        assert not frames & taken.setdefault(place.row, set())
        taken[place.row] |= frames
    assert set(taken) == set(range(rows))
    assert rows <= 1 + 2 * sum(length + GAP for length in lengths) // width  # no two rows fit into one


@given(LENGTHS, st.integers(1, 8), st.integers(1, 2000))
def test_batches_hold_each_line_once(lengths: list[int], parts: int, most: int) -> None:
    groups = shared_out(lengths, parts, most)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert all(groups)
    assert all(sum(lengths[i] for i in group) <= most + 2 * max(lengths) for group in groups)


def test_no_lines_are_no_batches() -> None:
    assert shared_out([], 3, 100) == []


def test_buckets() -> None:
    assert [bucket(n, (16, 64)) for n in (1, 16, 17, 64, 65, 128, 129)] == [16, 16, 64, 64, 128, 128, 192]
