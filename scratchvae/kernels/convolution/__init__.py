"""Convolutions on the register tile."""
