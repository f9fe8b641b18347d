import torch
import torch.nn as nn
import torch.nn.functional as F

from scratchvae.data.synthetic import make_synthetic_digits

BATCH_SIZE, Z_DIM = 64, 8
torch.manual_seed(103)
X = torch.tensor(make_synthetic_digits(BATCH_SIZE, seed=48).images).float().view(-1, 784) / 255


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 64)
        self.fc21 = nn.Linear(64, Z_DIM)
        self.fc22 = nn.Linear(64, Z_DIM)
        self.fc3 = nn.Linear(Z_DIM, 64)
        self.fc4 = nn.Linear(64, 784)
        self.relu = nn.ReLU()
        self.sigmoid = nn.Sigmoid()

    def encode(self, x):
        h1 = self.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparametrize(self, mu, logvar):
        std = logvar.mul(0.5).exp_()
        eps = torch.empty_like(std).normal_()
        return eps.mul(std).add_(mu)

    def decode(self, z):
        return self.sigmoid(self.fc4(self.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 784))
        z = self.reparametrize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x, reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
    KLD /= BATCH_SIZE * 784
    return BCE + KLD


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def train(data):
    model.train()
    optimizer.zero_grad()
    recon_batch, mu, logvar = model(data)
    loss = loss_function(recon_batch, data, mu, logvar)
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": X,
        "encode": model.encode,
        "draw": model.reparametrize,
        "decode": model.decode,
        "loss": lambda x, recon, mu, logvar: loss_function(recon, x, mu, logvar),
        "train_step": train,
        "parameters": model,
        "likelihood": "bernoulli",
    }
