import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(111)
steps = torch.linspace(0, 1, 24)
curves = torch.sin(6.28 * (steps * (1 + torch.rand(60, 1)) + torch.rand(60, 1)))
curves = curves + 0.05 * torch.randn(60, 24)
VARIANCE = 0.2


class CurveVAE(nn.Module):
    def __init__(self, latents=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(24, 40), nn.Tanh())
        self.mean, self.variance = nn.Linear(40, latents), nn.Linear(40, latents)
        self.decoder = nn.Sequential(nn.Linear(latents, 40), nn.Tanh(), nn.Linear(40, 24))

    def encode(self, x):
        h = self.encoder(x)
        return self.mean(h), F.relu(self.variance(h))

    def reparameterize(self, mean, variance):
        return mean + variance.sqrt() * torch.randn_like(mean)

    def decode(self, z):
        return self.decoder(z)

    def loss_function(self, x, decoded, mean, variance):
        error = ((x - decoded) ** 2).sum(1) / (2 * VARIANCE)
        kl = 0.5 * (mean**2 + variance - torch.log(variance) - 1).sum(1)
        return torch.mean(error + kl)


model = CurveVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)


def train_step(x):
    mean, variance = model.encode(x)
    loss = model.loss_function(
        x, model.decode(model.reparameterize(mean, variance)), mean, variance
    )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": curves,
        "encode": model.encode,
        "spread": "variance",
        "draw": model.reparameterize,
        "decode": model.decode,
        "decoder_gives": "means",
        "loss": model.loss_function,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "gaussian",
        "variance": VARIANCE,
    }
