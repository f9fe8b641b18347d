import torch
import torch.nn as nn
import torch.nn.functional as F

from scratchvae.data.synthetic import make_synthetic_digits

device = torch.device("cpu")
torch.manual_seed(110)
trainset = torch.tensor(make_synthetic_digits(64, seed=61).images).to(device).float() / 255
trainset = trainset.view(-1, 784)


class VAE(nn.Module):
    def __init__(self, input_dim=784, h_dim=64, z_dim=6):
        super().__init__()
        self.img_2hid = nn.Linear(input_dim, h_dim)
        self.hid_2mu = nn.Linear(h_dim, z_dim)
        self.hid_2sigma = nn.Linear(h_dim, z_dim)
        self.z_2hid = nn.Linear(z_dim, h_dim)
        self.hid_2img = nn.Linear(h_dim, input_dim)

    def encode(self, x):
        h = F.relu(self.img_2hid(x))
        return self.hid_2mu(h), F.softplus(self.hid_2sigma(h))

    def decode(self, z):
        return torch.sigmoid(self.hid_2img(F.relu(self.z_2hid(z))))

    def reparameterize(self, mu, sigma):
        return mu + sigma * torch.randn_like(sigma)


def loss_fn(x, x_reconstructed, mu, sigma):
    reconstruction_loss = nn.BCELoss(reduction="sum")(x_reconstructed, x)
    kl_div = -torch.sum(1 + torch.log(sigma.pow(2)) - mu.pow(2) - sigma.pow(2)) / 2
    return reconstruction_loss + kl_div


model = VAE().to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=5e-5)


def train_step(x):
    mu, sigma = model.encode(x)
    loss = loss_fn(x, model.decode(model.reparameterize(mu, sigma)), mu, sigma)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": trainset,
        "encode": model.encode,
        "spread": "deviation",
        "draw": model.reparameterize,
        "decode": model.decode,
        "loss": loss_fn,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
