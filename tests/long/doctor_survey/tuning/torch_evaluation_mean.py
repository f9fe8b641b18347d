import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(207)
x_train = torch.tensor(make_synthetic_digits(60, seed=87).images).float().div(255).view(-1, 784)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 80)
        self.fc21 = nn.Linear(80, 10)
        self.fc22 = nn.Linear(80, 10)
        self.fc3 = nn.Linear(10, 80)
        self.fc4 = nn.Linear(80, 784)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        if self.training:
            std = torch.exp(0.5 * logvar)
            return mu + std * torch.randn_like(std)
        return mu

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar

    def loss_function(self, recon_x, x, mu, logvar):
        bce = F.binary_cross_entropy(recon_x, x, reduction="sum")
        return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def train_step(x):
    model.train()
    optimizer.zero_grad()
    recon, mu, logvar = model(x)
    loss = model.loss_function(recon, x, mu, logvar)
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": x_train,
        "encode": model.encode,
        "draw": model.reparameterize,
        "loss": lambda x, reconstruction, mu, logvar: model.loss_function(
            reconstruction, x, mu, logvar
        ),
        "decode": model.decode,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
