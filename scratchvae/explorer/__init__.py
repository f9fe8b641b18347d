"""The latent explorer: a model's decoder in one HTML file, which any browser opens.

``write(model, "explorer.html", images, labels)`` writes it, and so does ``scratchvae explore DIR``.
The file has the decoder's weights, the test images' latents and the images themselves. It needs no
server, no Python and no network; ``page(...)`` is its text, for a page of your own.

The browser's side is in ``decoder.js``, the layers with their names in Python, ``plane.js``, the
plane of two latents, ``explorer.js``, what follows the point, and ``controls.js``, what a reader
does.
"""

from scratchvae.explorer.page import page, write

__all__ = ["page", "write"]
