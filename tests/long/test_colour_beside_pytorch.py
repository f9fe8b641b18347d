"""A colour model beside PyTorch's same: bits per dimension on the pictures that scikit-learn ships.

The two photographs are cut into overlapping squares of 32 × 32, those for the test from columns of
their own. PyTorch begins at our weights, and its loss is written down by itself, with its own
autograd, Adam, order of images and noise: only the model is the same.
"""

import math

import numpy as np
import pytest

import scratchvae
from scratchvae.evaluation.bits import bits_per_dimension
from scratchvae.export import pytorch_source

torch = pytest.importorskip("torch")
softplus = torch.nn.functional.softplus
datasets = pytest.importorskip("sklearn.datasets")

SHAPE, EPOCHS, BATCH, LEARNING_RATE = (32, 32, 3), 8, 100, 1e-3


def squares(photographs, columns):
    """Return squares of 32 pixels, eight apart, of the given columns of each photograph."""
    cut = []
    for photograph in photographs:
        part = photograph[:, columns]
        windows = np.lib.stride_tricks.sliding_window_view(part, SHAPE, axis=(0, 1, 2))
        cut.append(windows[::8, ::8, 0].reshape(-1, *SHAPE))
    return np.concatenate(cut)


def negative_log_likelihood(x, decoded):
    """Return −log P(x | z) of discretised logistics, (N,), as a difference of two sigmoids."""
    mean, raw = decoded.double().chunk(2, dim=1)  # a difference far from the mean needs the digits
    least = -7 - math.log(2)  # −7 for pixels from −1 to 1
    scale = torch.exp(least + softplus(raw - least))
    below = torch.sigmoid((x - 1 / 510 - mean) / scale).where(x > 0, 0.0)
    above = torch.sigmoid((x + 1 / 510 - mean) / scale).where(x < 1, 1.0)
    return -torch.log((above - below).clamp(min=1e-12)).sum(dim=(1, 2, 3))


class InPyTorch:
    """The model's networks in PyTorch, with a bound and a training of their own."""

    def __init__(self, model, file):
        names = {}
        exec(pytorch_source(model), names)
        model.export("torch", file)
        self.networks = names["networks"]
        self.networks.load_state_dict(torch.load(file, weights_only=True))
        self.networks.eval()
        self.generator = torch.Generator().manual_seed(0)

    def loss(self, x):
        """Return −ELBO of each image, (N,), with one draw."""
        mean, log_variance = self.networks["encoder"](x).chunk(2, dim=1)
        noise = torch.randn(mean.shape, generator=self.generator)
        decoded = self.networks["decoder"](mean + torch.exp(0.5 * log_variance) * noise)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
        return negative_log_likelihood(x, decoded) + kl

    def train(self, images, epochs):
        """Train with Adam, the images in a new order each epoch, ever more slowly."""
        optimiser = torch.optim.Adam(self.networks.parameters(), lr=LEARNING_RATE)
        steps = epochs * math.ceil(len(images) / BATCH)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        self.networks.train()
        for _ in range(epochs):
            order = torch.randperm(len(images), generator=self.generator)
            for batch in order.split(BATCH):
                optimiser.zero_grad()
                self.loss(images[batch]).mean().backward()
                optimiser.step()
                schedule.step()
        self.networks.eval()

    def evaluation(self, images):
        """Return the bound in bits per dimension."""
        with torch.no_grad():
            nats = torch.cat([self.loss(part) for part in images.split(500)]).mean()
        return float(bits_per_dimension(float(nats), SHAPE))


def channels_first(images):
    return torch.tensor(images.transpose(0, 3, 1, 2) / np.float32(255))


def test_both_reach_the_same_bits_per_dimension(tmp_path):
    photographs = datasets.load_sample_images().images
    train, test = (squares(photographs, part) for part in (slice(0, 480), slice(480, None)))
    model = scratchvae.build(
        "zhao-cnn", image_shape=SHAPE, likelihood="discretised-logistic", latent_dim=32, seed=0
    )
    rival = InPyTorch(model, tmp_path / "weights")

    def ours():
        return float(bits_per_dimension(-np.mean(model.elbo(test)), SHAPE))

    in_torch = channels_first(test)
    # Both begin at one model, batch norm's averages included: only the noise differs, by 0.002.
    assert rival.evaluation(in_torch) == pytest.approx(ours(), abs=0.01)
    settings = {"batch_size": BATCH, "learning_rate": LEARNING_RATE, "schedule": "cosine"}
    model.fit(train, epochs=EPOCHS, seed=0, **settings)
    rival.train(channels_first(train), EPOCHS)
    found = ours(), rival.evaluation(in_torch)
    print(f"bits per dimension: ours {found[0]:.3f}, PyTorch's {found[1]:.3f}")
    assert max(found) < 5.5  # eight bits say nothing
    # Two of our trainings that differ in their seeds alone ended at 5.19 and 5.22.
    assert found[0] == pytest.approx(found[1], abs=0.1)
