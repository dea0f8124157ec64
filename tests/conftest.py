"""How JAX is set up in every test, as the engine sets it up: two logical devices, no implicit broadcast between ranks.

By environment variables, so that tests without JAX do not import it.
"""

import os

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
