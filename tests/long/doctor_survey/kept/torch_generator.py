import torch
from torch import Tensor, nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(101)
pictures = torch.tensor(make_synthetic_digits(50, seed=46).images[..., 0] / 255.0).float()


class Vae(nn.Module):
    def __init__(self, latent: int = 6, hidden: int = 64):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), nn.Softplus())
        self.mean, self.log_variance = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(
            *(nn.Linear(latent, hidden), nn.Softplus(), nn.Linear(hidden, 784)),
            nn.Unflatten(1, (28, 28)),
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(x)
        return self.mean(h), self.log_variance(h)

    def draw(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(mean.shape, generator=generator)
        return mean + (log_variance / 2).exp() * noise

    def loss(self, x: Tensor, logits: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        bce = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = 0.5 * torch.sum(mean**2 + log_variance.exp() - 1 - log_variance)
        return (bce + kl) / len(x)


vae = Vae()
optimiser = torch.optim.Adam(vae.parameters(), lr=0.002)


def train_step(x: Tensor) -> float:
    mean, log_variance = vae.encode(x)
    loss = vae.loss(x, vae.decoder(vae.draw(mean, log_variance)), mean, log_variance)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def description():
    return {
        "data": pictures,
        "encode": vae.encode,
        "draw": vae.draw,
        "decode": vae.decoder,
        "decoder_gives": "logits",
        "loss": vae.loss,
        "train_step": train_step,
        "parameters": vae,
        "likelihood": "bernoulli",
    }
