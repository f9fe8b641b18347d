import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits


class LitVAE(nn.Module):
    """A module with the hooks of a trainer: training_step and configure_optimizers."""

    def __init__(self, hidden=80, latent_dim=8, lr=1e-3):
        super().__init__()
        self.lr = lr
        self.encoder = nn.Sequential(nn.Linear(784, hidden), nn.ReLU())
        self.mu_layer = nn.Linear(hidden, latent_dim)
        self.logvar_layer = nn.Linear(hidden, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, hidden), nn.ReLU(), nn.Linear(hidden, 784), nn.Sigmoid()
        )

    def encode(self, x):
        h = self.encoder(x)
        return self.mu_layer(h), self.logvar_layer(h)

    def reparameterize(self, mu, logvar):
        sigma = logvar.exp()
        return torch.normal(0, 1, size=mu.shape) * sigma + mu

    def decode(self, z):
        return self.decoder(z)

    def loss_function(self, x, x_hat, mu, logvar):
        rec = F.binary_cross_entropy(x_hat, x, reduction="none").sum(-1)
        kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(-1)
        return (rec + kl).mean()

    def training_step(self, batch, batch_idx):
        mu, logvar = self.encode(batch)
        x_hat = self.decode(self.reparameterize(mu, logvar))
        return self.loss_function(batch, x_hat, mu, logvar)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)


torch.manual_seed(100)
train_set = torch.tensor(make_synthetic_digits(64, seed=41).images / 255.0).float().flatten(1)
model = LitVAE()
optimizer = model.configure_optimizers()


def train_step(x):
    optimizer.zero_grad()
    loss = model.training_step(x, 0)
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": train_set,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decode,
        "loss": model.loss_function,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
