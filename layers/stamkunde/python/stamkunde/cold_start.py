"""Import this before anything else of ours: while modules load, there is nothing to collect.

Without the collector's walks a cold start is about a tenth shorter; what has been loaded then is left out of them
for good.
"""

import gc

gc.disable()


def is_over() -> None:
    """Let the collector work again, on what the invocations make."""
    gc.freeze()
    gc.enable()
