"""Tables as CSV: full precision, empty cells for what is missing, a header with the names of the columns."""

from __future__ import annotations

import csv
import io
import math

from mldsl.plugin.display import Table
from mldsl.report.format import plain


def table_csv(table: Table) -> str:
    """The table as CSV text (RFC 4180 with plain line feeds); the unit stands behind the name, in brackets."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([f"{c.name} [{c.unit}]" if c.unit else c.name for c in table.columns])
    writer.writerows([_cell(value) for value in row] for row in zip(*(c.values for c in table.columns), strict=True))
    return buffer.getvalue()


def _cell(value: object) -> object:
    value = plain(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value[:1] in ("=", "@", "\t", "\r"):
        return "'" + value  # a spreadsheet would run it as a formula
    return value
