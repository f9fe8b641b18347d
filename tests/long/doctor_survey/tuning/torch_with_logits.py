import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(10)
X = torch.tensor(make_synthetic_digits(45, seed=15).images).float().div(255).flatten(1)


class Encoder(nn.Module):
    def __init__(self, z):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(784, 80), nn.SiLU())
        self.mean, self.log_var = nn.Linear(80, z), nn.Linear(80, z)

    def forward(self, x):
        h = self.net(x)
        return self.mean(h), self.log_var(h)


class Decoder(nn.Sequential):
    def __init__(self, z):
        super().__init__(nn.Linear(z, 80), nn.SiLU(), nn.Linear(80, 784), nn.Sigmoid())


class VAE(nn.Module):
    def __init__(self, z=7):
        super().__init__()
        self.encoder, self.decoder = Encoder(z), Decoder(z)

    def sample(self, mean, log_var):
        return mean + (log_var / 2).exp() * torch.randn(mean.shape)

    def loss_function(self, x, output, mean, log_var):
        rec = binary_cross_entropy_with_logits(output, x, reduction="none").sum(1)
        kl = -(1 + log_var - mean**2 - log_var.exp()).sum(1) / 2
        return rec.mean() + kl.mean()


vae = VAE()
optimizer = torch.optim.RMSprop(vae.parameters(), lr=1e-3)


def train_step(x):
    mean, log_var = vae.encoder(x)
    loss = vae.loss_function(x, vae.decoder(vae.sample(mean, log_var)), mean, log_var)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def description():
    return {
        "data": X,
        "encode": vae.encoder,
        "draw": vae.sample,
        "decode": vae.decoder,
        "loss": vae.loss_function,
        "train_step": train_step,
        "parameters": vae,
        "likelihood": "bernoulli",
        "decoder_gives": "probabilities",
    }
