"""The part of a script that computes one number for each window and group."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from zemanta_ops.stack.declarations.terms import Expression, Term, to_regex
from zemanta_ops.stack.generate.kapacitor.reading import COUNT, COUNTED, Reader, Reading, name_counted_field
from zemanta_ops.stack.generate.kapacitor.tick import (
    UnsupportedError,
    evaluate,
    filter_points,
    quote_identifier,
    quote_regex,
    render_node,
    render_number,
    render_pipeline,
    render_write,
)

# The field that every computation ends with, and those on the way.
VALUE = "value"
LEFT, RIGHT = "zo_left", "zo_right"
LEFT_COUNT, RIGHT_COUNT = "zo_left_count", "zo_right_count"
_COUNTS = {LEFT: LEFT_COUNT, RIGHT: RIGHT_COUNT}
# Where the sides of a composite of two metrics meet, and the series of a sum, told apart by what wrote them.
SIDES, TASK = "zemanta_ops_sides", "zemanta_ops_task"


@dataclass(frozen=True)
class Computation:
    """What one script computes.

    Attributes:
        reader: Reads its metrics.
        task: The script's name.
        expression: What is computed.
        minimum: A window in which the denominator is smaller has no value.
        fills: Whether a window without a value has a point too: with the field COUNT zero, which is above it otherwise.

    """

    reader: Reader
    task: str
    expression: Term | Expression
    minimum: float = 0
    fills: bool = False

    def render(self, variable: str, back: int = 0) -> str:
        """Return the pipelines; the last is a stream of points with the field ``value``, at the end of each window.

        Args:
            variable: The name of that stream; the names of others begin with it.
            back: Which window: 0 for the newest, 1 for the one before.

        """
        for tag in self.reader.by:
            if tag == VALUE or tag.startswith("zo_"):
                raise UnsupportedError(f"has the tag {tag!r} in by, which Kapacitor takes for a field of the script")
        expression = self.expression
        if any(term.function == "sum_of" for term in self._terms.values()):
            return self._render_sides(variable, back)
        if isinstance(expression, Term):
            nodes = self.reader.read_term(expression, VALUE, back, fills=self.fills)
            return render_pipeline("batch", [*nodes, *self._keep_grid()], variable)
        if not isinstance(expression.right, Term):
            return self._render_scaled(expression, expression.right, variable, back)
        if _is_share(expression, expression.right) and not self.fills:
            return self._render_share(expression.left, expression.right, variable, back)
        return self._render_sides(variable, back)

    @property
    def _terms(self) -> Mapping[str, Term]:
        """The aggregates by the field that has them."""
        expression = self.expression
        sides = (expression,) if isinstance(expression, Term) else (expression.left, expression.right)
        return {field: term for field, term in zip((LEFT, RIGHT), sides, strict=False) if isinstance(term, Term)}

    @property
    def _written(self) -> Mapping[str, str]:
        """The tag of what this script writes for itself. Once it is changed, it does not read what it wrote before."""
        declared = f"{self.expression} by {self.reader.by} of {self.reader.schedule.window}"
        return {TASK: f"{self.task}-{zlib.crc32(declared.encode('utf-8', 'replace')):08x}"}

    def _render_scaled(self, expression: Expression, number: float, variable: str, back: int) -> str:
        nodes = self.reader.read_term(expression.left, VALUE, back, fills=self.fills)
        scaled = {VALUE: _scale_by(VALUE, expression, number)}
        if self.fills:
            scaled[COUNT] = f'"{COUNT}"'
        return render_pipeline("batch", [*nodes, evaluate(scaled), *self._keep_grid()], variable)

    def _render_share(self, left: Term, right: Term, variable: str, back: int) -> str:
        """Read the points once, and the tags of the filters as columns: so both sides always exist.

        Two queries that are joined never recover after a window in which one of them has no points.
        """
        columns = {tag: f"zo_tag{number}" for number, tag in enumerate(sorted({*left.filters, *right.filters}))}
        missing = [f"field('{VALUE}', 0.0)", *(f"field('{column}', '')" for column in columns.values())]
        nodes = [
            self.reader.query(f"SELECT {self._select_columns(left, columns)}", back),
            render_node("default", (), missing),
            evaluate({LEFT: _count_if(left.filters, columns), RIGHT: _count_if(right.filters, columns)}),
        ]
        data = f"{variable}_data"
        sums = [
            render_pipeline(data, [render_node("sum", [f"'{side}'"], ["as('n')"])], f"{variable}_{side}")
            for side in (LEFT, RIGHT)
        ]
        joined = [
            render_node("join", [f"{variable}_{RIGHT}"], [f"as('{LEFT}', '{RIGHT}')"]),
            evaluate({side: self._scale(term, f'"{side}.n"') for side, term in ((LEFT, left), (RIGHT, right))}),
            *self._divide(),
            *self._keep_grid(),
        ]
        last = render_pipeline(f"{variable}_{LEFT}", joined, variable)
        return "\n".join([render_pipeline("batch", nodes, data), *sums, last])

    def _select_columns(self, term: Term, columns: Mapping[str, str]) -> str:
        names = {name_counted_field(self.reader.find(term)): VALUE, **columns}
        selected = ", ".join(f"{quote_identifier(name)} AS {quote_identifier(each)}" for name, each in names.items())
        return f"{selected} FROM {self.reader.select_from(term, {})}"

    def _scale(self, term: Term, number: str) -> str:
        return f"{number} / {render_number(self.reader.schedule.window)}" if term.function == "rate" else number

    def _render_sides(self, variable: str, back: int) -> str:
        """Write each side into one measurement, and read them from there: so neither waits for the other.

        A sum over series is written as one number of each series, and added up as it is read: Kapacitor has no query
        within a query.
        """
        reader, schedule = self.reader, self.reader.schedule
        to_start = render_node("shift", [f"-{schedule.window}s"])
        write = render_write(reader.database.name, reader.database.policy, SIDES, self._written)
        written = [
            render_pipeline("batch", [*reader.read_term(term, side, back), *self._keep_grid(), to_start, write])
            for side, term in self._terms.items()
        ]
        # Only the sides of one window begin in the period of this query.
        late, lag = schedule.delay + schedule.gap, schedule.window - schedule.every
        reading = Reading(late, late + lag, schedule.every)
        nodes = [
            reader.query(self._select_sides(), back, reading, fills=self.fills),
            *_read_numbers(*self._terms, *(_COUNTS[side] for side in self._terms)),
            # What follows is never another shift, which Kapacitor does not take.
            *([render_node("shift", [f"{lag}s"])] if lag else []),
            *self._complete(),
            *self._keep_grid(),
        ]
        return "\n".join([*written, render_pipeline("batch", nodes, variable)])

    def _select_sides(self) -> str:
        columns = []
        for side, term in self._terms.items():
            function = "sum" if term.function == "sum_of" else "last"
            columns.append(f"{function}({quote_identifier(side)}) AS {quote_identifier(side)}")
            columns.append(f"count({quote_identifier(side)}) AS {quote_identifier(_COUNTS[side])}")
        source = self.reader.database.qualify(SIDES)
        where = f"{quote_identifier(TASK)} =~ {quote_regex(to_regex([self._written[TASK]]))}"
        return f"SELECT {', '.join(columns)} FROM {source} WHERE {where}"  # noqa: S608

    def _complete(self) -> list[str]:
        """Put zero for a count without points; a window in which anything else has none has no value."""
        terms = self._terms
        conditions = [f'"{_COUNTS[side]}" > 0.0' for side, term in terms.items() if term.function not in COUNTED]
        if RIGHT in terms and isinstance(self.expression, Expression) and self.expression.operation == "/":
            conditions.append(self._guard())
        known = " AND ".join(conditions) or " + ".join(f'"{_COUNTS[side]}"' for side in terms) + " > 0.0"
        if self.fills:
            value = f"if({known}, {self._combine()}, 0.0)"
            return [evaluate({VALUE: value, COUNT: f"if({known}, 1.0, 0.0)"})]
        return [filter_points(known), evaluate({VALUE: self._combine()})]

    def _combine(self) -> str:
        expression = self.expression
        if isinstance(expression, Term):
            return f'"{LEFT}"'
        if isinstance(expression.right, Term):
            return f'"{LEFT}" {expression.operation} "{RIGHT}"'
        return _scale_by(LEFT, expression, expression.right)

    def _divide(self) -> list[str]:
        return [filter_points(self._guard()), evaluate({VALUE: f'"{LEFT}" / "{RIGHT}"'})]

    def _guard(self) -> str:
        not_zero = f'"{RIGHT}" != 0.0'
        return f'{not_zero} AND "{RIGHT}" >= {render_number(self.minimum)}' if self.minimum > 0 else not_zero

    def _keep_grid(self) -> list[str]:
        schedule = self.reader.schedule
        if schedule.step == schedule.every:
            return []
        return [filter_points(f'unixNano("time") % {schedule.every * 10**9} == 0')]


def _scale_by(field: str, expression: Expression, number: float) -> str:
    if expression.operation == "/" and number == 0:
        raise UnsupportedError("divides by zero")
    return f'"{field}" {expression.operation} {render_number(number)}'


def _read_numbers(*fields: str) -> list[str]:
    """Return the nodes after which a stream has these fields as floats, zero if they are missing."""
    first = fields[0]
    return [
        render_node("default", (), [f"field('{field}', 0.0)" for field in fields]),
        evaluate({field: f'float("{field}")' for field in fields}),
        # The other fields of the same point stay.
        render_node("last", [f"'{first}'"], [f"as('{first}')"]),
    ]


def _is_share(expression: Expression, right: Term) -> bool:
    """Return whether both sides are counts of one metric that are divided."""
    left = expression.left
    if expression.operation != "/" or left.metric != right.metric:
        return False
    return left.function in COUNTED and right.function in COUNTED


def _count_if(filters: Mapping[str, tuple[str, ...]], columns: Mapping[str, str]) -> str:
    conditions = [f'"{columns[tag]}" =~ {quote_regex(to_regex(values))}' for tag, values in filters.items()]
    number = f'float("{VALUE}")'
    return f"if({' AND '.join(conditions)}, {number}, 0.0)" if conditions else number
