import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(205)
data = torch.tensor(make_synthetic_digits(64, seed=85).images / 255.0).float().flatten(1)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.1)
        )
        self.mean, self.log_variance = nn.Linear(64, 6), nn.Linear(64, 6)
        self.decoder = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 784), nn.Sigmoid())

    def encode(self, x):
        h = self.encoder(x)
        return self.mean(h), self.log_variance(h)

    def reparameterize(self, mean, log_variance):
        return mean + (log_variance / 2).exp() * torch.randn_like(mean)

    def decode(self, z):
        return self.decoder(z)

    def loss(self, x, y, mean, log_variance):
        bce = F.binary_cross_entropy(y, x, reduction="sum") / len(x)
        kl = (mean**2 + log_variance.exp() - log_variance - 1).sum(1).mean() / 2
        return bce + kl


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)


def train_step(x):
    vae.train()
    mean, log_variance = vae.encode(x)
    loss = vae.loss(x, vae.decode(vae.reparameterize(mean, log_variance)), mean, log_variance)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def validate(x, y, mean, log_variance):
    vae.eval()
    with torch.no_grad():
        return vae.loss(x, y, mean, log_variance).item()


def description():
    return {
        "data": data,
        "encode": vae.encode,
        "draw": vae.reparameterize,
        "decode": vae.decode,
        "loss": vae.loss,
        "validation_loss": validate,
        "train_step": train_step,
        "parameters": vae,
        "likelihood": "bernoulli",
    }
