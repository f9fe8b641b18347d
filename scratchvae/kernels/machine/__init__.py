"""How kernels are compiled, run on threads, and given vectors and memory."""
