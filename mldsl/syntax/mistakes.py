"""What to say about a statement that the grammar refuses, and how to repair it.

The parser says where it stopped and which terminals it would have taken; the block, the token before and the token
it met say what was meant.
"""

from __future__ import annotations

import attrs

from mldsl.diagnostics import Diagnostic, Fix
from mldsl.source import Span
from mldsl.syntax.literals import NAME, quote
from mldsl.syntax.parts import Parts, Statement
from mldsl.syntax.scan import Token, ends_value, starts_value

ROLES = (
    "target", "weight", "offset", "group", "query", "user", "item", "time", "position", "key", "part", "ignore",
)  # fmt: skip
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
_SIGNS = {
    "COLON": ":", "COMMA": ",", "EQUAL": "=", "LBRACE": "{", "LPAR": "(", "RPAR": ")", "RSQB": "]",
    "_IN": "in", "_AS": "as", "_ON": "on",
}  # fmt: skip

Repair = tuple[int, int, str]


@attrs.frozen
class Mistake:
    """A message, and the edit that repairs the statement; without one it is lost."""

    diagnostic: Diagnostic
    repair: Repair | None = None


def explain(parts: Parts, statement: Statement, offset: int, accepts: frozenset[str]) -> Mistake:
    """The mistake in a statement that the parser refuses at `offset`, where it would take the terminals `accepts`."""
    return _Case(parts, statement, offset, accepts).mistake()


class _Case:
    """A refusal with its surroundings. `token` is None at the end of the statement."""

    def __init__(self, parts: Parts, statement: Statement, offset: int, accepts: frozenset[str]) -> None:
        tokens = [token for token in parts.tokens[statement.first : statement.last] if token.kind != "newline"]
        index = next((i for i, token in enumerate(tokens) if offset < token.end), len(tokens))
        self.parts = parts
        self.accepts = accepts
        self.block = statement.block.keyword if statement.block else None
        self.first = tokens[0]
        self.before = tokens[:index]
        self.token = tokens[index] if index < len(tokens) else None
        self.after = tokens[index + 1 : index + 4]
        self.previous = tokens[index - 1] if index else tokens[0]
        signs = [token.text for token in self.before if token.kind == "op"]
        self.depth = sum(sign in ("(", "[") for sign in signs) - sum(sign in (")", "]") for sign in signs)

    def mistake(self) -> Mistake:
        if self.token is None:
            return self._at_end()
        if self.depth > 0:
            return self._in_brackets(self.token)
        return self._in_line(self.token)

    # ---- helpers -------------------------------------------------------------------------------------------------

    @property
    def place(self) -> Span:
        """The token met, or right behind the last one at the end of the statement."""
        return self.parts.behind(self.previous) if self.token is None else self.parts.span(self.token)

    def wants_value(self) -> bool:
        return "NUMBER" in self.accepts

    def may_end(self) -> bool:
        return "_NL" in self.accepts or "RBRACE" in self.accepts

    def _say(self, code: str, message: str, help_: str | None = None, *notes: str) -> Diagnostic:
        return Diagnostic(code, message, self.place, notes=notes, help=help_)

    def _insert(self, code: str, message: str, help_: str, text: str, place: int) -> Mistake:
        """A mistake that a text put in repairs."""
        fix = Fix(self.parts.source.span(place, place), text)
        return Mistake(attrs.evolve(self._say(code, message, help_), fix=fix), (place, place, text))

    def _replace(self, code: str, message: str, help_: str, token: Token, text: str) -> Mistake:
        """A mistake that another text in the place of a token repairs."""
        fix = Fix(self.parts.span(token), text)
        return Mistake(attrs.evolve(self._say(code, message, help_), fix=fix), (token.start, token.end, text))

    def _expected(self) -> tuple[str, ...]:
        """What the grammar would take, in words; nothing if that is too much to be of help."""
        words = ["a value"] if self.wants_value() else []
        words += ["a name"] if "NAME" in self.accepts and not self.wants_value() else []
        words += ["a text in quotes"] if "STRING" in self.accepts and not self.wants_value() else []
        words += [f"`{sign}`" for terminal, sign in _SIGNS.items() if terminal in self.accepts]
        words += ["a comparison"] if "CMP" in self.accepts and not self.wants_value() else []
        words += ["the end of the line"] if self.may_end() else []
        if len(words) > 5:
            return ()
        listed = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)
        return (f"expected {listed}",) if words else ()

    def _unexpected(self, help_: str | None = None) -> Diagnostic:
        if self.token is None:
            return self._say("MLP0001", "unexpected end of the line", help_, *self._expected())
        if self.token.text == "?" and any(token.text == "=" for token in self.before):
            help_ = help_ or "there is no `? :`; write `if_else(CONDITION, A, B)`"
        if self.token.text == "." and any(token.text == "~" for token in self.before):
            help_ = help_ or 'all inputs are `"*"` in a formula'
        return self._say("MLP0001", f"unexpected {_shown(self.token)}", help_, *self._expected())

    def _chained(self) -> Mistake | None:
        """A second comparison at the depth of the first."""
        assert self.token is not None
        if self.token.text not in _COMPARISONS:
            return None
        depth = 0
        for token in reversed(self.before):
            if token.kind == "op" and token.text in (")", "]"):
                depth += 1
            elif token.kind == "op" and token.text in ("(", "[", ","):
                if depth == 0 and token.text != ",":
                    break
                depth -= token.text != ","
            elif depth == 0 and token.kind == "op" and token.text in _COMPARISONS:
                return Mistake(self._say("MLP0010", "comparisons cannot be chained", self._unchained(token)))
        return None

    def _unchained(self, first: Token) -> str:
        """What to write for `a < b < c`, in full if it is short."""
        assert self.token is not None
        middle = self.parts.source.text[first.end : self.token.start].strip()
        left = self.before[self.before.index(first) - 1]
        right = self.after[0] if self.after else self.token
        if "\n" in middle or len(middle) > 30:
            return "write two, joined by `and`"
        one, two = (f"{left.text} {first.text} {middle}", f"{middle} {self.token.text} {right.text}")
        return f"write two, joined by `and`: `{one} and {two}`"

    # ---- the end of a statement ----------------------------------------------------------------------------------

    def _at_end(self) -> Mistake:
        previous = self.previous
        if self.block is None:
            return self._item_ends()
        if self.block == "transforms" and previous.text == "on" and len(self.before) > 1:
            return Mistake(self._say("MLP0015", "a transform needs the columns it works on", "write them behind `on`"))
        if self.wants_value():
            return Mistake(self._say("MLP0008", f"a value is missing after `{previous.text}`"))
        if self.block == "features":
            if "COLON" in self.accepts or previous.text == ":":
                return Mistake(self._column_without_type())
            if previous.text == "as":
                return Mistake(self._say("MLP0008", "a role is missing after `as`", f"roles: {', '.join(ROLES)}"))
        if "_ON" in self.accepts:
            help_ = f"write `{self._component()} on COLUMNS`; a column is computed by `NAME = EXPRESSION`"
            return Mistake(self._say("MLP0015", "a transform needs the columns it works on", help_))
        if "EQUAL" in self.accepts:
            return Mistake(self._say("MLP0008", f"a value is missing after `{previous.text}`", "write `= VALUE`"))
        if self.block == "tune" and "_IN" in self.accepts:
            help_ = f"write `{previous.text} in LOW..HIGH`, `in log(LOW..HIGH)` or `in [A, B]`"
            return Mistake(self._say("MLP0008", f"a range is missing after `{previous.text}`", help_))
        if previous.text == "as":
            return Mistake(self._say("MLP0008", "a word is missing after `as`", "the only one is `primary`"))
        return Mistake(self._unexpected())

    def _column_without_type(self) -> Diagnostic:
        return self._say("MLP0009", "a column needs a type", "write `NAME: TYPE`, for instance `age: continuous`")

    def _component(self) -> str:
        start, end = self.first.start, self.previous.end
        text = self.parts.source.text[start:end]
        return text if len(text) <= 30 and "\n" not in text else "STEP(...)"

    def _item_ends(self) -> Mistake:
        word = self.first.text
        if word == "param":
            if len(self.before) == 1:
                return Mistake(self._say("MLP0017", "a param needs a name", "write `param NAME: TYPE = DEFAULT`"))
            if "COLON" in self.accepts or self.previous.text == ":":
                return Mistake(self._say("MLP0009", "a param needs a type", "write `param NAME: TYPE = DEFAULT`"))
            if self.wants_value():
                return Mistake(self._say("MLP0008", f"a value is missing after `{self.previous.text}`"))
        usage = {
            "use": 'write `use PLUGIN`, or `use PLUGIN "1.2"`',
            "include": 'write `include "path.mlp"`',
            "mlp": "write `mlp 1`",
        }
        return Mistake(self._unexpected(usage.get(word)))

    # ---- inside brackets -----------------------------------------------------------------------------------------

    def _in_brackets(self, token: Token) -> Mistake:
        previous = self.previous
        if previous.kind == "name" and token.kind in ("number", "string", "dollar") and self._starts_argument():
            help_ = f"write `{previous.text} = {token.text}`"
            return self._insert("MLP0001", f"unexpected {_shown(token)}", help_, " =", previous.end)
        if ends_value(previous) and starts_value(token):
            return self._comma_missing("two arguments" if self._innermost() == "(" else "two items of a list")
        if token.text == "," and previous.text in ("(", "[", ","):
            fix = Fix(self.parts.span(token), "")
            diagnostic = attrs.evolve(self._unexpected("remove it"), fix=fix)
            return Mistake(diagnostic, (token.start, token.end, " "))
        if token.text in (",", ")", "]") and self.wants_value():
            return Mistake(self._say("MLP0008", f"a value is missing after `{previous.text}`"))
        if chained := self._chained():
            return chained
        if token.text == "=" and ends_value(previous):
            return Mistake(self._unexpected("a comparison is written `==`; an argument, `NAME = VALUE`"))
        return Mistake(self._unexpected())

    def _starts_argument(self) -> bool:
        """Whether the token before is the first of an argument."""
        return len(self.before) > 1 and self.before[-2].text in ("(", ",") and self._innermost() == "("

    def _innermost(self) -> str:
        depth = 0
        for token in reversed(self.before):
            if token.kind == "op" and token.text in (")", "]"):
                depth += 1
            elif token.kind == "op" and token.text in ("(", "["):
                if depth == 0:
                    return token.text
                depth -= 1
        return "("

    def _comma_missing(self, between: str) -> Mistake:
        message = f"a comma is missing between {between}"
        return self._insert("MLP0006", message, "add `,` before this", ",", self.previous.end)

    # ---- outside brackets ----------------------------------------------------------------------------------------

    def _in_line(self, token: Token) -> Mistake:
        previous = self.previous
        if not self.before:
            return self._at_start(token)
        if token.text == ":" and "EQUAL" in self.accepts and self.block not in (None, "features"):
            spaced = self.parts.source.text[token.end : token.end + 1].isspace()
            fix = Fix(self.parts.span(token), " =" if spaced else " = ")
            diagnostic = self._say("MLP0012", "settings use `=`, not `:`", "replace `:` by `=`")
            return Mistake(attrs.evolve(diagnostic, fix=fix), (token.start, token.end, "="))
        if token.text == "==" and "EQUAL" in self.accepts:
            return self._replace("MLP0001", "unexpected `==`", "write `=`", token, "=")
        if chained := self._chained():
            return chained
        special = {"features": self._in_feature, None: self._in_item}.get(self.block)
        if special is not None and (mistake := special(token)):
            return mistake
        if self.block == "transforms" and "_ON" in self.accepts and starts_value(token):
            help_ = "write `on` before the columns"
            return Mistake(self._say("MLP0015", "a transform needs the columns it works on", help_))
        if self.block == "tune" and (mistake := self._in_tune(token)):
            return mistake
        if token.text == ",":
            return self._comma_behind(token)
        if token.text == "on" and self.block in ("data", "features", "split", "model"):
            help_ = "steps stand in `transforms`, where they are fitted on training rows only"
            return Mistake(self._unexpected(help_))
        keyword = token.text in ("as", "in", "on")
        if self.may_end() and token.kind in ("name", "dollar", "column", "string") and not keyword:
            return self._two_statements(token)
        if self.wants_value() and not starts_value(token) and previous.kind == "op":
            return Mistake(self._say("MLP0008", f"a value is missing after `{previous.text}`"))
        return Mistake(self._unexpected())

    def _at_start(self, token: Token) -> Mistake:
        """A statement that begins with what none begins with; a component's name is sometimes put in quotes."""
        name = token.text[1:-1]
        if token.kind == "string" and NAME.fullmatch(name):
            message = f"unexpected {_shown(token)}"
            return self._replace("MLP0001", message, "names are written without quotes", token, name)
        return Mistake(self._say("MLP0001", f"unexpected {_shown(token)}", None, "a statement starts with a name"))

    def _in_feature(self, token: Token) -> Mistake | None:
        if "COLON" in self.accepts:
            if token.text in ("as", "in"):
                return Mistake(self._column_without_type())
            if token.text == "=":
                follows = self.after[0] if self.after else None
                if follows is not None and follows.kind == "name" and len(self.after) == 1:
                    return self._replace("MLP0009", "a column needs a type", "types stand behind `:`", token, ":")
                return Mistake(self._column_without_type())
            if token.kind in ("name", "column", "string"):
                if self.after and self.after[0].text in (":", ","):
                    return self._comma_missing("two columns")
                if token.kind == "name":
                    diagnostic = self._unexpected(f"write `{self.previous.text}: {token.text}`")
                    place = self.previous.end
                    fix = Fix(self.parts.source.span(place, place), ":")
                    return Mistake(attrs.evolve(diagnostic, fix=fix), (place, place, ":"))
        if self.may_end() and token.kind == "name" and token.text in ROLES and not self.after:
            diagnostic = self._unexpected(f"a role is written `as {token.text}`")
            fix = Fix(self.parts.source.span(token.start, token.start), "as ")
            return Mistake(attrs.evolve(diagnostic, fix=fix), (token.start, token.start, "as "))
        if "NAME" in self.accepts and self.previous.text == ":":
            return Mistake(self._column_without_type())
        return None

    def _in_param(self, token: Token) -> Mistake | None:
        if len(self.before) == 1:
            return Mistake(self._say("MLP0017", "a param needs a name", "write `param NAME: TYPE = DEFAULT`"))
        if "COLON" in self.accepts and token.text in ("=", "in"):
            return Mistake(self._say("MLP0009", "a param needs a type", "write `param NAME: TYPE = DEFAULT`"))
        if token.text == ":" and "EQUAL" in self.accepts:
            return self._replace("MLP0012", "a default follows `=`, not `:`", "replace `:` by `=`", token, "=")
        return None

    def _in_item(self, token: Token) -> Mistake | None:
        if self.first.text == "param":
            return self._in_param(token)
        word, second = self.first.text, len(self.before) == 1
        if word == "include" and second and token.kind == "name":
            text = self.parts.source.text[token.start : (self.after[-1] if self.after else token).end]
            span = self.parts.source.span(token.start, token.start + len(text))
            fix = Fix(span, quote(text)) if len(self.after) < 3 and "\n" not in text else None
            found = attrs.evolve(self._unexpected("the path of a file is written in quotes"), fix=fix)
            return Mistake(found, (token.start, token.start + len(text), quote(text)) if fix else None)
        if word == "use" and second and token.kind == "string" and NAME.fullmatch(token.text[1:-1]):
            message = f"unexpected {_shown(token)}"
            return self._replace("MLP0001", message, "a name is written without quotes", token, token.text[1:-1])
        if word == "use" and token.kind == "number":
            message = f"unexpected {_shown(token)}"
            return self._replace("MLP0001", message, "a version is written in quotes", token, f'"{token.text}"')
        return None

    def _in_tune(self, token: Token) -> Mistake | None:
        if self.previous.kind == "dollar" and token.text in ("=", ":") and "_IN" in self.accepts:
            return Mistake(self._unexpected(f"write `{self.previous.text} in LOW..HIGH`, or a list of values"))
        if token.text == "in" and "EQUAL" in self.accepts:
            place = self.first.start
            help_ = f"a search varies a param: `${self.first.text} in ...`"
            return self._insert("MLP0001", "unexpected `in`", help_, "$", place)
        return None

    def _comma_behind(self, token: Token) -> Mistake:
        """`a = 1,` is what people write who come from elsewhere."""
        if not self.may_end():
            return Mistake(self._unexpected())
        last = not self.after
        if self.block == "transforms" and not last and any(token.text == "on" for token in self.before):
            return Mistake(self._unexpected("several columns are a list: `on [a, b]`"))
        help_ = "remove it; a statement ends with its line" if last else "write one statement per line"
        fix = Fix(self.parts.span(token), "" if last else "\n")
        return Mistake(attrs.evolve(self._unexpected(help_), fix=fix), (token.start, token.end, " " if last else "\n"))

    def _two_statements(self, token: Token) -> Mistake:
        if self.block == "metrics" and token.text == "primary":
            diagnostic = self._unexpected("the primary metric is written `as primary`")
            fix = Fix(self.parts.source.span(token.start, token.start), "as ")
            return Mistake(attrs.evolve(diagnostic, fix=fix), (token.start, token.start, "as "))
        line = self.parts.source.lines[self.place.line - 1]
        margin = line[: len(line) - len(line.lstrip())]
        fix = Fix(self.parts.source.span(self.previous.end, token.start), "\n" + margin)
        diagnostic = self._say("MLP0007", "two statements on one line", "begin a new line here")
        return Mistake(attrs.evolve(diagnostic, fix=fix), (self.previous.end, token.start, "\n"))


def _shown(token: Token) -> str:
    """A token in backticks (its own, if it has some), cut if it is long."""
    text = token.text if len(token.text) <= 40 else token.text[:40] + "..."
    return text if text.startswith("`") else f"`{text}`"
