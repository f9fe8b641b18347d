import torch
import torch.nn as nn

from scratchvae.data.synthetic import make_synthetic_digits

torch.manual_seed(0)
digits = make_synthetic_digits(40, seed=11).images[..., 0].astype("float32") / 255
digits = torch.from_numpy(digits)


class Net(nn.Module):
    def __init__(self, latent_dim=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU())
        self.to_mu = nn.Linear(128, latent_dim)
        self.to_logvar = nn.Linear(128, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 128), nn.ReLU(), nn.Linear(128, 784), nn.Unflatten(1, (28, 28))
        )

    def encode(self, x):
        h = self.encoder(x)
        return self.to_mu(h), self.to_logvar(h)

    def reparameterize(self, mu, logvar):
        if self.training:
            return mu
        return mu + torch.randn_like(mu) * (0.5 * logvar).exp()

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decoder(self.reparameterize(mu, logvar)), mu, logvar

    def loss(self, x, x_hat, mu, logvar):
        recon = nn.functional.binary_cross_entropy_with_logits(x_hat, x, reduction="none")
        recon = recon.sum(dim=(1, 2)).mean()
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(dim=1).mean()
        return recon + kl, recon, kl


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)


def fit_batch(x):
    net.train()
    x_hat, mu, logvar = net(x)
    loss, _, _ = net.loss(x, x_hat, mu, logvar)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return float(loss.detach())


def description():
    return {
        "data": digits,
        "encode": net.encode,
        "draw": net.reparameterize,
        "decode": net.decoder,
        "decoder_gives": "logits",
        "loss": net.loss,
        "train_step": fit_batch,
        "parameters": net,
        "likelihood": "bernoulli",
    }
