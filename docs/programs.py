"""A complete pipeline around each component's own example line, so that every reference page can be run.

A declaration brings one line or block (`metrics { roc_auc >= 0.8 }`); this module knows which data of `examples/data`
suits its kind and task, and writes the rest of the file. The tests check all of them and run those that can run.
"""

from __future__ import annotations

import re

import attrs

from mldsl.plugin import Declaration
from mldsl.plugin.reference import example
from mldsl.source import Source
from mldsl.syntax.printer import format_source

TITANIC = """\
data { csv("data/titanic.csv") }

features {
  survived: binary("died", "survived") as target
  pclass: ordinal("3rd", "2nd", "1st")
  sex: categorical
  age: continuous? in 0..100
  sibsp, parch: integer in 0..20
}
"""
IMPUTED = """\
transforms {
  impute(median) on age
  one_hot on sex
}
"""
HOUSES = """\
data { csv("data/ames_housing.csv") }

features {
  sale_price: continuous as target
  gr_liv_area, total_bsmt_sf, garage_area: continuous
  year_built, year_sold, mo_sold: integer
}
"""
ADMISSIONS = """\
data { csv("data/ucb_admissions.csv") }

features {
  admit: binary("Rejected", "Admitted") as target
  gender, dept: categorical
  freq: integer in 0..10_000 as weight
}

split { test = 0% }
"""
SMS = """\
data { csv("data/sms_spam.csv") }

features {
  label: binary("ham", "spam") as target
  text: text
}

split { by = stratified }
"""
WINES = """\
data { csv("data/wine.csv") }

features {
  cultivar: categorical as ignore
  "*": continuous
}

transforms { standardize on continuous }
"""
BERTHS = """\
data { csv("data/titanic.csv") }

features {
  pclass: ordinal("3rd", "2nd", "1st") as target
  survived: binary("died", "survived")
  sex: categorical
  age: continuous? in 0..100
  sibsp, parch: integer in 0..20
}
"""
BICYCLES = """\
data { csv("data/bike_sharing.csv") }

features {
  count: integer in 0..1_000 as target
  holiday, workingday: binary
  temp, humidity, windspeed: continuous
}
"""
IRIS = """\
data { csv("data/iris.csv") }

features {
  species: categorical as target
  "*": continuous
}
"""
DIGITS = """\
data { csv("data/digits_8x8.csv") }

features {
  label: categorical as target
  "*": integer
}
"""
LEVELS = """\
data { csv("data/titanic.csv") }

features {
  survived: binary("died", "survived") as target
  pclass: ordinal("3rd", "2nd", "1st")
  sex: categorical
  age: continuous? as ignore
  sibsp, parch: categorical
}
"""
FLIGHTS = """\
data { csv("data/airline_passengers.csv") }

features {
  year, month: integer
  passengers: integer as target
  when: time = date(year, month, 1) as time
}
"""
CANCER = """\
data { csv("data/breast_cancer_wdbc.csv") }

features {
  diagnosis: binary("benign", "malignant") as target
  "*": continuous
}
"""
MESSAGES = """\
data { csv("data/sms_spam.csv") }

features {
  label: binary("ham", "spam") as target
  text: text as ignore
  characters: integer = length(text)
"""

# How a row function is shown: the data it suits, and a line that uses it.
MADE_FROM_TEXT = {
    "length": "loudness: integer = length(upper(text))",
    "lower": 'free: binary = contains(lower(text), "free")',
    "upper": "shouted: binary = text == upper(text)",
    "contains": 'asks: binary = contains(text, "?")',
    "matches": 'number: binary = matches(text, "[0-9]{5}")',
    "extract": 'pounds: continuous? = to_number(extract(text, "£([0-9]+)"))',
    "replace": 'blanks: integer = length(text) - length(replace(text, " ", ""))',
    "concat": 'doubled: integer = length(concat(text, " ", text))',
    "to_number": 'code: continuous? = to_number(extract(text, "[0-9]{5}"))',
}
MADE_FROM_NUMBERS = {
    "log": "area = log(gr_liv_area)",
    "log1p": "garage = log1p(garage_area)",
    "exp": "newness = exp((year_built - 2010) / 30)",
    "sqrt": "side = sqrt(gr_liv_area)",
    "abs": "from_1970 = abs(year_built - 1970)",
    "min": "smaller = min(total_bsmt_sf, garage_area)",
    "max": "larger = max(total_bsmt_sf, garage_area)",
    "round": "decade = round(year_built / 10)",
    "clip": "area = clip(gr_liv_area, 500, 3000)",
    "sign": "has_garage = sign(garage_area)",
    "sin": "season_sin = sin(2 * 3.14159 * mo_sold / 12)",
    "cos": "season_cos = cos(2 * 3.14159 * mo_sold / 12)",
    "year": "year = year(date(year_sold, mo_sold, 1))",
    "month": "month = month(date(year_sold, mo_sold, 1))",
    "day": "day = day(date(year_sold, mo_sold, 15))",
    "weekday": "first_day = weekday(date(year_sold, mo_sold, 1))",
    "hour": "hour = hour(date(year_sold, mo_sold, 1, 12))",
    "days_between": "age = days_between(date(year_built, 1, 1), date(year_sold, mo_sold, 1))",
    "elapsed": "when = elapsed(date(year_sold, mo_sold, 1))",
    "date": "age = days_between(date(year_built, 1, 1), date(year_sold, mo_sold, 1))",
}
MADE_FROM_PASSENGERS = {
    "is_missing": "unknown_age = is_missing(age)",
    "coalesce": "years = coalesce(age, 30)",
    "null_if": "siblings = null_if(sibsp, 0)",
    "one_of": "couple = one_of(sibsp, 1)",
    "if_else": "years = if_else(is_missing(age), 30, age)",
}
TENSORS = {
    "image": 'photo = image("p*", height = 8, width = 8)',
    "sequence": 'strokes = sequence("p*", channels = 8)',
    "vector": 'pixels = vector("p*")',
}
EXTENSIONS = {"csv": "csv", "parquet": "parquet", "json_lines": "jsonl", "arrow": "arrow"}
OF_COUNTS = ("multinomial_naive_bayes", "bernoulli_naive_bayes", "complement_naive_bayes")
CLUSTER_LABELS = ("adjusted_rand", "normalized_mutual_information", "v_measure")


@attrs.frozen
class Program:
    """A text, and what the tests do with it: "run", "check", or "part" for lines that are not a whole file."""

    text: str
    use: str = "run"

    def fence(self) -> str:
        """As a code block of a page."""
        word = {"run": "mlp run", "check": "mlp", "part": "mlp part"}[self.use]
        return f"```{word}\n{self.text.rstrip()}\n```"


def program(declaration: Declaration) -> Program:
    """The file that shows a component."""
    return globals()[f"_{declaration.kind}"](declaration)


def _file(*blocks: str, use: str = "run") -> Program:
    text = "\n".join(["mlp 1\n", *(block.rstrip() + "\n" for block in blocks)])
    return Program(format_source(Source("example.mlp", text)), use)


def _source(declaration: Declaration) -> Program:
    if declaration.name == "frame":
        return _file('data { frame("iris") }', IRIS.partition("\n\n")[2], "model { logistic_regression }", use="check")
    if declaration.name == "svmlight":
        features = 'features {\n  relevance: integer as target\n  query_id: id as group\n  "f*": continuous\n}'
        return _file('data { svmlight("data/pages.svm") }', features, "model { ridge }")
    line = f'data {{ {declaration.name}("data/iris.{EXTENSIONS[declaration.name]}") }}'
    return _file(line, IRIS.partition("\n\n")[2], "model { logistic_regression }")


def _function(declaration: Declaration) -> Program:
    name = declaration.name
    if name in MADE_FROM_TEXT:
        line = MADE_FROM_TEXT[name]
        steps = ["transforms { impute(median) on numeric }"] if "?" in line.partition("=")[0] else []
        return _file(MESSAGES + f"  {line}\n}}", *steps, "model { logistic_regression }")
    if name in MADE_FROM_NUMBERS:
        return _file(HOUSES, f"transforms {{ {MADE_FROM_NUMBERS[name]} }}", "model { ridge }")
    if name in TENSORS:
        return Program(f"transforms {{ {TENSORS[name]} }}", "part")
    steps = f"transforms {{\n  {MADE_FROM_PASSENGERS[name]}\n  impute(median) on numeric\n  one_hot on sex\n}}"
    return _file(TITANIC, steps, "model { logistic_regression }")


def _transform(declaration: Declaration) -> Program:
    name = declaration.name
    line = re.sub(r"^transforms \{\s*(.*?)\s*\}$", r"\1", example(declaration).strip(), flags=re.DOTALL)
    if name == "tokenize":
        return _file(SMS, f"transforms {{ {line} }}", "model { constant }")
    if declaration.accepts == ("text",):
        steps = [line] if any(output.sparse == "yes" for output in declaration.outputs) else [line, "tfidf on text"]
        block = "transforms {\n" + "".join(f"  {step}\n" for step in steps) + "}"
        return _file(SMS, block, "model { multinomial_naive_bayes }", 'metrics { f1(positive = "spam") }')
    lines = ["impute(median) on age", "one_hot on sex"]
    if name in ("lag", "rolling"):
        steps = f"transforms {{\n  {line}\n  impute(median) on numeric\n}}"
        return _file(FLIGHTS, steps, "model { ridge }")
    if name in ("date_parts", "cyclical"):
        houses = (
            HOUSES.replace("\n}", "\n  sold: time = date(year_sold, mo_sold, 1)\n}") if name == "date_parts" else HOUSES
        )
        return _file(houses, f"transforms {{ {line} }}", "model { ridge }")
    if name == "impute":
        lines = [line, "one_hot on sex"]
    elif name == "one_hot" or name.endswith("_encode"):
        lines = ["impute(median) on age", line]
    elif name in ("drop", "keep"):
        lines = [f"{name} on {'[sibsp, parch]' if name == 'drop' else '[pclass, sex, age]'}", *lines]
    else:
        lines.append(line)
    return _file(TITANIC, "transforms {\n" + "".join(f"  {x}\n" for x in lines) + "}", "model { logistic_regression }")


def _model(declaration: Declaration) -> Program:
    block = example(declaration)
    if "cluster" in declaration.tasks:
        return _file(WINES, block)
    if declaration.name in OF_COUNTS:
        return _file(DIGITS, block)
    if declaration.name == "categorical_naive_bayes":
        return _file(LEVELS, block)
    if declaration.scale_sensitive and "classify" in declaration.tasks:
        return _file(TITANIC, IMPUTED.replace("one_hot", "standardize on numeric\n  one_hot"), block)
    if "poisson" in block:
        return _file(BICYCLES, block)
    if declaration.name == "ordinal_regression":
        return _file(BERTHS, "transforms {\n  impute(median) on age\n  one_hot(drop = first) on sex\n}", block)
    if declaration.trees and "classify" in declaration.tasks:  # levels and missing values as they are
        return _file(TITANIC, block)
    if "classify" in declaration.tasks:
        return _file(TITANIC, IMPUTED, block)
    if declaration.scale_sensitive:
        return _file(HOUSES, "transforms { standardize on numeric }", block)
    return _file(HOUSES, block)


def _stop(declaration: Declaration) -> Program:
    return Program(f"model {{\n  gradient_boosting\n  {example(declaration)}\n}}", "part")


def _search(declaration: Declaration) -> Program:
    return _tuned(f"search = {example(declaration)}")


def _tuned(search: str, *more: str) -> Program:
    """A search for the penalty of a linear model."""
    tune = f"tune {{\n  {search}\n  $l2 in log(0.01..1000)\n}}"
    return _file("param l2: number = 1", HOUSES, "model { ridge(l2 = $l2) }", tune, *more)


def _metric(declaration: Declaration) -> Program:
    block = re.sub(r" [<>]=? [0-9.%]+", "", example(declaration))  # a gate of somebody else's data
    if "cluster" in declaration.tasks:
        return _file(WINES, "model { k_means(clusters = 3) }", block)
    if "poisson" in block:
        return _file(BICYCLES, "model { generalized_linear(family = poisson) }", block)
    if "regress" in declaration.tasks:
        return _file(HOUSES, "model { ridge }", block)
    if declaration.name == "top_k_accuracy":
        return _file(IRIS, "model { logistic_regression }", re.sub("k = 3", "k = 2", block))
    block = re.sub(r'positive = "\w+"', 'positive = "survived"', block)
    return _file(TITANIC, IMPUTED, "model { logistic_regression }", block)


def _report(declaration: Declaration) -> Program:
    block = example(declaration)
    if declaration.name == "support_vectors":
        return _file(CANCER, "transforms { standardize on continuous }", "model { svm }", block)
    if declaration.name == "simpsons_paradox":
        return _file(ADMISSIONS, "transforms { one_hot on categorical }", "model { logistic_regression }", block)
    if declaration.name == "odds_ratios":
        model = "model { logistic_regression(l2 = 0, formula = survived ~ pclass + sex + age) }"
        return _file(TITANIC, "transforms { impute(median) on age }", model, block)
    if declaration.name == "decision_boundary":
        return _file(IRIS, "model { logistic_regression }", block)
    if declaration.name == "tree_diagram":
        return _file(TITANIC, "model { cart(min_samples_leaf = 10, prune = cost_complexity(alpha = 0.002)) }", block)
    if declaration.name in ("influence", "vif"):
        return _file(HOUSES, "model { ridge(l2 = 0) }", block)
    if declaration.name == "top_terms":
        return _file(SMS, "transforms { tfidf on text }", "model { multinomial_naive_bayes }", block)
    if "tune" in declaration.needs:
        return _tuned("search = grid(points = 8)", block)
    if declaration.tasks == ("cluster",):
        return _file(WINES, "model { k_means(clusters = 3) }", block)
    if declaration.name == "anova":
        return _file(HOUSES, "model { ols(log(sale_price) ~ log(gr_liv_area)*year_built + total_bsmt_sf) }", block)
    if declaration.name == "bayes_rule":
        return _file(LEVELS, "model { categorical_naive_bayes }", block)
    if declaration.tasks == ("regress",):
        return _file(HOUSES, "model { ridge }", block)
    return _file(TITANIC, IMPUTED, "model { logistic_regression }", block)


def _kernel(declaration: Declaration) -> Program:
    return _file(CANCER, "transforms { standardize on continuous }", example(declaration))


def _pruning(declaration: Declaration) -> Program:
    return _file(TITANIC, example(declaration))


def _loss(declaration: Declaration) -> Program:
    rows = {"logistic": CANCER, "softmax": IRIS, "poisson": BICYCLES}
    return _file(rows.get(declaration.name, HOUSES), example(declaration))


def _exporter(declaration: Declaration) -> Program:
    return _file(IRIS, "model { logistic_regression }", example(declaration))
