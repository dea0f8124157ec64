"""Searches: which settings of `$params` to try."""
