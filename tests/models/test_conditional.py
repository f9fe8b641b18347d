"""The conditional VAE: labels travel from the data to the formula."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, PIXELS, normal, pixels, refused, small_vae
from small_runs import small_dataset

from scratchvae.checks.gradients import gradcheck
from scratchvae.data.batches import epoch_batches, label_batches
from scratchvae.layers import Dense, Reshape, Sequential, Tanh
from scratchvae.models import ConditionalVAE, build
from scratchvae.models import conditional_vae as module
from scratchvae.models.conditional_vae import one_hot
from scratchvae.probability import BernoulliLikelihood
from scratchvae.runs.run import Run
from scratchvae.training import Settings, Trainer, train

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def small_conditional(dtype=np.float64, **options):
    made = {"rng": np.random.default_rng(0), "dtype": dtype}
    encoder = Sequential(Dense(PIXELS + 3, 4, **made), Tanh(), Dense(4, 4, **made))
    decoder = Sequential(
        *(Dense(2 + 3, 4, **made), Tanh(), Dense(4, PIXELS, **made)),
        Reshape(IMAGE_SHAPE),
    )
    options = {"image_shape": IMAGE_SHAPE, "latent_dim": 2, "classes": 3} | options
    return ConditionalVAE(encoder, decoder, BernoulliLikelihood(), **options)


@pytest.mark.parametrize("samples", [1, 3])
def test_its_gradient_is_right(samples):
    model = small_conditional(samples=samples, beta=0.7, reconstruction_weight=1.3)
    report = gradcheck(model, IMAGES, labels=LABELS)
    assert report.passed, report


def test_a_label_that_is_wrong_in_the_decoder_is_caught(monkeypatch):
    # The gradient check cannot: the derivative of the wrong model is right.
    calls = []

    def shifted(labels, classes, dtype):
        calls.append(1)
        return one_hot((labels + len(calls) - 1) % classes, classes, dtype)

    eps = normal(1, 6, 2, seed=1)
    right = small_conditional().forward(IMAGES, eps, labels=LABELS)
    monkeypatch.setattr(module, "one_hot", shifted)
    assert small_conditional().forward(IMAGES, eps, labels=LABELS) != right


class GradientIntoTheLabel(ConditionalVAE):
    """Takes the label's columns of the decoder's gradient for those of z."""

    def backward(self):
        backward = self.decoder.backward
        self.decoder.backward = lambda dy: np.ascontiguousarray(np.roll(backward(dy), -2, axis=1))
        super().backward()
        del self.decoder.backward


def test_the_wrong_columns_of_the_gradient_are_caught(monkeypatch):
    monkeypatch.setitem(globals(), "ConditionalVAE", GradientIntoTheLabel)
    report = gradcheck(small_conditional(), IMAGES, labels=LABELS)
    failed = {row.name for row in report.rows if not row.passed}
    assert failed == {n for n in small_conditional().parameters if n.startswith("encoder")}


def test_the_label_reaches_encoder_and_decoder():
    model = small_conditional()
    assert np.abs(model.encode(IMAGES, LABELS) - model.encode(IMAGES, (LABELS + 1) % 3)).min() > 0
    z = normal(6, 2)
    same = np.zeros(6, int)
    assert np.abs(model.decode(z, same) - model.decode(z, same + 1)).min() > 0
    np.testing.assert_array_equal(model.decode(z), model.decode(z, LABELS))  # each in turn
    first, second = model.sample(3, labels=[1, 1, 2]), model.sample(3, labels=[1, 1, 0])
    np.testing.assert_array_equal(first[:2], second[:2])
    assert (first[2] != second[2]).any()
    assert model.sample(4, labels=[1, 1, 2, 0], pixel_noise=True).shape == (4, *IMAGE_SHAPE)


def test_more_images_than_pass_at_once_keep_their_labels():
    model, labels = small_conditional(), np.arange(600) % 3
    images = pixels(600, *IMAGE_SHAPE)
    z = model.encode(images, labels)
    for n in (249, 250, 599):
        one = slice(n, n + 1)
        np.testing.assert_allclose(z[n], model.encode(images[one], labels[one])[0])
        np.testing.assert_allclose(
            model.decode(z, labels)[n], model.decode(z[one], labels[one])[0], rtol=1e-12
        )
    assert model.elbo(images, labels=labels).shape == (600,)


def test_labels_that_do_not_fit_are_refused():
    model = small_conditional()
    for call in (model.encode, model.reconstruct, model.score, model.fit, model.transform):
        with refused("needs the class", "6 whole numbers", "0 to 2"):
            call(IMAGES)
        with refused("from 0 to 2", "5"):
            call(IMAGES, np.arange(6))
        with refused("(5,)"):
            call(IMAGES, LABELS[:5])
        with refused("float64"):
            call(IMAGES, LABELS / 1.0)
        with refused("not of one shape"):
            call(IMAGES, [[1, 2], [3]])
    with refused("needs the class"):
        model.forward(IMAGES, normal(1, 6, 2))
    with refused("needs the class"):
        model.fit(IMAGES, LABELS, test_images=IMAGES)
    with refused("VAE is not conditioned on classes"):
        small_vae().encode(IMAGES, LABELS)
    with refused("layer has none"):
        gradcheck(Dense(2, 2, dtype=np.float64), normal(3, 2), labels=LABELS)
    with refused("classes", "0"):
        small_conditional(classes=0)


@pytest.mark.parametrize("first_batch", [0, 2])
def test_labels_come_in_the_order_of_the_images(first_batch):
    images = np.arange(50, dtype=np.uint8).reshape(50, 1, 1, 1)
    order = {"batch_size": 8, "seed": 3, "epoch": 2, "first_batch": first_batch}
    labels = list(label_batches(np.arange(50), **order))
    for batch, its_labels in zip(epoch_batches(images, **order), labels, strict=True):
        np.testing.assert_allclose(batch.ravel() * 255, its_labels, rtol=1e-6)


def test_training_gives_each_batch_its_labels():
    data = small_dataset(train=40)
    model = build("conditional-vae", latent_dim=2)
    seen, forward = [], model.forward

    def watched(x, noise, training=False, labels=None):
        seen.append((x.copy(), labels))
        return forward(x, noise, training, labels=labels)

    model.forward = watched
    trainer = Trainer(model, Settings(batch_size=16, epochs=2))  # grey pixels
    train(trainer, data.train_images, labels=data.train_labels, progress=False)
    assert [len(x) for x, _ in seen] == [16, 16, 8] * 2
    pairs = zip(data.train_images, data.train_labels, strict=True)
    label_of = {image.tobytes(): label for image, label in pairs}
    for x, labels in seen:
        for image, label in zip(np.rint(x * 255).astype(np.uint8), labels, strict=True):
            found = label_of.get(image.tobytes())  # outside assert: no need to see the image
            assert found == label
    with refused("a label for each of 40 images, not 3"):
        train(Trainer(model), data.train_images, labels=data.train_labels[:3])


def test_fit_learns_from_the_labels():
    data = small_dataset(train=200)
    model = build("conditional-vae", latent_dim=2)
    options = {"test_images": data.test_images, "test_labels": data.test_labels}
    model.fit(
        data.train_images, data.train_labels, epochs=8, batch_size=20, progress=False, **options
    )
    assert model.history_[-1].test.loss < model.history_[0].test.loss - 20
    right = model.score(data.test_images, data.test_labels)
    assert right == pytest.approx(model.elbo(data.test_images, labels=data.test_labels).mean())
    # The bars of the test images are 3 pixels wider than their label says.
    wrong = model.score(data.test_images, (data.test_labels + 5) % 10)
    assert right > wrong + 5
    widths = (model.sample(10) > 0.4).any(axis=1).sum(axis=(1, 2))
    assert widths[9] > widths[0]
    codes = model.fit_transform(data.train_images, data.train_labels, epochs=1, progress=False)
    np.testing.assert_array_equal(codes, model.encode(data.train_images, data.train_labels))
    np.testing.assert_array_equal(codes, model.transform(data.train_images, data.train_labels))
    np.testing.assert_array_equal(
        model.inverse_transform(codes[:5], data.train_labels[:5]),
        model.decode(codes[:5], data.train_labels[:5]),
    )


def test_a_run_of_it_trains_draws_and_is_measured(tmp_path):
    data = small_dataset()
    settings = {"epochs": 1, "batch_size": 16}
    run = Run.begin("conditional-vae", tmp_path / "run", latent_dim=2, settings=settings)
    run.train(data, report=lambda line: None, progress=False)
    assert len(run.draw_all(data)) == 5
    run.draw("interpolation", data)
    again = Run.open(tmp_path / "run")
    assert again.evaluate(data) == run.evaluate(data)
    assert again.evaluate(data)["loss"] == pytest.approx(run.history[-1].test.loss)
