import torch
import torch.nn.functional as F
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(3)
x_train = torch.tensor(make_synthetic_digits(24, seed=5).images).permute(0, 3, 1, 2).float() / 255


class ConvVAE(nn.Module):
    def __init__(self, z_dim=6):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 4, 2, 1)
        self.conv2 = nn.Conv2d(8, 16, 4, 2, 1)
        self.mu = nn.Linear(16 * 7 * 7, z_dim)
        self.logvar = nn.Linear(16 * 7 * 7, z_dim)
        self.fc = nn.Linear(z_dim, 16 * 7 * 7)
        self.up1 = nn.ConvTranspose2d(16, 8, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(8, 1, 4, 2, 1)

    def encode(self, x):
        h = F.relu(self.conv2(F.relu(self.conv1(x)))).flatten(1)
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(logvar / 2)

    def decode(self, z):
        h = F.relu(self.fc(z)).view(-1, 16, 7, 7)
        return torch.sigmoid(self.up2(F.relu(self.up1(h))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return {"x": self.decode(self.reparameterize(mu, logvar)), "mu": mu, "logvar": logvar}


def loss_function(x, recon, mu, logvar):
    rec = F.binary_cross_entropy(recon, x, reduction="sum") / x.size(0)
    kld = -torch.sum(1 + logvar - mu**2 - logvar.exp()) / x.size(0)
    return {"loss": rec + kld, "reconstruction": rec, "kl": kld}


vae = ConvVAE()
adam = torch.optim.Adam(vae.parameters(), lr=2e-3)


def train_step(batch):
    out = vae(batch)
    losses = loss_function(batch, out["x"], out["mu"], out["logvar"])
    adam.zero_grad()
    losses["loss"].backward()
    adam.step()
    return losses["loss"].item()


def description():
    return {
        "data": x_train,
        "encode": vae.encode,
        "draw": vae.reparameterize,
        "decode": vae.decode,
        "loss": loss_function,
        "train_step": train_step,
        "parameters": vae,
        "likelihood": "bernoulli",
    }
