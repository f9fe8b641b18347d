import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(12)
data = torch.tensor(make_synthetic_digits(56, seed=20).images.reshape(56, 784) / 255).float()


class VariationalAutoencoder(nn.Module):
    def __init__(self, hidden=90, latent=6):
        super().__init__()
        self.linear1 = nn.Linear(784, hidden)
        self.linear2 = nn.Linear(hidden, latent)
        self.linear3 = nn.Linear(hidden, latent)
        self.linear4 = nn.Linear(latent, hidden)
        self.linear5 = nn.Linear(hidden, 784)

    def encode(self, x):
        h = F.relu(self.linear1(x))
        return self.linear2(h), self.linear3(h)

    def sample(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(logvar)

    def decode(self, z):
        return torch.sigmoid(self.linear5(F.relu(self.linear4(z))))


def terms(x, x_hat, mu, logvar):
    reconstruction = F.binary_cross_entropy(x_hat, x, reduction="sum") / len(x)
    with torch.no_grad():
        kl = 0.5 * (mu**2 + logvar.exp() - logvar - 1).sum() / len(x)
    return reconstruction + kl, reconstruction, kl


vae = VariationalAutoencoder()
opt = torch.optim.Adam(vae.parameters(), lr=2e-3)


def train_step(x):
    mu, logvar = vae.encode(x)
    loss, _, _ = terms(x, vae.decode(vae.sample(mu, logvar)), mu, logvar)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()


def description():
    return {
        "data": data,
        "encode": vae.encode,
        "draw": vae.sample,
        "decode": vae.decode,
        "loss": terms,
        "train_step": train_step,
        "parameters": vae,
        "likelihood": "bernoulli",
    }
