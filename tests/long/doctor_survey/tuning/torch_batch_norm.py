import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(209)
digits = torch.tensor(make_synthetic_digits(48, seed=89).images[:, ::2, ::2, 0] / 255.0).float()
digits = digits.reshape(48, 196)


def hidden(i, o):
    return nn.Sequential(nn.Linear(i, o), nn.BatchNorm1d(o), nn.LeakyReLU(0.1))


class VAE(nn.Module):
    def __init__(self, z=5):
        super().__init__()
        self.encoder = nn.Sequential(hidden(196, 64), nn.Linear(64, 2 * z))
        self.decoder = nn.Sequential(hidden(z, 64), hidden(64, 64), nn.Linear(64, 196))

    def encode(self, x):
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def draw(self, mean, log_variance):
        return torch.distributions.Normal(mean, (0.5 * log_variance).exp()).rsample()

    def decode(self, z):
        return self.decoder(z)


def loss(x, logits, mean, log_variance):
    q = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1)
    bce = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return (bce + kl).mean(), bce.mean(), kl.mean()


vae = VAE()
adam = torch.optim.Adam(vae.parameters(), lr=2e-3)


def train_step(x):
    vae.train()
    mean, log_variance = vae.encode(x)
    value = loss(x, vae.decode(vae.draw(mean, log_variance)), mean, log_variance)[0]
    adam.zero_grad()
    value.backward()
    adam.step()
    return value.item()


def description():
    return {
        "data": digits,
        "encode": vae.encode,
        "draw": vae.draw,
        "decode": vae.decode,
        "decoder_gives": "logits",
        "loss": loss,
        "train_step": train_step,
        "parameters": vae,
        "likelihood": "bernoulli",
    }
