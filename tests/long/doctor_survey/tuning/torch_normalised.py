import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(20)
batch = torch.tensor(make_synthetic_digits(50, seed=23).images / 255).float().reshape(-1, 784)


class VAE(nn.Module):
    def __init__(self, latents=8):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(784, 100), nn.BatchNorm1d(100), nn.ReLU())
        self.mu = nn.Sequential(nn.Linear(100, latents), nn.BatchNorm1d(latents))
        self.logvar = nn.Sequential(nn.Linear(100, latents), nn.BatchNorm1d(latents))
        self.decoder = nn.Sequential(
            nn.Linear(latents, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Linear(100, 784)
        )

    def encode(self, x):
        h = self.hidden(x)
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z):
        return self.decoder(z)

    def loss_function(self, recon_x, x, mu, logvar):
        bce = F.binary_cross_entropy_with_logits(recon_x, x, reduction="sum")
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return bce + kld


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def train_step(x):
    model.train()
    mu, logvar = model.encode(x)
    loss = model.loss_function(model.decode(model.reparameterize(mu, logvar)), x, mu, logvar)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": batch,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decode,
        "decoder_gives": "logits",
        "train_step": train_step,
        "loss": lambda x, output, mu, logvar: model.loss_function(output, x, mu, logvar),
        "parameters": model,
        "likelihood": "bernoulli",
    }
