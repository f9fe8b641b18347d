import torch
import torch.nn.functional as F
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(4)
train_images = torch.tensor(make_synthetic_digits(40, seed=18).images / 255.0).float().flatten(1)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.e1, self.e2 = nn.Linear(784, 72), nn.Linear(72, 20)
        self.d1, self.d2 = nn.Linear(10, 72), nn.Linear(72, 784)

    def encode(self, x):
        return self.e2(F.gelu(self.e1(x))).split(10, dim=1)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z):
        return self.d2(F.gelu(self.d1(z)))


def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - 1 - logvar)


def loss_function(x, recon, mu, logvar):
    bce = F.binary_cross_entropy_with_logits(recon, x, reduction="sum")
    return (bce + kl_divergence(mu, logvar)) / len(x)


def validation_loss(x, recon, mu, logvar):
    error = F.mse_loss(torch.sigmoid(recon), x, reduction="sum")
    return (error + kl_divergence(mu, logvar)) / len(x)


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)


def train_step(x):
    mu, logvar = model.encode(x)
    loss = loss_function(x, model.decode(model.reparameterize(mu, logvar)), mu, logvar)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": train_images,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decode,
        "decoder_gives": "logits",
        "loss": loss_function,
        "validation_loss": validation_loss,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
