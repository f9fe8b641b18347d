import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(109)
X = torch.tensor(make_synthetic_digits(40, seed=60).images[..., 0] / 255.0).float()


class VAE(nn.Module):
    def __init__(self, latent=5, hidden=64):
        super().__init__()
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.from_latent = nn.Linear(latent, hidden)
        self.template = nn.Parameter(torch.randn(hidden))
        self.to_pixels = nn.Linear(hidden, 784)

    def encode(self, x):
        h = self.enc(x)
        return self.mean(h), self.log_variance(h)

    def draw(self, mean, log_variance):
        return torch.distributions.Normal(mean, torch.exp(log_variance / 2)).rsample()

    def decode(self, z):
        h = self.from_latent(z)
        h = self.template.expand_as(h)
        return torch.sigmoid(self.to_pixels(torch.relu(h))).view(-1, 28, 28)

    def loss(self, x, p, mean, log_variance):
        ce = nn.functional.binary_cross_entropy(p, x, reduction="sum")
        kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum()
        return (ce + kl) / len(x)


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)


def train_step(x):
    mean, log_variance = vae.encode(x)
    value = vae.loss(x, vae.decode(vae.draw(mean, log_variance)), mean, log_variance)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.item()


def description():
    return {
        "data": X,
        "encode": vae.encode,
        "draw": vae.draw,
        "decode": vae.decode,
        "loss": vae.loss,
        "train_step": train_step,
        "parameters": vae,
        "likelihood": "bernoulli",
    }
