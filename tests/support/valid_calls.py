"""One valid call of every public function, class and method: what wrong arguments start from.

A call is a function that makes what is called and its arguments by name, anew each time.
"""

import calls_of_layers
import calls_of_models
import calls_of_plots
import calls_of_training
from call_table import CALLS

__all__ = ["CALLS", "calls_of_layers", "calls_of_models", "calls_of_plots", "calls_of_training"]
