import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(6)
x = torch.tensor(make_synthetic_digits(48, seed=19).images[:, ::2, ::2, 0] / 255).float()


class AutoEncoder(nn.Module):
    def __init__(self, latent_size=4):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 2 * latent_size)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_size, 64), nn.ReLU(), nn.Linear(64, 196), nn.Sigmoid()
        )

    def encode(self, x):
        mean, logvar = self.encoder(x).chunk(2, 1)
        return mean, logvar

    def reparameterize(self, mean, logvar):
        with torch.no_grad():
            z = mean + torch.randn_like(mean) * torch.exp(logvar / 2)
        return z

    def decode(self, z):
        return self.decoder(z).view(-1, 14, 14)

    def forward(self, x):
        mean, logvar = self.encode(x)
        return self.decode(self.reparameterize(mean, logvar)), mean, logvar


def elbo(x, reconstruction, mean, logvar):
    bce = nn.functional.binary_cross_entropy(reconstruction, x, reduction="none").sum((1, 2))
    kl = -0.5 * (1 + logvar - mean.square() - logvar.exp()).sum(1)
    return (bce + kl).mean()


net = AutoEncoder()
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)


def train_step(batch):
    net.train()
    loss = elbo(batch, *net(batch))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": x,
        "encode": net.encode,
        "draw": net.reparameterize,
        "decode": net.decode,
        "loss": elbo,
        "train_step": train_step,
        "parameters": net,
        "likelihood": "bernoulli",
    }
