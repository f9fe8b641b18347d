import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(0)
dataset = torch.tensor(make_synthetic_digits(64, seed=16).images, dtype=torch.float32)
dataset = dataset.permute(0, 3, 1, 2)


class VAE(nn.Module):
    def __init__(self, latent=5):
        super().__init__()
        self.inner = nn.Linear(784, 64)
        self.fc_mu = nn.Linear(64, latent)
        self.fc_logvar = nn.Linear(64, latent)
        self.dec1 = nn.Linear(latent, 64)
        self.dec2 = nn.Linear(64, 784)

    def encode(self, x):
        h = torch.tanh(self.inner(x.flatten(1)))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(logvar)

    def decode(self, z):
        return self.dec2(torch.tanh(self.dec1(z))).view(-1, 1, 28, 28)


def loss(x, recon_x, mu, logvar):
    rec = F.binary_cross_entropy_with_logits(recon_x, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (rec + kl) / x.shape[0]


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def train_step(x):
    mu, logvar = model.encode(x)
    value = loss(x, model.decode(model.reparameterize(mu, logvar)), mu, logvar)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.item()


def description():
    return {
        "data": dataset,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decode,
        "decoder_gives": "logits",
        "loss": loss,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
