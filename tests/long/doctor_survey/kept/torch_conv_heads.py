import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(107)
small = torch.tensor(make_synthetic_digits(40, seed=58).images[:, ::2, ::2]).permute(0, 3, 1, 2)
small = small.float() / 255
D = 6


def conv_bn(i, o):
    return [nn.Conv2d(i, o, 3, stride=2, padding=1), nn.BatchNorm2d(o), nn.LeakyReLU()]


class ConvVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(*conv_bn(1, 8), *conv_bn(8, 16), nn.Flatten())
        self.statistics = nn.Sequential(nn.Linear(256, 2 * D), nn.BatchNorm1d(2 * D))
        self.decoder = nn.Sequential(nn.Linear(D, 64), nn.ReLU(), nn.Linear(64, 196), nn.Sigmoid())

    def encode(self, x):
        statistics = self.statistics(self.encoder(x))
        return statistics[:, :D], statistics[:, D:]

    def sample(self, mean, log_variance):
        return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)

    def decode(self, z):
        return self.decoder(z).view(-1, 1, 14, 14)

    def loss(self, x, decoded, mean, log_variance):
        bce = nn.functional.binary_cross_entropy(decoded, x, reduction="none").sum((1, 2, 3))
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
        return bce.mean() + kl.mean()


net = ConvVAE()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)


def train_step(x):
    net.train()
    mean, log_variance = net.encode(x)
    loss = net.loss(x, net.decode(net.sample(mean, log_variance)), mean, log_variance)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": small,
        "encode": net.encode,
        "draw": net.sample,
        "decode": net.decode,
        "loss": net.loss,
        "train_step": train_step,
        "parameters": net,
        "likelihood": "bernoulli",
    }
