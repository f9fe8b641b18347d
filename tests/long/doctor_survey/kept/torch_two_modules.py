import torch
import torch.nn.functional as F
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(106)
loader = torch.tensor(make_synthetic_digits(50, seed=57).images / 255.0).float().flatten(1)


class Encoder(nn.Module):
    def __init__(self, dims):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(784, 60), nn.ReLU(), nn.Linear(60, 2 * dims))

    def forward(self, x):
        mean, logvar = torch.chunk(self.layers(x), 2, dim=1)
        return mean, logvar


class Decoder(nn.Module):
    def __init__(self, dims):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(dims, 60), nn.ReLU(), nn.Linear(60, 784))

    def forward(self, z):
        return torch.sigmoid(self.layers(z))


class VAE(nn.Module):
    def __init__(self, dims=6):
        super().__init__()
        self.encoder, self.decoder = Encoder(dims), Decoder(dims)

    def reparameterize(self, mean, logvar):
        return torch.randn_like(mean) * torch.exp(0.5 * logvar) + mean

    def forward(self, x):
        mean, logvar = self.encoder(x)
        return self.decoder(self.reparameterize(mean, logvar)), mean, logvar


def vae_loss(x, x_hat, mean, logvar):
    reproduction = F.binary_cross_entropy(x_hat, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
    return reproduction + kld


model = VAE()
optimizer = torch.optim.Adam(model.encoder.parameters(), lr=1e-3)


def train_step(x):
    optimizer.zero_grad()
    loss = vae_loss(x, *model(x))
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": loader,
        "encode": model.encoder,
        "draw": model.reparameterize,
        "decode": model.decoder,
        "loss": vae_loss,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
