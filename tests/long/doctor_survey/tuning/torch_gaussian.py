import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(8)
frames = torch.tensor(make_synthetic_digits(50, seed=31).images / 255.0).float().flatten(1)
VARIANCE = 0.1


class GaussianVAE(nn.Module):
    def __init__(self, n_hidden=96, n_latent=4):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(784, n_hidden), nn.ELU())
        self.heads = nn.Linear(n_hidden, 2 * n_latent)
        self.generator = nn.Sequential(
            nn.Linear(n_latent, n_hidden), nn.ELU(), nn.Linear(n_hidden, 784)
        )

    def encode(self, x):
        mu, logvar = torch.chunk(self.heads(self.body(x)), 2, dim=-1)
        return mu, logvar

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z):
        return self.generator(z)

    def loss(self, x, recon, mu, logvar):
        rec = ((x - recon) ** 2).sum(1) / (2 * VARIANCE)
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.pow(2), dim=1)
        return (rec + kl).mean()

    def training_step(self, batch):
        mu, logvar = self.encode(batch)
        return self.loss(batch, self.decode(self.reparameterize(mu, logvar)), mu, logvar)


model = GaussianVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def train_step(x):
    loss = model.training_step(x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": frames,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decode,
        "decoder_gives": "means",
        "loss": model.loss,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "gaussian",
        "variance": VARIANCE,
    }
