"""What the kit says: findings, and the list of all checks with the promise that each stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

CHECKS: Final[Mapping[str, str]] = {
    "declaration": "the declaration can be read, and every parameter is typed, bounded and documented",
    "documentation": "there is a summary, and for what computes a text that says more",
    "units": "the documentation says which units go in and out (metrics: which range)",
    "sources": "models and metrics name where they come from",
    "example": "a Spec can be made: by defaults alone, or `example` is given",
    "bounds": "values out of bounds, of another type or of no enum are refused with the code that says so",
    "exceptions": "exceptions name checks of this list and give a reason",
    "answers": "what comes out has the right shape and range, one answer a row, all finite",
    "weight_0": "rows of weight 0 are absent: other finite values in them change no bit",
    "weight_2": "a row of weight 2 is the row twice, to rounding",
    "costs": "twice the cost of a row is twice its weight in the loss, to rounding (models that declare `costs`)",
    "in_batches": "what `count`, `add` and `learn` make of two parts of the rows is the fit of all",
    "capacity": "a step that changes rows gives as many as it declares, however many count",
    "row_order": "the order of rows does not matter, to rounding",
    "padding": "more rows of weight 0 change nothing, to rounding",
    "active": "columns that are not active change no bit, whatever they hold",
    "rows_apart": "the answer for a row does not depend on the other rows that are asked for",
    "compiles_once": "equal shapes and equal Specs use one compiled program, and traced values do not compile again",
    "pure": "nothing but the arguments matters: no clock, no global state, no callback, and equal keys give equal bits",
    "dtype": "float32 stays float32 and float64 stays float64, and no result is weakly typed",
    "artifact": "what was learned survives files without pickle, bit for bit, and answers the same",
    "batched": "mapping over weights and traced hyperparameters equals the loop, to rounding",
    "no_copies": "mapped over weights, the inputs are not copied per fold (components that declare `batches`)",
    "shards": "rows spread over two devices give the same, to rounding (components that declare `shards`)",
    "prepared": "`apply_prepared` does to new rows what `prepare` did to the old",
    "so_far": "what a loop's state says of its rows is what its params predict of them, to rounding",
    "cut": "a state that is cut to fewer updates is finished as it was after these",
    "resume": "a loop that is taken up from what it learned goes on as it would have, to rounding",
    "one_row": "a single row is learned from without a crash or NaN, or refused by `check`",
    "constant_column": "a constant column does no harm",
    "constant_target": "a constant target does no harm",
    "one_class": "a target of one class does no harm",
    "wide": "more columns than rows do no harm, or are refused by `check`",
    "missing_values": "NaN is learned from and answered for (components that accept or fill missing values)",
    "unseen_level": "a level that training has not seen is answered for",
    "unseen_user": "a user or item that training has not seen is answered for",
    "sparse": "a sparse matrix teaches and is answered what the same dense one is, to rounding (if it takes `Sparse`)",
    "top_k": "`top_k` gives the items that `score` puts first, best first, without those already seen",
    "names": "as many columns are named as come out",
    "replicates": "a metric mapped over weights, with `prepare` done once, equals the metric of each",
    "host": "`prepare` on the host and inside a program agree",
    "range": "a metric stays between its lowest and highest value",
    "direction": "a perfect prediction scores best",
    "degenerate": "no rows, one row, one class, a constant: a number or NaN, never a crash",
    "deterministic": "called twice it gives the same",
    "in_domain": "what a search proposes lies in the domains, and is of their types",
    "goes_on": "a search that was interrupted goes on from its trials",
    "total": "a search ends, after as many trials as it says",
    "one_setting": "a space of a single setting is searched too",
}


@attrs.frozen
class Finding:
    """Something wrong: the component (`kind.name`), the check (see `CHECKS`), and what was found."""

    component: str
    check: str
    message: str


@attrs.frozen(eq=False)
class Case:
    """One check of one component. `run()` gives messages of what is wrong; `id` names it in a test report."""

    id: str
    check: str
    run: Callable[[], list[str]]

    def __call__(self) -> None:
        """Raise AssertionError with everything that is wrong."""
        messages = self.run()
        assert not messages, "\n".join(messages)


def guarded(check: Callable[..., Iterator[str]], *args: Any) -> Callable[[], list[str]]:
    """The check as a function of nothing; an exception in the component becomes a message."""

    def run() -> list[str]:
        found: list[str] = []
        try:
            found.extend(check(*args))
        except Exception as error:
            text = " ".join(str(error).split())
            found.append(f"it raised {type(error).__name__}: {text[:300]}{' ...' if len(text) > 300 else ''}")
        return found

    return run
