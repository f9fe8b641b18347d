import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(210)
train = torch.tensor(make_synthetic_digits(48, seed=90).images / 255.0).float().flatten(1)


class LitModel(nn.Module):
    def __init__(self, latents=6, width=64):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(784, width), nn.SELU())
        self.loc, self.scale = nn.Linear(width, latents), nn.Linear(width, latents)
        self.decoder = nn.Sequential(nn.Linear(latents, width), nn.SELU(), nn.Linear(width, 784))

    def encode(self, x):
        h = self.backbone(x)
        return self.loc(h), nn.functional.softplus(self.scale(h)) + 1e-6

    def rsample(self, loc, scale):
        return Independent(Normal(loc, scale), 1).rsample()

    def loss(self, x, logits, loc, scale):
        prior = Independent(Normal(torch.zeros_like(loc), torch.ones_like(scale)), 1)
        kl = kl_divergence(Independent(Normal(loc, scale), 1), prior)
        log_px = Independent(Bernoulli(logits=logits, validate_args=False), 1).log_prob(x)
        return torch.mean(kl - log_px)

    def training_step(self, batch, batch_idx=0):
        loc, scale = self.encode(batch)
        return self.loss(batch, self.decoder(self.rsample(loc, scale)), loc, scale)


model = LitModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)


def train_step(x):
    loss = model.training_step(x)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 100.0)
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": train,
        "encode": model.encode,
        "spread": "deviation",
        "draw": model.rsample,
        "decode": model.decoder,
        "decoder_gives": "logits",
        "loss": model.loss,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
