"""Declarations of components that later work adds, so that all example files can be checked today.

Only what checking reads: names, parameters, types of columns, tasks. Where a component exists already it is not listed
here, unless a test asks for the registry of stand-ins alone.
"""

# ruff: noqa: E501  (tables are read by row)

from __future__ import annotations

from typing import Any

import attrs

from mldsl.plugin.declaration import REQUIRED, Choice, Declaration, Operand, Output, Parameter, ParameterType
from mldsl.plugin.registry import Registry


@attrs.frozen
class Given:
    """What a registry holds for a component that is handed over: here the declaration alone."""

    declaration: Declaration


def p(name: str, type_: str, default: Any = REQUIRED, **more: Any) -> Parameter:
    """A parameter. `type_` is a type's name, `kernel()` for a component, `a|b` for an enum, `[int]` for a list."""
    if type_.removesuffix("?") == "share":
        more = {"ge": 0, "le": 1, **more}
    return Parameter(name, _type(type_), default, doc="A setting.", **more)


def _type(text: str) -> ParameterType:
    optional = text.endswith("?")
    text = text.removesuffix("?")
    if text.startswith("["):
        return ParameterType("list", item=_type(text[1:-1]), optional=optional)
    if text.endswith("()"):
        return ParameterType("component", of=text[:-2], optional=optional)
    if "|" in text:
        words, otherwise = [], None
        for word in filter(None, text.split("|")):
            if word.startswith(":"):
                otherwise = _type(word[1:])
            else:
                words.append(_choice(word))
        return ParameterType("enum", choices=tuple(words), otherwise=otherwise, optional=optional)
    return ParameterType(text, optional=optional)  # type: ignore[arg-type]


def _choice(word: str) -> Choice:
    name, _, argument = word.removesuffix(")").partition("(")
    return Choice(name, (p(argument, "number"),) if argument else ())


def registry(*declarations: Declaration, base: Registry | None = None) -> Registry:
    """A registry of these declarations, beside those of `base`."""
    given: dict[str, dict[str, Any]] = {}
    for d in declarations:
        given.setdefault(d.plugin, {})[f"{d.kind}.{d.name}"] = Given(d)
    return Registry(base._store if base is not None else None, given)


def d(kind: str, name: str, *parameters: Parameter, plugin: str = "core", **more: Any) -> Declaration:
    """A declaration."""
    return Declaration(kind, name, plugin, "tests", f"The {kind} {name}", parameters=parameters, **more)


NUMBERS = ("continuous", "integer", "binary", "ordinal")
ALL = ("continuous", "integer", "binary", "ordinal", "categorical")
WEIGHTS = "balanced|:weights?"


def model(name: str, tasks: str, *parameters: Parameter, **more: Any) -> Declaration:
    more.setdefault("accepts", NUMBERS)
    return d("model", name, *parameters, tasks=tuple(tasks.split()), **more)


def metric(name: str, tasks: str, *parameters: Parameter, **more: Any) -> Declaration:
    more = {"better": "higher", "needs": ("labels",), **more}
    return d("metric", name, *parameters, tasks=tuple(tasks.split()), **more)


def transform(name: str, accepts: tuple[str, ...], *parameters: Parameter, **more: Any) -> Declaration:
    return d("transform", name, *parameters, accepts=accepts, **more)


def report(name: str, tasks: str = "", *parameters: Parameter) -> Declaration:
    return d("report", name, *parameters, tasks=tuple(tasks.split()))


LAYERS = [
    d("layer", "dense", p("units", "int", ge=1)), d("layer", "relu"), d("layer", "tanh"), d("layer", "softmax"),
    d("layer", "sigmoid"), d("layer", "flatten"), d("layer", "batch_norm"),
    d("layer", "leaky_relu", p("slope", "number", 0.01)), d("layer", "dropout", p("rate", "share")),
    d("layer", "conv2d", p("filters", "int"), p("kernel", "int", 3), p("stride", "int", 1)),
    d("layer", "conv2d_transpose", p("filters", "int"), p("kernel", "int", 3), p("stride", "int", 1)),
    d("layer", "max_pool", p("size", "int", 2)), d("layer", "reshape", p("shape", "[int]", variadic=True)),
    d("layer", "embedding", p("dimensions", "int")), d("layer", "lstm", p("units", "int")),
    d("layer", "bidirectional", p("layer", "layer()")),
]  # fmt: skip

NETWORKS = [
    d("loss", "cross_entropy", p("label_smoothing", "number", 0.0, ge=0, lt=1)), d("loss", "binary_cross_entropy"),
    d("loss", "non_saturating"), d("noise", "normal", p("dimensions", "int")),
    d("optimizer", "adam", Parameter("learning_rate", ParameterType("number"), 1e-3), p("beta1", "number", 0.9)),
    d(
        "optimizer", "adamw",
        Parameter("learning_rate", ParameterType("component", of="schedule"), "constant"), p("weight_decay", "number", 0.0),
    ),
    d("schedule", "cosine", p("start", "number"), p("warmup", "share", 0.0)),
    d("schedule", "constant", p("value", "number", 1e-3)), d("clip", "by_norm", p("norm", "number")),
    model(
        "neural_network", "classify regress", p("network", "network"), p("loss", "loss()", "cross_entropy"),
        p("optimizer", "optimizer()", "adam"), p("epochs", "int", 20), p("batch_size", "int", 64),
        p("gradient_clip", "clip()?", None), accepts=(*ALL, "image", "sequence", "text"), iterative=True,
    ),
    model(
        "gan", "generate", p("generator", "network"), p("discriminator", "network"), p("noise", "noise()"),
        p("loss", "loss()"), p("generator_optimizer", "optimizer()"), p("discriminator_optimizer", "optimizer()"),
        p("epochs", "int"), p("batch_size", "int"), accepts=("image",), iterative=True,
    ),
]  # fmt: skip

MODELS = [
    model("lambdamart", "rank", p("trees", "int", 100), p("leaves", "int", 31), p("learning_rate", "number", 0.1),
          p("truncation", "int", 30), iterative=True, missing="accepts"),
    d("weighting", "time_decay", p("half_life", "duration")), d("weighting", "inverse_user_frequency"),
    model(
        "matrix_factorization", "recommend", p("factors", "int"), p("feedback", "explicit|implicit(confidence)", "explicit"),
        p("weights", "weighting()?", None), p("regularization", "number", 0.1), p("iterations", "int", 10), accepts=(),
    ),
    model("item_neighbors", "recommend", p("k", "int"), p("similarity", "cosine|pearson", "cosine"),
          p("weights", "weighting()?", None), accepts=()),
    model("most_popular", "recommend", accepts=()),
]  # fmt: skip

METRICS = [
    metric("ndcg_at", "rank recommend", p("k", "int"), lowest=0, highest=1),
    metric("recall_at", "recommend", p("k", "int")), metric("map_at", "recommend", p("k", "int")),
    metric("catalog_coverage", "recommend", p("k", "int")), metric("mrr", "rank"), metric("map", "rank"),
    metric("frechet_distance", "generate", p("samples", "int"), better="lower"),
    metric("mode_coverage", "generate", p("samples", "int")),
]  # fmt: skip

REPORTS = [
    report("tuning_history"),
    report("partial_dependence", "", p("columns", "[column]", variadic=True)),
    report("leaderboard", "", p("test", "corrected_t|?", None), p("confidence", "share", 0.95)),
    report("misclassified", "classify", p("show", "int")), report("feature_maps"), report("sample_grid", "generate",
           p("rows", "int"), p("columns", "int")), report("mode_collapse", "generate"),
    report("anova", "regress", p("type", "int")),
    report("recommender_audit", "recommend"), report("per_query_scores", "rank", p("worst", "int")), report("elbow", "cluster"),
    report("silhouette_plot", "cluster"), report("scatter"), report("top_terms", "classify", p("per_class", "int")),
    report("gradient_norms"), report("scree_plot"),
]  # fmt: skip

TRANSFORMS = [
    transform("rescale", ("image", "continuous"), p("factor", "number"), p("offset", "number", 0.0), fitted=False),
    transform("random_crop", ("image",), p("padding", "int"), phase="train", fitted=False),
    transform("lowercase", ("text",), fitted=False), transform("remove_stop_words", ("text",), p("language", "english|german")),
    transform("stem", ("text",), p("language", "english|german"), fitted=False),
    transform("tokenize", ("text",), p("vocabulary", "int"), p("length", "int"), outputs=(Output("{column}", "sequence"),)),
    transform(
        "pca", ("continuous", "integer", "binary"), p("components", "int?", None), p("variance", "share?", None),
        outputs=(Output("pca_*", "continuous", "no", per="step"),),
    ),
    transform("date_parts", ("time",), outputs=(Output("{column}_month", "integer"), Output("{column}_weekday", "integer"))),
]  # fmt: skip

REST = [
    d("search", "grid", p("points", "int", 10), p("timeout", "duration?", None)),
    d("search", "random", p("trials", "int"), p("timeout", "duration?", None)),
    d("search", "halving", p("trials", "int"), p("reduction", "int", 3), p("resource", "rows|rounds", "rows")),
    d("exporter", "onnx", p("path", "text")),
    d("exporter", "recommendations", p("path", "text"), p("per_user", "int"), p("exclude_seen", "bool", True)),
    d("source", "sql", p("url", "secret"), p("query", "text")),
]

LATER = (*LAYERS, *NETWORKS, *MODELS, *METRICS, *REPORTS, *TRANSFORMS, *REST)

# What the examples ask of components that exist, in the shape that their catalogue entries promise.
FIRST = (
    d("source", "csv", p("path", "text"), p("delimiter", "text", ","), p("encoding", "text", "utf-8")),
    d("source", "parquet", p("path", "text")), d("source", "svmlight", p("path", "text")),
    d("function", "log", operands=(Operand("x", ("continuous", "integer")),), gives="continuous", missing="same"),
    d("function", "is_missing", operands=(Operand("x"),), gives="binary", missing="no"),
    d("function", "coalesce", operands=(Operand("x"), Operand("others")), variadic=True, gives="common", missing="all"),
    d("function", "if_else", operands=(Operand("condition", ("binary",)), Operand("yes"), Operand("no")), gives="common"),
    d("function", "lower", operands=(Operand("x", ("text", "categorical")),), gives="text"),
    d("function", "year", operands=(Operand("x", ("time",)),), gives="integer"),
    d("function", "image", operands=(
        Operand("columns", ("continuous", "integer"), columns=True), Operand("height", literal=ParameterType("int")),
        Operand("width", literal=ParameterType("int")),
    ), gives="image"),
    transform("impute", ALL, p("strategy", "mean|median|most_frequent|constant(value)", "median"),
              p("indicator", "bool", False), missing="fills",
              outputs=(Output("{column}", "same", "no"), Output("{column}_missing", "binary", "no", "indicator = true"))),
    transform("standardize", ("continuous", "integer"), p("per", "column?", None), missing="accepts", outputs=(Output("{column}", "continuous"),)),
    transform("one_hot", ("categorical", "binary", "ordinal"), p("min_count", "int", 1),
              outputs=(Output("{column}_*", "binary", "no"),)),
    transform(
        "tfidf", ("text",), p("ngrams", "range", (1, 1)), p("min_documents", "number", 1.0, gt=0), missing="fills",
        outputs=(Output("{column}_*", "continuous", "no", sparse="yes"),),
    ),
    transform("unit_norm", ("continuous", "integer"), fitted=False, sparse=True),
    transform("target_encode", ("categorical", "binary", "ordinal"), p("smoothing", "auto|:number", "auto"),
              uses_target=True, missing="fills", outputs=(
                  Output("{column}", "continuous", "no", only_if="target = one"),
                  Output("{column}_*", "continuous", "no", only_if="target = classes"),
              )),
    transform("drop", (), selects="drop", missing="accepts", fitted=False), transform("keep", (), selects="keep", missing="accepts", fitted=False),
    model("constant", "classify regress", p("strategy", "mean|median|quantile(q)|prior", "mean"), accepts=ALL,
          missing="accepts", sparse=True),
    model("voting", "classify regress", p("models", "[model]"), p("voting", "soft|hard", "soft"),
          p("weights", "[number]?", None), probabilities_if="voting = soft"),
    model("stacking", "classify regress", p("models", "[model]"), p("final", "model()"), p("folds", "int", 5, ge=2),
          p("passthrough", "bool", False)),
    model(
        "logistic_regression", "classify", p("l2", "number", 1.0, ge=0, simpler="larger", also_known_as=("C", "alpha")),
        p("solver", "newton|lbfgs|batch|stochastic", "newton"), p("memory", "int", 10, only_if="solver = lbfgs", ge=1),
        iterative=True, rounds="solver = batch, stochastic",
    ),
    model("multinomial_naive_bayes", "classify", p("smoothing", "number", 1.0, ge=0, simpler="larger"), sparse=True),
    model("ridge", "regress", p("l2", "number", 1.0, ge=0, simpler="larger")),
    model("ols", "regress", p("formula", "formula?", None),
          p("covariance", "classical|hc0|hc1|hc2|hc3|cluster(column)", "classical"),
          p("weights", "frequency|precision", "frequency"), p("confidence", "share", 0.95)),
    model(
        "cart", "classify regress", p("criterion", "auto|gini|entropy|squared_error|absolute_error", "auto"),
        p("max_depth", "int?", None, ge=1), p("min_samples_split", "int", 20, ge=2), p("min_samples_leaf", "int", 7, ge=1),
        p("surrogate_splits", "int", 5, ge=0), p("prune", "pruning()?", None), accepts=ALL, missing="accepts", costs=True,
    ),
    d("pruning", "cost_complexity", p("alpha", "auto|:number", 0.01, ge=0), p("folds", "int", 10, ge=0)),
    model(
        "random_forest", "classify regress", p("trees", "int", 100, ge=1), p("columns", "auto|sqrt|log2|third|all|:number", "auto", gt=0),
        p("max_depth", "int?", None, ge=1), p("min_samples_leaf", "number", 1.0, ge=1, simpler="larger"),
        p("bootstrap", "bool", True), accepts=ALL, missing="accepts", costs=True, also_known_as=("RandomForestClassifier",),
    ),
    model(
        "extra_trees", "classify regress", p("trees", "int", 100, ge=1), p("max_depth", "int?", None, ge=1),
        p("bootstrap", "bool", False), accepts=ALL, missing="accepts", costs=True, also_known_as=("ExtraTreesClassifier",),
    ),
    model("k_means", "cluster", p("clusters", "int", ge=1, simpler="smaller"), p("init", "k_means_plus_plus|random", "k_means_plus_plus"),
          p("restarts", "int", 1, ge=1), scale_sensitive=True),
    d("stop", "no_improvement", p("rounds", "int?", None, ge=1), p("epochs", "int?", None, ge=1), p("tolerance", "number", 0.0)),
    model("nonlinear_regression", "regress", p("formula", "arithmetic"), p("start", "numbers"),
          p("bounds", "ranges?", None), accepts=("continuous", "integer")),
    metric("accuracy", "classify", lowest=0, highest=1), metric("balanced_accuracy", "classify", lowest=0, highest=1),
    metric("roc_auc", "classify", lowest=0, highest=1, needs=("scores",)),
    metric("expected_cost", "classify", p("costs", "costs"), better="lower", lowest=0),
    metric("f1", "classify", p("positive", "label?", None), p("average", "macro|micro|weighted?", None), lowest=0, highest=1),
    metric("precision", "classify", p("positive", "label?", None), lowest=0, highest=1),
    metric("recall", "classify", p("positive", "label?", None), lowest=0, highest=1),
    metric("log_loss", "classify", better="lower", lowest=0, needs=("probabilities",)),
    metric("calibration_error", "classify", better="lower", needs=("probabilities",)),
    metric("top_k_accuracy", "classify", p("k", "int")), metric("rmse", "regress", better="lower", lowest=0),
    metric("mae", "regress", better="lower", lowest=0), metric("r2", "regress", highest=1),
    metric("silhouette", "cluster", lowest=-1, highest=1, needs=("inputs",)), metric("inertia", "cluster", better="lower"),
    metric("davies_bouldin", "cluster", better="lower"), metric("adjusted_rand", "cluster", p("labels", "column")),
    report("training_curve"), report("confusion_matrix", "classify"), report("roc_curve", "classify"),
    report("coefficients", "", p("confidence", "share", 0.95)), report("residual_plots", "regress"),
    report("vif", "classify regress", p("warn_above", "number", 10.0, ge=1)),
    report("normality", "regress", p("test", "jarque_bera|shapiro|anderson_darling|lilliefors", "jarque_bera"),
           p("rows", "held_out|train", "train")),
    report("feature_importance", "classify regress rank", p("method", "permutation|gain|shap", "permutation"),
           p("repeats", "int", 10, ge=2, only_if="method = permutation")),
    report("tree_diagram", "classify regress rank", p("max_depth", "int", 3, ge=1), p("tree", "int", 0, ge=0),
           p("surrogates", "bool", True)),
    report("cluster_profiles", "cluster"), d("exporter", "artifact", p("path", "text"), p("model", "model", "best")),
    d("exporter", "predictions", p("path", "text")),
    model("svm", "classify", p("kernel", "kernel()", "rbf"), p("c", "number", 1.0, gt=0), p("class_weights", WEIGHTS, None),
          scale_sensitive=True, margins=True),
    d("kernel", "rbf", p("gamma", "scale|auto|:number", "scale", gt=0)), d("kernel", "linear"),
    d("loss", "squared_error"),
    model(
        "gradient_boosting", "classify regress", p("loss", "loss()?", None),
        p("trees", "int", 100, also_known_as=("n_estimators",)), p("learning_rate", "number", 0.1, gt=0, le=1),
        p("leaves", "int", 31, ge=2, simpler="smaller"),
        p("min_samples_leaf", "number", 20.0, gt=0, simpler="larger"), p("row_sample", "share", 1.0, gt=0),
        p("monotone", "directions?", None), accepts=ALL, missing="accepts", iterative=True,
    ),
)  # fmt: skip


def stand_ins(*more: Declaration) -> Registry:
    """Only declarations of this file: tests of checking do not depend on what is installed."""
    return registry(*FIRST, *LATER, *more)


def installed_and_later() -> Registry:
    """What is installed, and what later work adds."""
    return registry(*LATER, base=Registry.load())
