import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(5)
N, D = 32, 5
data = torch.tensor(make_synthetic_digits(N, seed=8).images[:, ::2, ::2, 0] / 255.0)
data = data.float().reshape(N, 196)

encoder = nn.Sequential(nn.Linear(196, 60), nn.Tanh(), nn.Linear(60, 2 * D))
decoder = nn.Sequential(nn.Linear(D, 60), nn.Tanh(), nn.Linear(60, 196), nn.Sigmoid())
optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)


def encode(x):
    mean, log_variance = encoder(x).chunk(2, dim=1)
    return mean, log_variance


def draw(mean, log_variance):
    noise = torch.randn(1, mean.shape[1])
    return mean + torch.exp(0.5 * log_variance) * noise


def loss(x, reconstruction, mean, log_variance):
    bce = nn.BCELoss(reduction="sum")(reconstruction, x)
    kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum()
    return (bce + kl) / len(x)


def train_step(x):
    mean, log_variance = encode(x)
    value = loss(x, decoder(draw(mean, log_variance)), mean, log_variance)
    optimiser.zero_grad()
    value.backward()
    optimiser.step()
    return value.item()


def description():
    return {
        "data": data,
        "encode": encode,
        "draw": draw,
        "decode": decoder,
        "loss": loss,
        "train_step": train_step,
        "parameters": nn.ModuleList([encoder, decoder]),
        "likelihood": "bernoulli",
    }
