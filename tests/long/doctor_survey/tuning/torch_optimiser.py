import torch
from torch import nn
from torch.nn import functional as F

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(50)
inputs = torch.tensor(make_synthetic_digits(60, seed=29).images.reshape(60, -1) / 255.0).float()


class Encoder(nn.Module):
    def __init__(self, n_latent):
        super().__init__()
        self.fc = nn.Linear(784, 70)
        self.head = nn.Linear(70, 2 * n_latent)

    def forward(self, x):
        mean, log_variance = self.head(F.relu(self.fc(x))).chunk(2, dim=-1)
        return mean, log_variance


class Decoder(nn.Module):
    def __init__(self, n_latent):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(n_latent, 70), nn.Linear(70, 784)

    def forward(self, z):
        return self.fc2(F.relu(self.fc1(z)))


encoder, decoder = Encoder(5), Decoder(5)
optimizer = torch.optim.Adam(decoder.parameters(), lr=2e-3)


def draw(mean, log_variance):
    return mean + torch.randn_like(mean) * log_variance.mul(0.5).exp()


def negative_elbo(x, logits, mean, log_variance):
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    prior = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    kl = torch.distributions.kl_divergence(posterior, prior).sum(1)
    likelihood = torch.distributions.Bernoulli(logits=logits, validate_args=False)
    return (kl - likelihood.log_prob(x).sum(1)).mean()


def train_step(x):
    mean, log_variance = encoder(x)
    loss = negative_elbo(x, decoder(draw(mean, log_variance)), mean, log_variance)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def description():
    return {
        "data": inputs,
        "encode": encoder,
        "draw": draw,
        "decode": decoder,
        "decoder_gives": "logits",
        "loss": negative_elbo,
        "train_step": train_step,
        "parameters": nn.ModuleDict({"encoder": encoder, "decoder": decoder}),
        "likelihood": "bernoulli",
    }
