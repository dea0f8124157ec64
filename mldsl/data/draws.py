"""Random numbers for rows, from a seed and a path: the same on every machine and in every version of NumPy.

Only raw 64-bit output of the Philox generator is used, which NumPy keeps stable (its distributions it does not), and
draws are sorted instead of shuffled: a row's draw does not depend on how many rows follow it.
"""

from __future__ import annotations

import hashlib

import numpy as np


def draws(seed: int, path: str, n: int) -> np.ndarray:
    """UInt64[n], uniform; `path` such as `split/test` names what they are for, so that uses do not affect each other.

    Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", doi:10.1145/2063384.2063405 (Philox).
    """
    digest = hashlib.sha256(f"{seed}/{path}".encode()).digest()
    return np.asarray(np.random.Philox(key=int.from_bytes(digest[:16], "little")).random_raw(n))
