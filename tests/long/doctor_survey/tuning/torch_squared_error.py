import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(200)
x_train = torch.tensor(make_synthetic_digits(40, seed=81).images / 255.0).float().flatten(1)


class VAE(nn.Module):
    """The squared error without a half is a Gaussian of variance a half, and said to be."""

    def __init__(self, hidden=64, latent=6):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(784, hidden), nn.ReLU())
        self.fc_mu, self.fc_logvar = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.dec = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, 784))

    def encode(self, x):
        h = self.enc(x)
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(logvar)

    def decode(self, z):
        return self.dec(z)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    mse = nn.functional.mse_loss(recon_x, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return mse + kld


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def train_step(x):
    optimizer.zero_grad()
    recon, mu, logvar = model(x)
    loss = loss_function(recon, x, mu, logvar)
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": x_train,
        "encode": model.encode,
        "draw": model.reparameterize,
        "loss": lambda x, reconstruction, mean, s: loss_function(reconstruction, x, mean, s),
        "decode": model.decode,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "gaussian",
        "variance": 0.5,
    }
