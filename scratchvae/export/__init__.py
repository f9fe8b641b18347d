"""Models for other programs: their weights, and their encoder and decoder.

``model.export(kind, path)`` writes them; ``pytorch_source(model)`` is the text of the PyTorch
networks that the weights belong to.
"""

from scratchvae.export.files import KINDS, export_model, pytorch_source

__all__ = ["KINDS", "export_model", "pytorch_source"]
