import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(214)
x = torch.tensor(make_synthetic_digits(50, seed=94).images / 255.0).float().flatten(1)


class VAE(nn.Module):
    def __init__(self, warm_up=10):
        super().__init__()
        self.epoch, self.warm_up = 1, warm_up
        self.encoder = nn.Sequential(nn.Linear(784, 70), nn.ReLU(), nn.Linear(70, 12))
        self.decoder = nn.Sequential(nn.Linear(6, 70), nn.ReLU(), nn.Linear(70, 784), nn.Sigmoid())

    @property
    def beta(self):
        return min(1.0, self.epoch / self.warm_up)

    def encode(self, x):
        return self.encoder(x)[:, :6], self.encoder(x)[:, 6:]

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)

    def decode(self, z):
        return self.decoder(z)

    def loss_function(self, x, recon, mu, logvar):
        bce = F.binary_cross_entropy(recon, x, reduction="sum") / len(x)
        kld = 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1) / len(x)
        return bce + self.beta * kld, bce, kld


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def train_step(x):
    mu, logvar = model.encode(x)
    recon = model.decode(model.reparameterize(mu, logvar))
    loss, _, _ = model.loss_function(x, recon, mu, logvar)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": x,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decode,
        "loss": model.loss_function,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
        "beta": 0.1,
    }
