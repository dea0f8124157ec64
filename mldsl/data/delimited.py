"""Delimited text as it is on disk: its encoding, its header, and whether every row has the fields of the header.

Why it exists: Polars fills short rows and (when columns are left out) cuts long ones without a word, so the shape of a
file is checked here, from its separators alone, before Polars reads its cells.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
import io
import re
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import attrs
import numpy as np

from mldsl.data import files
from mldsl.data.context import Facts, refuse
from mldsl.diagnostics import MldslError

CHUNK = 1 << 24
EXAMPLES = 5
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"),
)  # fmt: skip
COMMON_ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "ascii", "shift_jis", "gb18030")


@attrs.frozen(slots=False)
class DelimitedFile:
    """One file of delimited text. `name` is the path as written; `encoding` as the user gives it."""

    name: str
    path: Path
    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True

    # ---- encoding ----------------------------------------------------------------------------------------------------
    @cached_property
    def _start(self) -> bytes:
        return files.read_start(self.name, self.path)

    @cached_property
    def _codec(self) -> str:
        """The encoding to decode with; a byte order mark says it better than any setting."""
        for mark, codec in BYTE_ORDER_MARKS:
            if self._start.startswith(mark):
                return codec
        try:
            return codecs.lookup(self.encoding).name
        except LookupError:
            near = difflib.get_close_matches(self.encoding.lower(), COMMON_ENCODINGS, n=1, cutoff=0.5)
            raise refuse(
                "MLP0407", f"`{self.encoding}` is not an encoding",
                help=f"did you mean `{near[0]}`?" if near else f"common ones: {', '.join(COMMON_ENCODINGS)}",
            ) from None  # fmt: skip

    @cached_property
    def as_is(self) -> bool:
        """Whether the file on disk is what Polars can read: UTF-8 without mark, not compressed."""
        return self._codec in ("utf-8", "ascii") and not files.is_compressed(self.path)

    @cached_property
    def content(self) -> bytes | Path:
        """What Polars reads: the path, or the whole text as UTF-8. Raises MLP0406, MLP0407."""
        if self.as_is:
            return self.path
        data = files.read_bytes(self.name, self.path)
        if self._codec == "utf-8":
            return data
        if self._codec == "utf-8-sig":
            return data.removeprefix(codecs.BOM_UTF8)
        try:
            return data.decode(self._codec).encode()
        except UnicodeDecodeError as error:
            raise self._undecodable(error.start, data) from None

    def _undecodable(self, offset: int, data: bytes) -> MldslError:
        line = data.count(b"\n", 0, offset) + 1
        found = _guess(data)
        return refuse(
            "MLP0407", f"`{self.name}` is not encoded as {self.encoding}",
            f"byte 0x{data[offset]:02x} on line {line}",
            help=f'write `encoding = "{found}"`' if found != self.encoding else "convert the file to UTF-8",
        )  # fmt: skip

    # ---- header ------------------------------------------------------------------------------------------------------
    @cached_property
    def eol(self) -> str:
        """The end of a line: `\\n` (also of `\\r\\n`), or `\\r` in files of the old Mac."""
        start = self._decoded_start
        return "\r" if "\n" not in start and "\r" in start else "\n"

    @cached_property
    def _decoded_start(self) -> str:
        start = self._start
        decoder = codecs.getincrementaldecoder(self._codec)()
        try:
            text = decoder.decode(start)  # an unfinished character at the end is kept back
        except UnicodeDecodeError as error:
            raise self._undecodable(error.start, start) from None
        if "\0" in text:
            found = _guess(start)
            raise refuse(
                "MLP0407", f"`{self.name}` is not text encoded as {self.encoding}", "it holds zero bytes",
                help=f'write `encoding = "{found}"`' if found.startswith("utf-16") else "is it really a text file?",
            )  # fmt: skip
        return text

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns, without blanks around them; `column_3` where the third has no name.

        Raises MLP0406 for a file without a byte, MLP0408 for a blank first line, MLP0409 for a name given twice.
        """
        if not self._start:
            raise refuse("MLP0406", f"`{self.name}` is empty")
        with _long_fields():
            first = next(csv.reader(io.StringIO(self._decoded_start, newline=""), delimiter=self.delimiter), [])
        if not first:
            raise refuse("MLP0408", f"`{self.name}` begins with a blank line", help="remove it")
        if not self.header:
            return tuple(f"column_{i}" for i in range(1, len(first) + 1))
        names = tuple(name.strip() or f"column_{i}" for i, name in enumerate(first, 1))
        twice = [f"`{name}`" for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            places = "; ".join(
                f"{name}: fields {', '.join(str(i) for i, n in enumerate(names, 1) if f'`{n}`' == name)}"
                for name in twice[:EXAMPLES]
            )
            noun = "a column" if len(twice) == 1 else f"{len(twice)} columns"
            raise refuse(
                "MLP0409", f"the header of `{self.name}` names {noun} twice: {', '.join(twice[:EXAMPLES])}", places,
                help="rename or remove one in the file",
            )  # fmt: skip
        return names

    # ---- shape -------------------------------------------------------------------------------------------------------
    def inspect(self) -> Facts:
        """Read the file once: its hash, MLP0407 if bytes do not decode, MLP0408 if rows are ragged.

        Costs one pass over the bytes: about 2 ms a megabyte, most of it hashing.
        """
        digest = hashlib.sha256()
        shape = _Shape(len(self.names), self.delimiter, self.eol)
        if isinstance(self.content, bytes):
            for start in range(0, len(self.content), CHUNK):
                shape.feed(self.content[start : start + CHUNK])
            hash_of_file = files.sha256(self.path)
        else:
            decoder = codecs.getincrementaldecoder("utf-8")()
            offset = 0
            with self.content.open("rb") as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    if not chunk.isascii():
                        try:
                            decoder.decode(chunk)
                        except UnicodeDecodeError as error:
                            place = offset + error.start - len(decoder.getstate()[0])
                            raise self._undecodable(place, self.content.read_bytes()) from None
                    offset += len(chunk)
                    shape.feed(chunk)
            hash_of_file = digest.hexdigest()
        shape.close()
        if shape.regular:
            lines, plain = not shape.newline_in_field, not shape.quotes
            return Facts(hash_of_file, lines=lines, blank_end=shape.blank_end, plain=plain)
        return Facts(hash_of_file, lines=False, blank_end=self._exact())

    def _exact(self) -> int:
        """Count the fields of every record one by one, as a spreadsheet would; the blank lines at the end.

        Only for files whose separators alone look irregular: a quote in the middle of a field is one reason.
        """
        names = len(self.names)
        wrong: list[str] = []
        count = 0
        blank: list[int] = []
        for line, fields in self._records():
            if not fields:
                blank.append(line)
                continue
            for between in blank if names > 1 else ():
                count += 1
                wrong.append(f"line {between} is blank")
            blank = []
            if fields != names:
                count += 1
                wrong.append(f"line {line}: {fields}")
            del wrong[EXAMPLES:]
        if count:
            more = f"; and {count - len(wrong)} more" if count > len(wrong) else ""
            rows, do = ("row", "does") if count == 1 else ("rows", "do")
            raise refuse(
                "MLP0408", f"{count} {rows} of `{self.name}` {do} not have the {names} fields of the header",
                "fields found: " + "; ".join(wrong) + more,
                help=f"correct these lines; a field that holds `{self.delimiter}` must be in double quotes",
            )  # fmt: skip
        return len(blank)

    def malformed(self, error: Exception) -> MldslError:
        """What a reader's exception means: most often a quote where none may stand."""
        mark = re.escape(self.delimiter)
        inside = re.compile(rf'(?:^|{mark})[^"{mark}]+"')  # 5" pipe
        after = re.compile(rf'(?:^|{mark})"(?:[^"]|"")*"(?!"|{mark}|$)')  # "x"y
        content = self.content
        text = (content if isinstance(content, bytes) else content.read_bytes()).decode(errors="replace")
        lines = [i for i, line in enumerate(text.splitlines(), 1) if inside.search(line) or after.search(line)]
        if not lines:
            return refuse("MLP0408", f"`{self.name}` is not well-formed", str(error).partition("\n")[0])
        places = ", ".join(f"line {line}" for line in lines[:EXAMPLES])
        more = f", and {len(lines) - EXAMPLES} more" if len(lines) > EXAMPLES else ""
        return refuse(
            "MLP0408", f"`{self.name}` has quotes where none may stand", places + more,
            help="a field with a quote in it is in double quotes, and the quote is written twice: `\"5\"\" pipe\"`",
        )  # fmt: skip

    def _records(self) -> Iterator[tuple[int, int]]:
        """First line and number of fields of each record after the header."""
        content = self.content
        raw = io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
        with raw, _long_fields(), io.TextIOWrapper(raw, encoding="utf-8", newline="") as text:
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            first = 1
            try:
                for record in reader:
                    if first > 1 or not self.header:
                        yield first, len(record)
                    first = reader.line_num + 1
            except csv.Error as error:
                what = "is never closed" if "unexpected end" in str(error) else "goes on after its closing quote"
                raise refuse(
                    "MLP0408", f"a quoted field of `{self.name}` {what}", f"its row begins on line {first}",
                    help="a quote inside a quoted field is written twice: `\"\"`",
                ) from None  # fmt: skip


class _Shape:
    """Whether the separators of a text repeat with the period of its header, found chunk by chunk.

    Everything but delimiters, quotes and ends of lines is deleted (by `bytes.translate`, at memory speed); what is
    left of a regular file is the same few bytes again and again.
    """

    def __init__(self, columns: int, delimiter: str, eol: str) -> None:
        self.eol = eol.encode()
        self.delete = bytes(set(range(256)) - set(delimiter.encode() + self.eol + b'"'))
        self.row = delimiter.encode() * (columns - 1) + self.eol
        self.pattern = self.row
        self.regular, self.newline_in_field = True, False
        self.blank_end = 0
        self._place = 0  # in the pattern
        self._ends = 0  # ends of lines kept back: those at the end of the file after the first are blank lines
        self.quotes = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        body = chunk.rstrip(b"\r\n")
        ends = chunk.count(self.eol, len(body))
        if body and self.regular:
            found = body.translate(None, self.delete)
            if b'"' in found or self.quotes % 2:
                found = self._outside_quotes(found)
            self._match(self.eol * self._ends + found)
            self._ends = 0
        if self.quotes % 2:
            self.newline_in_field |= ends > 0
        else:
            self._ends += ends

    def close(self) -> None:
        """The last row ends here, with an end of line or without."""
        self.blank_end = max(self._ends - 1, 0)
        self._match(self.eol)
        self.regular = self.regular and self._place == 0 and self.quotes % 2 == 0

    def _match(self, found: bytes) -> None:
        end = self._place + len(found)
        if len(self.pattern) < end:
            self.pattern = self.row * (end // len(self.row) + 1)
        self.regular = self.regular and self.pattern[self._place : end] == found
        self._place = end % len(self.row)

    def _outside_quotes(self, found: bytes) -> bytes:
        signs = np.frombuffer(found, np.uint8)
        quote = signs == ord('"')
        inside = ((np.cumsum(quote) + self.quotes) % 2).astype(bool)
        self.newline_in_field |= bool(np.any(inside & (signs == self.eol[0])))
        self.quotes += int(quote.sum())
        return bytes(signs[~quote & ~inside])


class _long_fields:  # noqa: N801 -- used as a function, like contextlib's own
    """The csv module refuses fields above 128 kB unless told otherwise; its limit is global, so it is put back."""

    def __enter__(self) -> None:
        self._before = csv.field_size_limit(sys.maxsize)

    def __exit__(self, *_: object) -> None:
        csv.field_size_limit(self._before)


def _guess(data: bytes) -> str:
    """The most likely encoding of bytes that are not UTF-8."""
    start = data[:4096]
    zeros = start.count(0)
    if zeros > len(start) // 4:
        return "utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"
    if any(0x80 <= byte <= 0x9F for byte in data[: 1 << 20]):
        try:
            data[: 1 << 20].decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"
        return "cp1252"
    return "latin-1"
