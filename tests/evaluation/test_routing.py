from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocrpipe.evaluation.dataset import PredictedLine
from ocrpipe.evaluation.metrics import Cluster
from ocrpipe.evaluation.routing import ReadLine, read_lines, routing

QUAD = ((0.0, 0.0), (10.0, 0.0), (10.0, 5.0), (0.0, 5.0))
LINES = st.lists(
    st.builds(ReadLine, st.sampled_from([0.1, 0.5, 0.8, 0.9, 0.95, 1.0]), st.booleans()), max_size=30
)


def cluster(reference: str, *read: str) -> Cluster:
    lines = tuple(PredictedLine(text, QUAD, (0.9,) * len(text.replace(" ", ""))) for text in read)
    return Cluster(reference, " ".join(read), (), lines)


def correct(reference: str, *read: str) -> list[bool]:
    return [line.correct for line in read_lines(cluster(reference, *read))]


def test_a_line_with_any_error_is_not_free_of_error() -> None:
    assert correct("ab c", "abc") == [True]
    assert correct("abc", "abd") == correct("abc", "ab") == correct("abc", "abcd") == [False]


def test_lines_of_one_cluster_are_judged_by_themselves() -> None:
    assert correct("first second", "first", "secomd") == [True, False]
    assert correct("first second", "frst", "second") == [False, True]
    assert correct("first second", "first", "second") == [True, True]


def test_lines_without_text_or_confidences_do_not_count() -> None:
    lines = (
        PredictedLine("ab", QUAD, ()),
        PredictedLine("", QUAD, ()),
        PredictedLine("cd", QUAD, (0.7, 0.9)),
    )
    assert read_lines(Cluster("ab cd", "ab  cd", (), lines)) == [ReadLine(0.8, True)]


def test_the_threshold_lets_no_more_errors_through() -> None:
    lines = [ReadLine(0.99, True)] * 99 + [ReadLine(0.98, False), ReadLine(0.9, True), ReadLine(0.5, False)]
    found = routing(lines)
    assert (found.threshold, found.lines) == (0.9, 102)
    assert found.fraction == 101 / 102
    assert routing([ReadLine(0.9, False)]).threshold is None
    assert routing([]).fraction == 0


@given(LINES, st.floats(0.5, 1))
def test_enough_lines_above_the_threshold_are_right_and_no_lower_one_will_do(
    lines: list[ReadLine], target: float
) -> None:
    found = routing(lines, target)
    levels = sorted({line.confidence for line in lines})

    def enough(threshold: float) -> bool:
        above = [line.correct for line in lines if line.confidence >= threshold]
        return sum(above) >= target * len(above) - 1e-9

    possible = [level for level in levels if enough(level)]
    assert found.threshold == (possible[0] if possible else None)
    if found.threshold is not None:
        above = [line for line in lines if line.confidence >= found.threshold]
        assert found.fraction == len(above) / len(lines)
