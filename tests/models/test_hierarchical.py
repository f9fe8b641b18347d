"""Two stochastic layers: the bound, its gradients, the product of Gaussians, the remedies."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, normal, refused
from hierarchical_cases import IMAGES, D, U, both, small
from scipy import stats
from scipy.special import expit

from scratchvae.checks.gradients import gradcheck
from scratchvae.models import HierarchicalVAE, LadderVAE, build
from scratchvae.models import hierarchical_vae as module
from scratchvae.probability import gaussian_product
from scratchvae.reproduce import Row
from scratchvae.reproduce import hierarchical as reproduction


@both
@pytest.mark.parametrize("free_bits", [0.0, 0.05, 9.0])
def test_its_gradient_is_right(kind, free_bits):
    model = small(kind, free_bits=free_bits, beta=0.7, scale=1.5)
    report = gradcheck(model, IMAGES)
    assert report.passed, report


def run(network, x):
    return np.split(network.forward(x), 2, axis=1)


def log_normal(x, mean, log_variance):
    return stats.norm.logpdf(x, mean, np.exp(log_variance / 2)).sum(axis=1)


def test_the_loss_from_the_bottom_up_is_the_ratio_of_its_densities():
    model = small("bottom-up", scale=2.0)
    eps = normal(1, 5, D + U, seed=3)
    m_1, l_1 = run(model.encoder, IMAGES)
    z_1 = m_1 + np.exp(l_1 / 2) * eps[0, :, :D]
    m_2, l_2 = run(model.upper_encoder, z_1)
    z_2 = m_2 + np.exp(l_2 / 2) * eps[0, :, D:]
    prior = run(model.prior, z_2)
    p = expit(model.decoder.forward(z_1))
    log_p_x = (IMAGES * np.log(p) + (1 - IMAGES) * np.log(1 - p)).sum(axis=(1, 2, 3))
    kl_2 = 0.5 * (np.exp(l_2) + m_2**2 - 1 - l_2).sum(axis=1)
    kl_1 = log_normal(z_1, m_1, l_1) - log_normal(z_1, *prior)
    terms = model.forward(IMAGES, eps)
    assert terms.loss == pytest.approx(-(log_p_x - kl_1 - kl_2).mean())
    np.testing.assert_allclose(model.layer_kls, [kl_1, kl_2])
    assert terms.kl == pytest.approx((kl_1 + kl_2).mean())


@both
def test_the_bound_is_below_the_log_probability(kind):
    # log p(x) by brute force: the mean of p(x | z) over many draws of the two priors.
    model = small(kind, scale=2.0)
    x = IMAGES[:1]
    z_1 = model.draw_latents(200_000, np.random.default_rng(0))
    p = expit(model.decoder.forward(z_1))
    exact = np.log(np.exp((x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=(1, 2, 3))).mean())
    bounds = model.elbo(np.repeat(x, 20_000, axis=0))
    error = bounds.std() / np.sqrt(len(bounds))
    assert bounds.mean() < exact + 3 * error


class WithTheClosedForm(HierarchicalVAE):
    """Takes KL(q(z₁ | x) ‖ p(z₁ | z₂)) in closed form in the value, and leaves the gradient."""

    def forward(self, x, eps, training=False):
        super().forward(x, eps, training)
        *_, (prior_mean, prior_log_variance), (*_, kl_2) = self._pass
        mean, log_variance = self.encode_distribution(x, training)
        closed = module.kl_to_standard(
            (mean - prior_mean) * np.exp(-prior_log_variance / 2),
            log_variance - prior_log_variance,
        )
        return self._layered_loss(self.terms[0], closed, kl_2)


class NoPathThroughThePrior(HierarchicalVAE):
    """Forgets that z₁ is also an argument of its own prior."""

    def backward(self):
        decoder_backward = self.decoder.backward
        x, _, z_1, *_, (prior_mean, prior_log_variance), _ = self._pass
        d_z_1 = (z_1 - prior_mean) * np.exp(-prior_log_variance) / len(x)
        self.decoder.backward = lambda dy: decoder_backward(dy) - d_z_1
        super().backward()
        del self.decoder.backward


class NoPathThroughTheUpperLayer(HierarchicalVAE):
    """Forgets that z₂ was drawn from z₁."""

    def backward(self):
        upper_backward = self.upper_encoder.backward
        self.upper_encoder.backward = lambda dy: 0 * upper_backward(dy)
        super().backward()
        del self.upper_encoder.backward


@pytest.mark.parametrize(
    "wrong", [WithTheClosedForm, NoPathThroughThePrior, NoPathThroughTheUpperLayer]
)
def test_a_forgotten_path_is_caught_by_the_gradient_check(wrong):
    report = gradcheck(small("bottom-up", wrong, scale=1.5), IMAGES)
    failed = {row.name.split(".")[0] for row in report.rows if not row.passed}
    assert "encoder" in failed
    assert "decoder" not in failed


def test_free_bits_ignored_in_the_gradient_are_caught(monkeypatch):
    model = small("bottom-up", free_bits=9.0)
    monkeypatch.setattr(model, "_above_free_bits", lambda kl_2: np.ones(U))
    report = gradcheck(model, IMAGES)
    assert "upper_encoder" in {row.name.split(".")[0] for row in report.rows if not row.passed}


@both
def test_free_bits_cost_the_same_whether_used_or_not(kind):
    eps = normal(1, 5, D + U, seed=3)
    plain, free = small(kind), small(kind, free_bits=9.0)
    paid, unpaid = plain.forward(IMAGES, eps), free.forward(IMAGES, eps)
    assert unpaid.kl == paid.kl
    upper = plain.layer_kls[1].mean()
    assert upper < 9
    assert unpaid.loss == pytest.approx(paid.loss - upper + 9 * U)
    np.testing.assert_allclose(free.elbo(IMAGES), plain.elbo(IMAGES))  # the bound is the bound


def test_the_product_of_gaussians_is_their_densities_product():
    m_1, l_1, m_2, l_2 = normal(4, 1, 2)
    mean, log_variance = gaussian_product(m_1, l_1, m_2, l_2)
    x = normal(6, 2, seed=5)
    ratio = log_normal(x, m_1, l_1) + log_normal(x, m_2, l_2) - log_normal(x, mean, log_variance)
    np.testing.assert_allclose(ratio, ratio[0])
    far = gaussian_product(m_1, l_1 - 900, m_2, l_2 + 900)
    np.testing.assert_allclose(far.mean, m_1)
    np.testing.assert_allclose(far.log_variance, l_1 - 900)


@both
def test_samples_come_down_through_both_layers(kind):
    model = small(kind)
    model.prior.layers[-1].parameters["weight"].value[...] = 0
    bias = model.prior.layers[-1].parameters["bias"].value
    bias[...] = [1.0, 2.0, 3.0, *np.log([0.01, 0.04, 4.0])]
    z = model.draw_latents(20_000, np.random.default_rng(0))
    np.testing.assert_allclose(z.mean(axis=0), [1, 2, 3], atol=0.07)
    np.testing.assert_allclose(z.std(axis=0), [0.1, 0.2, 2.0], rtol=0.03)
    assert model.sample(3).shape == (3, *IMAGE_SHAPE)


@both
def test_its_layers_have_means(kind):
    model = small(kind)
    lower, upper = model.layer_means(IMAGES)
    assert (lower.shape, upper.shape) == ((5, D), (5, U))
    np.testing.assert_array_equal(lower, model.encode(IMAGES))
    eps = np.zeros((1, 5, D + U))
    model.forward(IMAGES, eps)
    with refused("upper_dim", "0"):
        small(kind, upper_dim=0)
    with refused("free_bits", "-1"):
        small(kind, free_bits=-1)


def test_the_recipe_builds_both():
    assert type(build("hierarchical-vae")) is HierarchicalVAE
    assert type(build("hierarchical-vae", inference="ladder")) is LadderVAE
    with refused("bottom-up or ladder", "'sideways'"):
        build("hierarchical-vae", inference="sideways")


@pytest.mark.parametrize("inference", ["bottom-up", "ladder"])
def test_batch_norm_is_in_the_inference_networks_only(inference):
    plain = build("hierarchical-vae", inference=inference)
    normed = build("hierarchical-vae", inference=inference, batch_norm=True)
    added = {name.split(".")[0] for name in normed.buffers}
    assert not plain.buffers
    assert added == {"encoder", "upper_encoder"}
    order = [type(layer).__name__ for layer in normed.encoder.layers]
    assert order[:4] == ["Flatten", "Dense", "BatchNorm", "Tanh"]
    for name in ("prior", "decoder"):
        shapes = [
            {parameter: p.value.shape for parameter, p in model.networks[name].parameters.items()}
            for model in (plain, normed, build("hierarchical-vae"))
        ]
        assert shapes[0] == shapes[1] == shapes[2]
    with refused("batch_norm", "'yes'"):
        build("hierarchical-vae", batch_norm="yes")


# What the reproduction says.


def said(upper, gain, epochs=2):
    """Return the remarks of a run in which the kinds named had those figures."""
    kinds = list(reproduction._KINDS)
    rows = []
    for kind in kinds:
        figures = {
            "test bound": -100 + gain.get(kind, -1.0),
            "KL of the lower layer": 30.0,
            "KL of the upper layer": upper.get(kind, 0.0),
            "active units of the lower layer": 40,
            "active units of the upper layer": 3,
        }
        if kind != "plain":
            figures["test bound above the plain one"] = gain.get(kind, -1.0)
            figures["standard error of that"] = 0.05
        rows += [Row(f"{kind}: {what}", None, ours, 0.0) for what, ours in figures.items()]
    results = SimpleNamespace(
        run=lambda name: SimpleNamespace(history=[None] * epochs),
        data=lambda: SimpleNamespace(train_images=np.empty(6000)),
        seconds=lambda name: 7.0,
    )
    return reproduction._remarks(results, rows)


def test_the_reproduction_says_what_it_measured_and_no_more():
    remedied = {"all three": 3.0, "free bits": 4.0}
    first, _, table = said(remedied, {"all three": 1.5})
    assert "After 2 epochs on 6,000 images" in first
    assert "is 0.00 nats, below the 0.1 that counts as collapsed. So short a run" in first
    assert "So short a run" not in said(remedied, {"all three": 1.5}, epochs=12)[0]
    assert "all three (3.00 nats, bound +1.50)" in first
    assert "free bits (" not in first  # it lost bound
    assert "| free bits | -101.00 | -1.00 ± 0.05 | 30.00 | 4.00 | 40 | 3 | 7 |" in table
    assert len(table.splitlines()) == 2 + len(reproduction._KINDS)
    first, *_ = said({"plain": 0.3, "all three": 1.9}, {"all three": 1.5})
    assert "is 0.30 nats, not below the 0.1" in first
    assert "No remedy brought it above 2 nats" in first
