import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(204)
scenes = torch.tensor(make_synthetic_digits(32, seed=84).images).permute(0, 3, 1, 2).float() / 255
BETA = 4.0


class BetaVAE(nn.Module):
    def __init__(self, z=5):
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 4, 2, 1), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(784, 2 * z)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(z, 784), nn.ReLU(), nn.Unflatten(1, (16, 7, 7))),
            *(nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1)),
        )

    def encode(self, x):
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        return mu, logvar

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def loss_function(self, x, logits, mu, logvar):
        rec = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kld = torch.mean(-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1), dim=0)
        rec = rec / x.shape[0]
        return {"loss": rec + BETA * kld, "Reconstruction_Loss": rec.detach(), "KLD": kld.detach()}


model = BetaVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def train_step(x):
    mu, logvar = model.encode(x)
    logits = model.decoder(model.reparameterize(mu, logvar))
    loss = model.loss_function(x, logits, mu, logvar)["loss"]
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": scenes,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decoder,
        "decoder_gives": "logits",
        "loss": model.loss_function,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
        "beta": BETA,
    }
