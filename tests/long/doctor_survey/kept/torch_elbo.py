import math

import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(102)
xs = torch.tensor(make_synthetic_digits(40, seed=47).images[:, ::2, ::2, 0] / 255.0)
xs = xs.float().reshape(-1, 196)
VARIANCE = 0.05


class Gaussian(nn.Module):
    def __init__(self, width=50, z=4):
        super().__init__()
        self.a, self.b = nn.Linear(196, width), nn.Linear(width, 2 * z)
        self.c, self.d = nn.Linear(z, width), nn.Linear(width, 196)

    def encode(self, x):
        mean, log_variance = self.b(torch.tanh(self.a(x))).chunk(2, dim=1)
        return mean, log_variance

    def sample(self, mean, log_variance):
        return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)

    def decode(self, z):
        return torch.sigmoid(self.d(torch.tanh(self.c(z))))


def elbo(x, decoded, mean, log_variance):
    squares = (x - decoded).square() / VARIANCE + math.log(2 * math.pi * VARIANCE)
    log_likelihood = -0.5 * squares.sum(1)
    kl = 0.5 * torch.sum(1 + log_variance - mean**2 - log_variance.exp(), dim=1)
    return (log_likelihood - kl).mean()


model = Gaussian()
adam = torch.optim.Adam(model.parameters(), lr=2e-3)


def loss(x, decoded, mean, log_variance):
    return -elbo(x, decoded, mean, log_variance)


def train_step(x):
    mean, log_variance = model.encode(x)
    value = loss(x, model.decode(model.sample(mean, log_variance)), mean, log_variance)
    adam.zero_grad()
    value.backward()
    adam.step()
    return value.item()


def description():
    return {
        "data": xs,
        "encode": model.encode,
        "draw": model.sample,
        "decode": model.decode,
        "decoder_gives": "means",
        "loss": loss,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "gaussian",
        "variance": VARIANCE,
    }
