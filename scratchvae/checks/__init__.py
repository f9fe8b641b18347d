"""Whether the code is right: gradients, distributions, bounds, optimisers, and usual bugs."""
