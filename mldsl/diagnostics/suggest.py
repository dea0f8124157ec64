"""Did you mean: the one of some names that somebody may have wanted to write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CUTOFF = 0.6


def did_you_mean(word: str, candidates: Iterable[str], also_known_as: Mapping[str, str] | None = None) -> str | None:
    """The nearest candidate, or None.

    `also_known_as` maps other tools' names to ours (`n_estimators` to `trees`) and wins over likeness; a difference
    in case alone wins over other likenesses. Likeness is `difflib`'s ratio, at least 0.6.
    """
    aliases = dict(also_known_as or {})
    if word in aliases:
        return aliases[word]
    names = list(candidates)
    for name in names:
        if name.lower() == word.lower():
            return name
    from difflib import get_close_matches

    nearest = get_close_matches(word.lower(), [*map(str.lower, [*names, *aliases])], n=1, cutoff=CUTOFF)
    if not nearest:
        return None
    found = next(name for name in [*names, *aliases] if name.lower() == nearest[0])
    return aliases.get(found, found) if found not in names else found
