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
        ("a:3|c|@2", Sample("a", "c", 1)),
        ("a:3|c|@nan", Sample("a", "c", -(2**63))),
        # The float nearest to 1/93, and the one below it.
        ("a:3|ms|@0.010752688172043012", Sample("a", "ms", 3.0, repeat=92)),
        ("a:3|ms|@0.01075268817204301", Sample("a", "ms", 3.0, repeat=93)),
        ("a:3|ms|@2", Sample("a", "ms", 3.0, repeat=0)),
        ("a:3|h|@inf", Sample("a", "h", 3.0, repeat=0)),
        ("a:3|ms|@5e-324", Sample("a", "ms", 3.0, repeat=0)),
        ("a:3|ms|@1e-300", Sample("a", "ms", 3.0, repeat=0)),
        ("a:3|ms|@0x1p-50", Sample("a", "ms", 3.0, repeat=2**50)),
        ("a:3|ms|@nan", Sample("a", "ms", 3.0)),
        ("a:3|ms|@-1", Sample("a", "ms", 3.0)),
        ("a:" + "0" * 5000 + "7|c", Sample("a", "c", 7)),
        ("a:0x1_0p2|g", Sample("a", "g", 64.0)),
        ("a:1e1_0|g", Sample("a", "g", 1e10)),
        ("a:10|c|15", Sample("a", "c", 10)),
        ("a:9007199254740993|c|@x", Sample("a", "c", 2**53 + 1)),
        ("a:9007199254740993|c|x", Sample("a", "c", 2**53 + 1)),
        ("a:1|g|@0.1", Sample("a", "g", 1.0)),
        ("a,k=v,k:1|c", Sample("a", "c", 1, {"k": "v"})),
        ("a,k=x\fy\rz:1|c", Sample("a", "c", 1, {"k": "x\\fy\\rz"})),
        ("\x1ca:1|c", Sample("\x1ca", "c", 1)),
    ],
)
def test_a_line_is_read_as_the_agent_reads_it(line: str, expected: Sample) -> None:
    assert one(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        *("a", ":1|c", " ,k=v:1|c", "a:1", "a:1|x", "a:x|c", "a:True|g", "a:-1|ms", "a:1e999|g", "a:+x|s", "a:1_|g"),
        *("a:nan|g", "a:+Inf|g", "a:-infinity|g", "a:1__0|g", "a:1|d", "\x0b:1|c", ",k=v:1|c", "a:" + "9" * 400 + "|c"),
    ],
)
def test_what_the_agent_refuses_is_rejected(line: str) -> None:
    parsed = parse(line)
    assert parsed.samples == []
    assert [rejection.line for rejection in parsed.rejected] == [line.strip()]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a", "no value: the line has no colon"),
        (",k=v:1|c", "no name"),
        ("#k:v| :1|c", "no name"),
        ("a:1", "no type: the value has no |"),
        ("a:1|x", "type 'x' is not one of c, g, ms, h, s, d"),
        (f"a:1|{'x' * 20}", f"type '{'x' * 20}' is not one of c, g, ms, h, s, d"),
        (f"a:1|{'x' * 21}", f"type '{'x' * 20}…' is not one of c, g, ms, h, s, d"),
        ("a:-1|ms", "a sign is for gauges and counters only"),
        ("a:nan|g", "Telegraf writes no gauge that is NaN or infinite"),
        ("_errors:1|c", "a name that begins with _e is read as an event of DogStatsD"),
    ],
)
def test_a_rejection_has_its_reason(line: str, reason: str) -> None:
    (rejection,) = parse(line, dogstatsd=True).rejected
    assert rejection.reason == reason


def test_a_distribution_is_rejected_as_telegraf_drops_it() -> None:
    (rejection,) = parse("a:1|d").rejected
    assert rejection.reason == "Telegraf drops distributions by default"


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
        ("a:1|c|#empty:,k:v", Sample("a", "c", 1, {"empty": "true", "k": "v"})),
        ("a:1|c|#flag,second", Sample("a", "c", 1, {"flag": "second"})),
        ("a:1|c|#flag,second,third", Sample("a", "c", 1, {"flag": "second", "third": "true"})),
        ("a:1|c|#:x,k:v,y:z", Sample("a", "c", 1, {"x": "k:v", "y": "z"})),
        ("a:1|c|#:x,k:v", Sample("a", "c", 1, {"x": "k:v"})),
    ],
)
def test_dogstatsd_tags(line: str, expected: Sample) -> None:
    assert one(line, dogstatsd=True) == expected


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("city:Malmö", {"city": "Malm\ufffd"}),
        ("city:Malmö,", {"city": "Malmö"}),
        ("city:Malmö,a:b", {"city": "Malmö", "a": "b"}),
        ("é", {"\ufffd": "true"}),
    ],
)
def test_a_last_character_of_several_bytes_is_cut_in_two(text: str, tags: dict[str, str]) -> None:
    assert one(f"a:1|c|#{text}", dogstatsd=True).tags == tags


def test_dogstatsd_events_and_service_checks_are_not_metrics() -> None:
    assert parse("_e{1,1}:a|b\n_sc|x|0", dogstatsd=True).samples == []


@pytest.mark.parametrize(
    ("line", "dogstatsd", "setting"),
    [
        ("a:1|c|#view:home", False, 'DIALECT "dogstatsd"'),
        ("_sc|redis|0", False, 'DIALECT "dogstatsd"'),
        ("_e{5,4}:title|text", False, 'DIALECT "dogstatsd"'),
        ("_errors:1|c", True, 'DIALECT "influx"'),
        ("a:1|d", False, "datadog_extensions and datadog_distributions of Telegraf"),
        ("a,view=app:detail:1|c", False, ""),
        ("a", True, ""),
    ],
)
def test_a_rejected_line_names_the_setting_that_accepts_it(line: str, dogstatsd: bool, setting: str) -> None:
    (rejection,) = parse(line, dogstatsd=dogstatsd).rejected
    assert rejection.setting == setting


def test_a_distribution_is_kept_by_its_option_alone() -> None:
    assert parse("a:1|d", dogstatsd=True, distributions=True).samples
    assert parse("a:1|d", dogstatsd=True, distributions=False).rejected
    assert parse("a:1|d", distributions=True).rejected


def test_a_gauge_that_is_not_finite_does_not_end_the_line() -> None:
    parsed = parse("a:1|g:nan|g:2|g")
    assert [sample.value for sample in parsed.samples] == [1.0, 2.0]
    assert len(parsed.rejected) == 1


def test_templates_make_tags_and_a_field_of_a_name() -> None:
    sample = parse("z.prod.hits.total,env=own,k=v:1|c", templates=["z.* .env.measurement.field"]).samples[0]
    assert (sample.name, sample.tags, sample.field_name) == ("hits", {"env": "prod", "k": "v"}, "total")
    for line, kind in (("z.prod.hits.total,k=v:x|s", "s"), ("z.prod.hits.total,k=v:1|ms", "ms")):
        (sample,) = parse(line, templates=["z.* .env.measurement.field"]).samples
        assert (sample.kind, sample.tags, sample.field_name) == (kind, {"env": "prod", "k": "v"}, "total")
    (rejection,) = parse("z.:1|c", templates=["z.* .measurement"]).rejected
    assert rejection.reason == "no name: the template's segment of the measurement is empty"
    assert parse("\x1cz.a:1|c", templates=["z.* .measurement"]).samples[0].name == "\x1cz_a"
    assert parse("other.name:1|c", templates=["z.* .env.measurement"]).samples[0].measurement == "other_name"


@pytest.mark.parametrize("text", ["measurement", "a.* env.field", "a b measurement"])
def test_a_template_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a filter and a template"):
        parse("a:1|c", templates=[text])


def test_a_reason_repeats_little_of_a_long_line() -> None:
    (rejection,) = parse("a:1|" + "x" * 60_000).rejected
    assert len(rejection.reason) < 100
