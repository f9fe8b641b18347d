"""Textbook layers as people write them, in several styles: what a gradient checker is measured on.

Nothing here is taken from the package or uses it. A file has one style, or a part of one.
"""
