import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(2)
x_data = torch.tensor(make_synthetic_digits(64, seed=6).images.reshape(64, 784) / 255.0).float()


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.dec = nn.Linear(784, 64), nn.Linear(12, 64)
        self.mu, self.lv, self.out = nn.Linear(64, 12), nn.Linear(64, 12), nn.Linear(64, 784)

    def encode(self, x):
        h = F.leaky_relu(self.enc(x))
        return self.mu(h), self.lv(h)

    def reparameterize(self, mu, logvar):
        return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).rsample()

    def decode(self, z):
        return torch.sigmoid(self.out(F.leaky_relu(self.dec(z))))


def loss_function(x, recon_x, mu, logvar):
    recon = F.binary_cross_entropy(recon_x, x)
    kld = torch.mean(-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1), dim=0)
    return recon + kld


model = VAE()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)


def train_step(x):
    mu, logvar = model.encode(x)
    loss = loss_function(x, model.decode(model.reparameterize(mu, logvar)), mu, logvar)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()


def description():
    return {
        "data": x_data,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decode,
        "loss": loss_function,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
