import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(30)
images = torch.tensor(make_synthetic_digits(32, seed=24).images).permute(0, 3, 1, 2) / 255.0


class ConvVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(1, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten()),
        )
        self.to_mean, self.to_log_variance = nn.Linear(784, 5), nn.Linear(784, 5)
        self.grow = nn.Sequential(
            *(nn.Linear(5, 784), nn.ReLU(), nn.Unflatten(1, (16, 7, 7))),
            *(nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.ReLU()),
            nn.ConvTranspose2d(8, 1, 4, 2, 1),
        )

    def encode(self, x):
        h = self.features(x)
        return self.to_mean(h), self.to_log_variance(h)

    def draw(self, mean, log_variance):
        return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)

    def decode(self, z):
        return self.grow(z)


def loss(x, logits, mean, log_variance):
    ce = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum()
    return (ce + kl) / len(x)


vae = ConvVAE()
adam = torch.optim.Adam(vae.parameters(), 2e-3)


def train_step(x):
    vae.eval()
    mean, log_variance = vae.encode(x)
    value = loss(x, vae.decode(vae.draw(mean, log_variance)), mean, log_variance)
    adam.zero_grad()
    value.backward()
    adam.step()
    return value.item()


def description():
    return {
        "data": images,
        "encode": vae.encode,
        "draw": vae.draw,
        "decode": vae.decode,
        "decoder_gives": "logits",
        "loss": loss,
        "train_step": train_step,
        "parameters": vae,
        "likelihood": "bernoulli",
    }
