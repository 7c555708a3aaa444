from __future__ import annotations

import pytest

from zemanta_ops.stack.statsd import Sample, parse


def one(line: str, dogstatsd: bool = False) -> Sample:
    parsed = parse(line, dogstatsd=dogstatsd)
    assert parsed.rejected == []
    (sample,) = parsed.samples
    return sample


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a:1|c", Sample("a", "c", 1)),
        ("a,k=v:-3|c", Sample("a", "c", -3, {"k": "v"})),
        ("a:1.9|c", Sample("a", "c", 1)),
        ("a:1|c|@0.1", Sample("a", "c", 10)),
        ("a:1.5|g", Sample("a", "g", 1.5)),
        ("a:-1.5|g", Sample("a", "g", -1.5, delta=True)),
        ("a:1.5|ms|@0.1", Sample("a", "ms", 1.5, repeat=10)),
        ("a:x|s", Sample("a", "s", "x")),
        ("a,k=x=y z:1|c", Sample("a", "c", 1, {"k": "x=y z"})),
        ("a,k=x\\:1|c", Sample("a", "c", 1, {"k": "x"})),
        ("a,k=:1|c", Sample("a", "c", 1)),
        ("a,lonely:1|c", Sample("a", "c", 1)),
        ("a,metric_type=x:1|c", Sample("a", "c", 1)),
        ("a,k=x\ty:1|c", Sample("a", "c", 1, {"k": "x\\ty"})),
        ("  a:0x1p4|g ", Sample("a", "g", 16.0)),
        ("a:99999999999999999999|c", Sample("a", "c", -(2**63))),
        ("a:1|c|no rate", Sample("a", "c", 1)),
        ("a:1|c|@x", Sample("a", "c", 1)),
    ],
)
def test_a_line_is_read_as_the_agent_reads_it(line: str, expected: Sample) -> None:
    assert one(line) == expected


@pytest.mark.parametrize(
    "line", ["a", ":1|c", " ,k=v:1|c", "a:1", "a:1|x", "a:x|c", "a:True|g", "a:-1|ms", "a:1e999|g", "a:+x|s", "a:1_|g"]
)
def test_what_the_agent_refuses_is_rejected(line: str) -> None:
    parsed = parse(line)
    assert parsed.samples == []
    assert [rejection.line for rejection in parsed.rejected] == [line.strip()]


def test_values_before_a_bad_one_count_and_those_after_it_do_not() -> None:
    parsed = parse("t:1|ms:2|ms:x|ms:4|ms")
    assert [sample.value for sample in parsed.samples] == [1.0, 2.0]
    assert len(parsed.rejected) == 1


def test_a_colon_in_a_tag_rejects_the_line() -> None:
    assert parse("a,view=app:detail:1|c").samples == []


def test_a_datagram_splits_on_newlines() -> None:
    assert [sample.name for sample in parse(b"a:1|c\n\nb:2|c\n").samples] == ["a", "b"]


def test_the_measurement_is_the_first_word_with_underscores_for_dots() -> None:
    assert one("http.request count:1|c").measurement == "http_request"
    assert one("a:1|ms").kind_name == "timing"
    assert one("a:1|d", dogstatsd=True).kind_name == "distribution"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a:1|ms|#k:v,flag,empty:", Sample("a", "ms", 1.0, {"k": "v", "flag": "true", "empty": "true"})),
        ("a:1|c|@0.5|#k:v:w", Sample("a", "c", 2, {"k": "v:w"})),
        ("a:1|c|c:container|#", Sample("a", "c", 1)),
    ],
)
def test_dogstatsd_tags(line: str, expected: Sample) -> None:
    assert one(line, dogstatsd=True) == expected


def test_dogstatsd_events_and_service_checks_are_not_metrics() -> None:
    assert parse("_e{1,1}:a|b\n_sc|x|0", dogstatsd=True).samples == []
