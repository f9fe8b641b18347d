"""What the linear autoencoder learns is principal component analysis."""

import numpy as np
import pytest

import scratchvae
from scratchvae.data.synthetic import make_synthetic_digits


# After the sixth component there is a gap in the variances (a ratio of 1.5), so that the space of
# the first six is well defined; after the second there is none (1.04).
@pytest.mark.parametrize("latent_dim", [6])
def test_it_finds_the_principal_components(latent_dim):
    images = make_synthetic_digits(6_000, seed=1).images
    model = scratchvae.build("linear-autoencoder", latent_dim=latent_dim)
    model.fit(images, epochs=100, progress=False)

    x = images.reshape(len(images), -1) / 255
    covariance = np.cov(x.T, bias=True)
    variances, directions = np.linalg.eigh(covariance)
    optimum = 0.5 * variances[:-latent_dim].sum()
    assert model.evaluate(images).reconstruction <= 1.01 * optimum
    assert model.evaluate(images).reconstruction >= (1 - 1e-5) * optimum  # float32

    components = directions[:, -latent_dim:]
    learned, _ = np.linalg.qr(model.parameters["decoder.0.weight"].value.T.astype(np.float64))
    cosines = np.linalg.svd(learned.T @ components, compute_uv=False)
    largest_angle = np.degrees(np.arccos(np.clip(cosines.min(), 0, 1)))
    assert largest_angle < 5
