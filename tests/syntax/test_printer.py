"""The canonical form: examples are fixed points, comments and blank lines stay, lines break where they must."""

from __future__ import annotations

import random

import pytest

from mldsl.diagnostics import MldslError
from mldsl.source import Source
from mldsl.syntax.parse import parse
from mldsl.syntax.printer import format_source, print_program


def formatted(text: str) -> str:
    once = format_source(Source("f.mlp", text))
    assert format_source(Source("f.mlp", once)) == once
    return once


def body(text: str) -> str:
    """What `model { text }` becomes, without the edition line."""
    return formatted(f"mlp 1\n\nmodel {{\n{text}\n}}\n").removeprefix("mlp 1\n\n")


def test_examples_are_canonical_byte_for_byte(examples: list[Source]) -> None:
    for source in examples:
        assert format_source(source) == source.text, source.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", "a = 1"), ("a=1+2*3", "a = 1 + 2 * 3"), ("a=(1+2)*3", "a = (1 + 2) * 3"), ("a=((1))", "a = 1"),
        ("a=1-(2-3)", "a = 1 - (2 - 3)"), ("a=(1-2)-3", "a = 1 - 2 - 3"), ("a=(x^y)^z", "a = (x ^ y) ^ z"),
        ("a=x^(y^z)", "a = x ^ y ^ z"), ("a=-(x)^2", "a = -x ^ 2"), ("a=(-x)^2", "a = (-x) ^ 2"),
        ("a=- -x", "a = --x"), ("a=1 .. 5", "a = 1..5"), ("a=y~a : b", "a = y ~ a:b"),
        ("a=~(a+b):c", "a = ~ (a + b):c"),
        ("a=not(b and c)", "a = not (b and c)"), ("a=(not b)and c", "a = not b and c"),
        ("a=(b or c)and d", "a = (b or c) and d"), ("a=b or(c and d)", "a = b or c and d"),
        ("a=(b<c)==d", "a = (b < c) == d"), ("a=[1,2 , 3]", "a = [1, 2, 3]"), ("a=f ( )", "a = f()"),
        ('a=["x"=1,2=`b c`]', 'a = ["x" = 1, 2 = `b c`]'), ("f()", "f"), ("f(g())", "f(g)"), ("f(x,)", None),
        ("a.b(  c=1)", "a.b(c = 1)"), ('a="\\u0041"', 'a = "\\u0041"'), ("a=1_000", "a = 1_000"), ("a=[]", "a = []"),
    ],
)  # fmt: skip
def test_spaces_and_parentheses(text: str, expected: str | None) -> None:
    if expected is None:
        assert body(text) == "model {\n  f(\n    x,\n  )\n}\n"
    else:
        assert body(text) == f"model {{ {expected} }}\n"


def test_one_statement_that_fits_is_one_line() -> None:
    line = "model { " + "a" * 70 + " }"
    assert len(line) == 80
    assert formatted(f"mlp 1\n{line}\n") == f"mlp 1\n{line}\n"
    longer = line.replace(" }", "a }")
    assert formatted(f"mlp 1\n{longer}\n") == "mlp 1\nmodel {\n  " + "a" * 71 + "\n}\n"
    assert formatted("mlp 1\nmodel {}\n") == "mlp 1\nmodel {}\n"


def test_calls_that_do_not_fit_have_one_argument_per_line() -> None:
    long = ", ".join(f"argument_{n} = {n}" for n in range(5))
    lines = "".join(f"    argument_{n} = {n},\n" for n in range(5))
    assert body(f"cart({long})") == f"model {{\n  cart(\n{lines}  )\n}}\n"
    inner = "".join(f"      argument_{n} = {n},\n" for n in range(5))
    assert body(f"cart(x = f({long}))") == f"model {{\n  cart(\n    x = f(\n{inner}    ),\n  )\n}}\n"


def test_the_last_comma_keeps_lines_apart() -> None:
    text = "mlp 1\n\nmodel {\n  cart(\n    a = 1,\n  )\n}\n"
    assert formatted(text) == text
    assert formatted(text.replace("1,", "1")) == "mlp 1\n\nmodel { cart(a = 1) }\n"


def test_the_last_bracket_of_a_statement_breaks_first() -> None:
    columns = [f"column_number_{n}" for n in range(6)]
    found = formatted(f"mlp 1\ntransforms {{ impute(median) on [{', '.join(columns)}] }}\n")
    listed = "".join(f"    {name},\n" for name in columns)
    assert found == f"mlp 1\ntransforms {{\n  impute(median) on [\n{listed}  ]\n}}\n"


def test_comments_stay_with_what_they_are_about() -> None:
    text = """\
#!/usr/bin/env mldsl
#title
mlp 1 #edition
#a

# b


model q{ # the model
 #lead
   cart(a=1,b=2, # both
     # own
     c = (1 + # inner
        2)*3, d=[1, # one
        2] # two
     # dangling
     )


   e = 1
} # end
metrics { a }   # only
split { # head
}
########
##bar
report { #c
}
# last
"""
    expected = """\
#!/usr/bin/env mldsl
# title
mlp 1  # edition
# a

# b

model q {  # the model
  # lead
  cart(
    a = 1,
    b = 2,  # both
    # own
    # inner
    c = (1 + 2) * 3,
    d = [
      1,  # one
      2,
    ],  # two
    # dangling
  )

  e = 1
}  # end
metrics { a }  # only
split {  # head
}
########
##bar
report {  # c
}
# last
"""
    assert formatted(text) == expected


def test_blank_lines_are_the_authors_but_at_most_one() -> None:
    text = "mlp 1\n\n\n\nuse a\nuse b\n\n\nmodel {\n\n\n  a = 1\n\n\n\n  b = 2\n  c = 3\n\n}\nmetrics { d }\n\n\n"
    expected = "mlp 1\n\nuse a\nuse b\n\nmodel {\n  a = 1\n\n  b = 2\n  c = 3\n}\nmetrics { d }\n"
    assert formatted(text) == expected


def test_the_edition_line_is_written_in() -> None:
    assert formatted("data { csv }\n") == "mlp 1\n\ndata { csv }\n"
    assert formatted("# title\n\ndata { csv }\n") == "mlp 1\n\n# title\n\ndata { csv }\n"
    assert formatted("") == "mlp 1\n"


def test_line_ends_are_kept() -> None:
    text = "mlp 1\r\nmodel {\r\n  a = 1\r\n  b = 2\r\n}\r\n"
    assert formatted(text) == text
    assert formatted("\ufeffmlp 1\nmodel { a }") == "mlp 1\nmodel { a }\n"


def test_raw_strings_keep_their_lines() -> None:
    text = 'mlp 1\n\ndata { sql(env("X"), """select *\n    from t  \n""") }\n'
    expected = 'mlp 1\n\ndata {\n  sql(env("X"), """select *\n    from t  \n""")\n}\n'
    assert formatted(text) == expected


def test_wide_characters_take_two_columns() -> None:
    name = "日" * 35
    assert formatted(f"mlp 1\nmodel {{ {name} }}\n") == f"mlp 1\nmodel {{ {name} }}\n"
    assert "{\n" in formatted(f"mlp 1\nmodel {{ {name}日 }}\n")


def test_what_does_not_parse_is_refused() -> None:
    with pytest.raises(MldslError) as caught:
        format_source(Source("f.mlp", "mlp 1\nmodle { a }\n"))
    assert [d.code for d in caught.value.diagnostics] == ["MLP0002"]


def test_comments_anywhere_survive(examples: list[Source]) -> None:
    """Comments put at random line ends and between lines are all there afterwards, in a form that is stable."""
    random_ = random.Random(7)
    for number in range(60):
        source = random_.choice(examples)
        lines = source.text.split("\n")
        for count in range(random_.randint(1, 6)):
            at = random_.randrange(1, len(lines))
            if random_.random() < 0.5 and lines[at].strip() and not lines[at].startswith("#"):
                lines[at] += f"  # beside {number}.{count}"
            else:
                lines.insert(at, f"# above {number}.{count}")
        text = "\n".join(lines)
        result = formatted(text)
        assert sorted(c.text for c in parse(Source("f", result))[0].comments) == sorted(
            c.text for c in parse(Source("f", text))[0].comments
        )


def test_a_program_without_comments_prints_its_documentation(examples: list[Source]) -> None:
    import attrs

    for source in examples:
        program, _ = parse(source)
        assert print_program(attrs.evolve(program, comments=())) == source.text
