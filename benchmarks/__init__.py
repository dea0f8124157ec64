"""Ours and the peer's, side by side on the same machine; `python -m benchmarks` runs them all.

One file per benchmark. Each defines `benchmark()`, which gives a `Fit` or a `Process` of `benchmarks.harness`.
"""
