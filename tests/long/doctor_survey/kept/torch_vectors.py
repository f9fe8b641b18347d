import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(104)
centres = torch.randn(5, 12) * 2
points = centres[torch.arange(75) % 5] + 0.3 * torch.randn(75, 12)


class TabularVAE(nn.Module):
    def __init__(self, n_features=12, n_latent=3, width=32):
        super().__init__()
        self.encode_net = nn.Sequential(nn.Linear(n_features, width), nn.Tanh())
        self.mean = nn.Linear(width, n_latent)
        self.log_variance = nn.Linear(width, n_latent)
        self.decode_net = nn.Sequential(
            nn.Linear(n_latent, width), nn.Tanh(), nn.Linear(width, n_features)
        )

    def encode(self, x):
        h = self.encode_net(x)
        return self.mean(h), self.log_variance(h)

    def reparameterise(self, mean, log_variance):
        return mean + torch.exp(log_variance / 2) * torch.randn_like(mean)

    def decode(self, z):
        return self.decode_net(z)

    def loss_function(self, x, x_hat, mean, log_variance):
        reconstruction = F.l1_loss(x_hat, x, reduction="sum") / len(x)
        kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum() / len(x)
        return {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


vae = TabularVAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=5e-3)


def train_step(x):
    mean, log_variance = vae.encode(x)
    out = vae.decode(vae.reparameterise(mean, log_variance))
    losses = vae.loss_function(x, out, mean, log_variance)
    optimizer.zero_grad()
    losses["loss"].backward()
    optimizer.step()
    return losses["loss"].item()


def description():
    return {
        "data": points,
        "encode": vae.encode,
        "draw": vae.reparameterise,
        "decode": vae.decode,
        "loss": vae.loss_function,
        "train_step": train_step,
        "parameters": vae,
        "likelihood": "gaussian",
        "variance": 1.0,
    }
