import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(108)
train_x = torch.tensor(make_synthetic_digits(48, seed=59).images / 255.0).float().flatten(1)


class VAE(nn.Module):
    def __init__(self, z_size=5):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 64), nn.BatchNorm1d(64), nn.ReLU())
        self.mu, self.logvar = nn.Linear(64, z_size), nn.Linear(64, z_size)
        self.decoder = nn.Sequential(
            nn.Linear(z_size, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 784)
        )

    def encode(self, x):
        h = self.encoder(x)
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decoder(self.reparameterize(mu, logvar)), mu, logvar


def criterion(x, logits, mu, logvar):
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return (bce - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())) / len(x)


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def train_step(x):
    model.train()
    loss = criterion(x, *model(x))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def loss(x):
    return criterion(x, *model(x))


def evaluate(x):
    model.train()
    with torch.no_grad():
        return criterion(x, *model(x)).item()


def description():
    return {
        "data": train_x,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decoder,
        "decoder_gives": "logits",
        "loss": loss,
        "validation_loss": evaluate,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
