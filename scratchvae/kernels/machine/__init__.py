"""How kernels are compiled, shared among threads, and given vectors and memory."""
