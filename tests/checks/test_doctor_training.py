"""The doctor on gradients' paths, training steps, batch norm and latents."""

import numpy as np
import pytest
from small_vaes import LATENTS, PIXELS, SmallVAE

import scratchvae


def causes(report):
    return [finding.cause for finding in report.findings]


def normalised(vae):
    def encode(x):
        mean, log_variance = vae.encode(x)
        return (mean - mean.mean(0)) / mean.std(0), log_variance

    return encode


STEPS = {
    "encoder cut off": {"z_path": 0.0},
    "KL cut off": {"kl_path": 0.0},
    "decoder cut off": {"decoder_rate": 0.0},
    "does not learn": {"rate": 0.0},
}


@pytest.mark.parametrize("cause", STEPS)
def test_a_step_that_leaves_something_out_is_named_without_a_framework(cause):
    vae = SmallVAE(**STEPS[cause])
    assert causes(scratchvae.doctor(**vae.parts()))[:1] == [cause]


def test_a_right_vae_is_not_accused_and_keeps_its_weights():
    vae = SmallVAE()
    before = {name: value.copy() for name, value in vae.weights.items()}
    report = scratchvae.doctor(**vae.parts())
    assert report.findings == []
    assert report.passed
    assert {"learning", "training step"} <= {row.cause for row in report.rows if row.kind == "ok"}
    for name, value in vae.weights.items():
        np.testing.assert_array_equal(value, before[name])


def test_global_random_numbers_go_on_as_if_nothing_had_been():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    scratchvae.doctor(draw=lambda m, v: np.random.normal(m, np.exp(v / 2)))  # noqa: NPY002
    np.testing.assert_array_equal(np.random.random(3), expected)  # noqa: NPY002


def test_steps_that_go_uphill_do_not_learn():
    report = scratchvae.doctor(**SmallVAE(rate=-0.01).parts())
    assert causes(report)[:1] in (["does not learn"], ["loss not finite"])


def test_weights_that_cannot_be_put_back_are_not_trained():
    vae = SmallVAE()
    report = scratchvae.doctor(**vae.parts(parameters=lambda: [w.copy() for w in [np.ones(3)]]))
    assert "training step" in [row.cause for row in report.unchecked]
    assert report.findings == []


def test_moments_that_are_normalised_over_the_batch():
    vae = SmallVAE()
    report = scratchvae.doctor(**vae.parts(encode=normalised(vae), train_step=None))
    assert causes(report) == ["batch norm on moments"]


def test_latents_that_the_decoder_does_not_use():
    vae = SmallVAE()
    report = scratchvae.doctor(**vae.parts(decode=lambda z: vae.decode(0 * z), train_step=None))
    assert causes(report) == ["latents unused"]
    one = scratchvae.doctor(
        **vae.parts(decode=lambda z: vae.decode(z * [1, 0, 1, 1]), train_step=None)
    )
    assert "latents [1] of 4" in one.findings[0].sentence


# The same in PyTorch and JAX, whose own gradients show the paths.


def torch_parts(torch, *, draw=None, kl=lambda k: k, given=lambda m: m.parameters(), eval_=False):
    torch.manual_seed(0)
    nn = torch.nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(
                nn.Linear(PIXELS, 12), nn.BatchNorm1d(12), nn.Tanh(), nn.Linear(12, 2 * LATENTS)
            )
            self.decoder = nn.Linear(LATENTS, PIXELS)

        def encode(self, x):
            return self.encoder(x).chunk(2, dim=1)

        def reparameterize(self, mu, logvar):
            if draw is not None:
                return draw(mu, logvar)
            return mu + torch.randn_like(mu) * (0.5 * logvar).exp()

        def decode(self, z):
            return self.decoder(z)

        def loss_function(self, recon_x, x, mu, logvar):
            bce = nn.functional.binary_cross_entropy_with_logits(recon_x, x, reduction="sum")
            return bce + kl(-0.5 * (1 + logvar - mu**2 - logvar.exp()).sum())

    model = Model()
    optimiser = torch.optim.Adam(given(model), 1e-3)

    def train_step(x):
        model.train(not eval_)
        mu, logvar = model.encode(x)
        loss = model.loss_function(model.decode(model.reparameterize(mu, logvar)), x, mu, logvar)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    data = torch.tensor(SmallVAE().data).float()
    return {
        "data": data,
        "encode": model.encode,
        "draw": model.reparameterize,
        "decode": model.decode,
        "loss": model.loss_function,
        "train_step": train_step,
        "parameters": model,
    }


def test_a_right_vae_in_pytorch_is_not_accused_and_keeps_its_weights_and_mode():
    torch = pytest.importorskip("torch")
    parts = torch_parts(torch)
    before = {name: value.clone() for name, value in parts["parameters"].state_dict().items()}
    report = scratchvae.doctor(**parts)
    assert report.findings == []
    assert "PyTorch" in report.title
    assert parts["parameters"].training
    for name, value in parts["parameters"].state_dict().items():
        assert torch.equal(value, before[name]), name


def test_faults_of_gradients_in_pytorch_are_named():
    torch = pytest.importorskip("torch")

    def cut(mu, logvar):
        return torch.distributions.Normal(mu, (logvar / 2).exp()).sample()

    def only_decoder(model):
        return model.decoder.parameters()

    for cause, faulty in {
        "encoder cut off": {"draw": cut},
        "KL cut off": {"kl": lambda value: value.detach()},
        "batch norm mode": {"eval_": True},
    }.items():
        assert causes(scratchvae.doctor(**torch_parts(torch, **faulty)))[:1] == [cause]
    unreached = scratchvae.doctor(**torch_parts(torch, given=only_decoder))
    assert causes(unreached)[:1] == ["encoder cut off"]
    assert "changes no weight of the encoder" in unreached.findings[0].sentence


def test_a_draw_in_jax_whose_gradient_is_stopped():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def right(mean, log_variance, noise):
        return mean + jnp.exp(log_variance / 2) * noise

    def wrong(mean, log_variance, noise):
        return jax.lax.stop_gradient(right(mean, log_variance, noise))

    report = scratchvae.doctor(draw=right)
    assert report.passed
    assert "JAX" in report.title
    assert causes(scratchvae.doctor(draw=wrong)) == ["encoder cut off"]
