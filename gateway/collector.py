"""Python's garbage collector, set for a server whose syntax trees are full of cycles."""

from __future__ import annotations

import atexit
import gc


def calm_collector() -> None:
    """Take what start-up made out of the collector's sight and let it look less often.

    A full collection walks everything that was ever imported, some tens of milliseconds in which no poll is answered;
    with the start-up's objects frozen it walks what statements left, and there is little of that. Syntax trees refer to
    their parents, so only the collector frees them: at Python's own threshold of 700 objects it runs several times for
    one plan. Call it when everything is set up.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # libraries count what is still there at the end, and complain about it
    gc.set_threshold(20_000, 20, 50)
