"""Times as text or numbers to UTC moments without a zone: Datetime in microseconds.

Why it exists: `time` columns, comparisons with a written time, and requests to a served model all read times alike.
"""

from __future__ import annotations

import re

import polars as pl

MOMENT = pl.Datetime("us")
ZONED = "%Y-%m-%dT%H:%M:%S%.f%#z"
COMMON = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f")
OTHERS = ("%Y%m%dT%H%M%S", "%Y%m%d")
# Minutes, seconds and the minutes of a zone may be left out in ISO 8601, but not for the parser.
COMPLETIONS = (
    (r"T(\d\d)(Z|[+-].*)?$", "T${1}:00${2}"), (r"T(\d\d:\d\d)(Z|[+-].*)?$", "T${1}:00${2}"),
    (r"(T.*[+-]\d\d)$", "${1}:00"), (r"^(\d{4}-\d\d)$", "${1}-01"),
)  # fmt: skip


def iso_8601(text: pl.Expr, every_form: bool = False) -> pl.Expr:
    """Moments of ISO 8601 text; null where it is not that.

    The common forms are a date, and a date and time with seconds. With `every_form` also: more blanks or a lower case
    letter between date and time, a zone (`Z`, `+02:00`, `-0330`), minutes or hours as the last part, the basic form
    without signs, a month alone (its first day). It costs about six times as much: it is for what the common forms
    miss.
    """
    if not every_form:
        return pl.coalesce(_parse(text, form) for form in COMMON)
    full = text.str.strip_chars().str.to_uppercase().str.replace(r"^(\S+) +(\d)", "${1}T${2}")
    for pattern, filled in COMPLETIONS:
        full = full.str.replace(pattern, filled)
    zoned = full.str.to_datetime(ZONED, time_unit="us", strict=False)
    return pl.coalesce(
        *(_parse(full, form) for form in (*COMMON, *OTHERS)),
        zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None),
    )


def _parse(text: pl.Expr, form: str) -> pl.Expr:
    return text.str.to_datetime(form, time_unit="us", strict=False)


def written_form(text: pl.Expr, form: str) -> pl.Expr:
    """Moments of text in a form of `strftime`: `%d-%b-%Y`. Parts that the form lacks are the first: `%Y` is 1 January.

    With a zone (`%z`) the moment is that in UTC.
    """
    given = set(re.findall(r"%[-_0.]?\d*([A-Za-z+])", form))
    if not given & set("sc+Dxj"):  # those hold a whole date
        if not given & set("mbBh"):
            text, form = text + pl.lit(" 01"), form + " %m"
        if not given & set("de"):
            text, form = text + pl.lit(" 01"), form + " %d"
    if given & set("IlHkMSfTRrXc+s") and not given & set("MTRrXc+s"):
        text, form = text + pl.lit(" 00"), form + " %M"  # an hour alone does not parse
    moment = text.str.to_datetime(form, time_unit="us", strict=False)
    if given & {"z", "+"}:
        moment = moment.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return moment


def since_epoch(number: pl.Expr, unit: str) -> pl.Expr:
    """Moments of numbers of `seconds` or `milliseconds` since 1970-01-01 UTC; fractions count to the microsecond."""
    scale = {"seconds": 1e6, "milliseconds": 1e3}[unit]
    return (number.cast(pl.Float64) * scale).round().cast(pl.Int64, strict=False).cast(MOMENT)
