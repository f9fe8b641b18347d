import torch
from torch import nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(40)
sample = torch.tensor(make_synthetic_digits(64, seed=27).images / 255.0).float().flatten(1)


class Model(nn.Module):
    def __init__(self, width=64, z=4):
        super().__init__()
        self.first, self.last = nn.Linear(784, width), nn.Linear(width, 784)
        self.mu, self.log_var, self.expand = (
            nn.Linear(width, z),
            nn.Linear(width, z),
            nn.Linear(z, width),
        )

    def encode(self, x):
        h = torch.tanh(self.first(x))
        return self.mu(h), self.log_var(h)

    def reparameterize(self, mu, log_var):
        std = torch.exp(0.5 * log_var)
        return mu + std * torch.randn_like(std)

    def decode(self, z):
        return torch.sigmoid(self.last(torch.tanh(self.expand(z))))

    def forward(self, x):
        mu, log_var = self.encode(x)
        return self.decode(self.reparameterize(mu, log_var)), mu, log_var


def loss_function(x, recon, mu, log_var):
    bce = nn.functional.binary_cross_entropy(recon, x, reduction="none")
    kld = -0.5 * (1 + log_var - mu**2 - log_var.exp())
    return torch.mean(bce.sum(dim=1)) + torch.mean(kld.sum(dim=0))


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def train_step(x):
    loss = loss_function(x, *model(x))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": sample,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decode,
        "loss": loss_function,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
