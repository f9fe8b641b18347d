"""Kernels that are a pass or two over memory."""
