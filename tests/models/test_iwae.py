"""The importance-weighted autoencoder: its bound, its gradient, and how it is trained."""

import numpy as np
import pytest
from exact_cases import linear_vae
from helpers import assert_same, normal, pixels, refused, small_parts, small_vae, values
from small_runs import small_dataset

from scratchvae import cli
from scratchvae.checks.gradients import gradcheck
from scratchvae.evaluation.exact import LinearGaussian, log_likelihood_by_quadrature
from scratchvae.layers import Softplus
from scratchvae.models import IWAE, VAE, build
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood
from scratchvae.runs.run import Run
from scratchvae.training import Trainer, epochs_through_stage, train
from scratchvae.training.settings import stage_of


def small_iwae(likelihood=None, **options):
    return small_vae(likelihood, model=IWAE, **options)


@pytest.mark.parametrize("likelihood", [BernoulliLikelihood(), GaussianLikelihood(0.3)], ids=repr)
@pytest.mark.parametrize("samples", [1, 2, 7])
def test_the_gradient_is_right(likelihood, samples):
    report = gradcheck(small_iwae(likelihood, samples=samples), pixels(3, 3, 5, 1))
    assert report.passed, report


def test_the_gradient_is_right_through_a_variance_head():
    model = small_iwae(samples=4, variance_head=Softplus())
    assert gradcheck(model, pixels(3, 3, 5, 1)).passed


def test_equal_weights_in_the_gradient_are_caught():
    class Unweighted(IWAE):
        def backward(self):
            *kept, weights = self._pass
            self._pass = (*kept, np.full_like(weights, 1 / len(weights)))
            super().backward()

    assert not gradcheck(small_vae(model=Unweighted, samples=3), pixels(3, 3, 5, 1)).passed


def test_one_sample_is_the_vae():
    x, eps = pixels(5, 3, 5, 1), normal(1, 5, 2)
    vae, iwae = small_vae(), small_iwae()
    assert iwae.forward(x, eps) == vae.forward(x, eps)
    for model in (vae, iwae):
        model.zero_grad()
        model.backward()
    for name, parameter in vae.parameters.items():
        np.testing.assert_array_equal(iwae.parameters[name].grad, parameter.grad)


def test_a_pass_of_one_sample_leaves_nothing_for_the_next_of_several():
    x, model = pixels(3, 3, 5, 1), small_iwae(samples=3)
    eps = normal(3, 3, 2)
    model.forward(x, eps)
    model.zero_grad()
    model.backward()
    expected = {name: p.grad.copy() for name, p in model.parameters.items()}
    model.forward(x, normal(1, 3, 2))
    model.backward()
    model.forward(x, eps)
    model.zero_grad()
    model.backward()
    for name, gradient in expected.items():
        np.testing.assert_array_equal(model.parameters[name].grad, gradient)


def test_the_kl_of_several_samples_is_that_of_one_on_average():
    x, model = pixels(5, 3, 5, 1), small_iwae()
    closed = model.forward(x, normal(1, 5, 2)).kl
    draws = [model.forward(x, normal(2, 5, 2, seed=seed)).kl for seed in range(3000)]
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws) - closed) < 5 * error  # 5 standard errors


def test_the_bound_grows_with_k_from_the_elbo_to_the_likelihood():
    linear = linear_vae(6, 2, 0.5)
    iwae = IWAE(
        linear.encoder,
        linear.decoder,
        linear.likelihood,
        image_shape=(6, 1, 1),
        latent_dim=2,
    )
    x = np.repeat(normal(2, 6, 1, 1), 400, axis=0)
    exact = LinearGaussian.of(linear).log_likelihood(x).mean()
    bounds = []
    for k in (1, 5, 50, 500):
        loss = iwae.forward(x, normal(k, len(x), 2, seed=k)).loss
        bounds.append(-loss - linear.likelihood.omitted_constant(6))
    assert bounds == sorted(bounds)
    assert bounds[-1] < exact + 0.01
    elbo = LinearGaussian.of(linear).elbo(x, *linear.encode_distribution(x)).mean()
    assert bounds[0] == pytest.approx(elbo, abs=0.3)


def test_its_elbo_is_that_of_one_sample_and_below_the_likelihood():
    model = small_iwae(latent_dim=1, samples=50)
    x = (pixels(4, 3, 5, 1) > 0.5).astype(np.float64)
    exact = log_likelihood_by_quadrature(model, x)
    terms = model.evaluate(x)
    assert -terms.loss < exact.mean() + 0.05
    assert model.elbo(x).mean() == pytest.approx(-(terms.reconstruction + terms.kl))
    assert terms.loss < terms.reconstruction + terms.kl


def test_far_apart_weights_do_not_overflow():
    model = small_iwae(GaussianLikelihood(1e-5), samples=4)
    terms = model.forward(pixels(3, 3, 5, 1), normal(4, 3, 2))
    model.zero_grad()
    model.backward()
    assert np.isfinite(terms.loss)
    assert all(np.isfinite(p.grad).all() for p in model.parameters.values())


def test_there_is_no_beta():
    encoder, decoder = small_parts()
    with pytest.raises(TypeError, match="beta"):
        IWAE(
            encoder,
            decoder,
            BernoulliLikelihood(),
            image_shape=(3, 5, 1),
            latent_dim=2,
            beta=4.0,
        )


# The recipe.


def test_the_recipe_is_that_of_the_paper():
    model = build("iwae", samples=50)
    assert (model.latent_dim, model.samples) == (50, 50)
    sizes = [p.value.shape for n, p in model.parameters.items() if n.endswith("weight")]
    assert sizes == [(784, 200), (200, 200), (200, 100), (50, 200), (200, 200), (200, 784)]
    for name, parameter in model.parameters.items():
        if name.endswith("bias"):
            assert not parameter.value.any()
        else:
            bound = np.sqrt(6 / sum(parameter.value.shape))
            assert 0.95 * bound < np.abs(parameter.value).max() <= bound * 1.0001
    settings = model.settings
    assert (settings.batch_size, settings.epsilon, settings.pixels) == (20, 1e-4, "binarised")
    assert Trainer(model).optimiser.epsilon == 1e-4


def test_the_stages_are_those_of_the_paper():
    assert [epochs_through_stage(i) for i in range(8)] == [1, 4, 13, 40, 121, 364, 1093, 3280]
    trainer = Trainer(build("iwae"))
    rates = []
    for epoch in range(3280):
        trainer.epoch = epoch
        trainer.schedule(0.5)
        rates.append(trainer.optimiser.learning_rate)
    expected = [1e-3 * 10 ** (-i / 7) for i in range(8) for _ in range(3**i)]
    np.testing.assert_allclose(rates, expected)
    other = Trainer(build("iwae"), learning_rate=0.5)
    other.schedule(0.0)
    assert other.optimiser.learning_rate == 0.5
    assert stage_of(5000) == 7  # whoever goes on stays in the last
    for bad in (-1, 8):
        with refused("stage"):
            epochs_through_stage(bad)


def test_the_output_bias_begins_at_the_training_mean_and_only_then():
    images = small_dataset(64).train_images
    model = build("iwae", latent_dim=3, samples=2)
    model.begin(images)
    decoded = model.likelihood.mean(model.decoder.layers[-2].parameters["bias"].value)
    mean = images.reshape(64, -1).mean(axis=0) / 255
    np.testing.assert_allclose(decoded, np.clip(mean, 1e-3, 1 - 1e-3), atol=1e-6)
    trained = model.decoder.layers[-2].parameters["bias"].value
    trained += 1
    kept = trained.copy()
    model.begin(images)  # as a warm start does
    np.testing.assert_array_equal(trained, kept)
    calls = []
    model.begin = lambda images: calls.append(len(images))
    trainer = Trainer(model, epochs=1)
    train(trainer, images, progress=False)
    trainer.settings = trainer.settings.changed(epochs=2)
    train(trainer, images, progress=False)
    assert calls == [64]


def test_a_decoder_without_logits_begins_as_it_is():
    model = small_iwae(GaussianLikelihood(1.0))
    before = {name: value.copy() for name, value in model.state().items()}
    model.begin(pixels(5, 3, 5, 1))
    for name, value in model.state().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_run_of_stages_from_the_command_line(tmp_path, monkeypatch, capsys):
    data = small_dataset(40, 20)
    monkeypatch.setattr(Run, "draw_all", lambda run, data: [])
    monkeypatch.setattr(Run, "load_data", lambda run, *_: data)
    folder = tmp_path / "run"
    words = ["train", "iwae", "--samples", "3", "--latent-dim", "2"]
    assert cli.main([*words, "--last-stage", "1", "--out", str(folder)]) == 0
    run = Run.open(folder)
    assert isinstance(run.model, IWAE)
    assert (run.model.samples, len(run.history)) == (3, 4)
    assert run.trainer.settings.epsilon == 1e-4
    resume = ["train", "--resume", "--out", str(folder), "--last-stage"]
    assert cli.main([*resume, "0"]) == 2  # more is done already
    assert "--epochs is the total" in capsys.readouterr().err
    assert cli.main([*resume, "1"]) == 0
    assert "complete" in capsys.readouterr().out
    words = ["evaluate", str(folder), "--importance-samples", "10"]
    assert cli.main(words) == 0
    assert "nll" in capsys.readouterr().out
    for wrong, said in (
        (["zhao-mlp", "--last-stage", "1"], "stages"),
        (["iwae", "--last-stage", "1", "--epochs", "2"], "--epochs"),
        (["iwae", "--last-stage", "8"], "at most 7"),
        (["autoencoder", "--samples", "2"], "no option 'samples'"),
    ):
        assert cli.main(["train", *wrong, "--out", str(tmp_path / "other")]) == 2
        assert said in capsys.readouterr().err


def test_a_vae_takes_nothing_from_its_data_before_training():
    assert isinstance(build("iwae"), VAE)
    model = build("kingma-welling")
    before = values(model)
    model.begin(pixels(5, 28, 28, 1))
    assert_same(values(model), before)
