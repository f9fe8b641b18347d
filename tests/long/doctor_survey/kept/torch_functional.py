import torch
from torch.nn.functional import binary_cross_entropy_with_logits, linear, softplus

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(216)
X = torch.tensor(make_synthetic_digits(40, seed=96).images[:, ::2, ::2, 0] / 255.0).float()
X = X.reshape(40, 196)
DRAWS = 3


def matrix(n_out, n_in):
    return (torch.randn(n_out, n_in) / n_in**0.5).requires_grad_()


W = {"in": matrix(48, 196), "mean": matrix(4, 48), "log_variance": matrix(4, 48)}
W |= {"up": matrix(48, 4), "out": matrix(196, 48)}
optimizer = torch.optim.SGD(W.values(), lr=0.005, momentum=0.9)


def encode(x):
    h = softplus(linear(x, W["in"]))
    return linear(h, W["mean"]), linear(h, W["log_variance"])


def draw(mean, log_variance, noise):
    return mean + torch.exp(log_variance / 2) * noise


def decode(z):
    return linear(softplus(linear(z, W["up"])), W["out"])


def loss(x):
    """The bound as the mean of three draws for each image."""
    mean, log_variance = encode(x)
    z = draw(mean, log_variance, torch.randn(DRAWS, *mean.shape))
    target = x.expand(DRAWS, *x.shape)
    bce = binary_cross_entropy_with_logits(decode(z), target, reduction="none").sum(-1).mean(0)
    kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(-1)
    return (bce + kl).mean()


def train_step(x):
    value = loss(x)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.item()


def description():
    return {
        "data": X,
        "encode": encode,
        "draw": draw,
        "decode": decode,
        "loss": loss,
        "decoder_gives": "logits",
        "train_step": train_step,
        "parameters": W,
        "likelihood": "bernoulli",
    }
