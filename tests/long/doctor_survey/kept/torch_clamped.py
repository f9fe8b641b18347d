import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(105)
faces = torch.tensor(make_synthetic_digits(32, seed=51).images).permute(0, 3, 1, 2).float() / 255


def block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 4, stride=2, padding=1), nn.LeakyReLU(0.2))


def up(i, o):
    return nn.ConvTranspose2d(i, o, 4, stride=2, padding=1)


encoder = nn.Sequential(block(1, 8), block(8, 12), nn.Flatten(), nn.Linear(12 * 49, 10))
decoder = nn.Sequential(
    nn.Linear(5, 12 * 49), nn.ReLU(), nn.Unflatten(1, (12, 7, 7)), up(12, 8), nn.ReLU(), up(8, 1)
)
model = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, betas=(0.5, 0.999))


def encode(x):
    mu, logvar = encoder(x).chunk(2, dim=1)
    return mu, logvar.clamp(-8, 8)


def reparam(mu, logvar):
    return torch.randn_like(mu) * torch.exp(logvar * 0.5) + mu


def loss_fn(x, p, mu, logvar):
    p = p.clamp(1e-6, 1 - 1e-6)
    recon = nn.functional.binary_cross_entropy(p, x, reduction="none").flatten(1).sum(1)
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)
    return torch.mean(recon + kl)


def train_step(x):
    mu, logvar = encode(x)
    loss = loss_fn(x, decoder(reparam(mu, logvar)), mu, logvar)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": faces,
        "encode": encode,
        "draw": reparam,
        "decode": decoder,
        "loss": loss_fn,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
