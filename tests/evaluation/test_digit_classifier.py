"""The classifier that reads drawn digits."""

import numpy as np
from helpers import refused
from small_runs import small_dataset

from scratchvae.checks.gradients import check_gradients
from scratchvae.evaluation.digit_classifier import DigitClassifier, train_digit_classifier
from scratchvae.training import Trainer


def test_train_digit_classifier_learns_to_read_digits():
    data = small_dataset(train=400, test=100)
    classifier = train_digit_classifier(data.train_images, data.train_labels, epochs=60)
    read = classifier.predict(data.test_images)
    assert (read == data.test_labels).mean() > 0.4  # chance is 0.1
    with refused("needs the class"):
        Trainer(classifier).step(data.train_images[:3] / 255)


def test_the_gradient_of_the_classifier_is_right():
    classifier = DigitClassifier((3, 5, 1), classes=4, hidden=5)
    x = np.random.default_rng(0).random((6, 3, 5, 1)).astype(np.float32)
    labels, none = np.array([0, 1, 2, 3, 0, 1]), np.empty((0, 6), np.float32)
    classifier.forward(x, none, labels=labels)
    classifier.zero_grad()
    classifier.backward()
    bias = classifier.parameters["3.bias"]
    found = bias.grad.astype(np.float64)
    logits = classifier.network.forward(x).astype(np.float64) - bias.value
    moved = bias.value.astype(np.float64)

    def value():
        scores = logits + moved
        nll = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(6), labels]
        return float(nll.mean())

    report = check_gradients(
        "bias",
        value,
        {"bias": moved},
        {"bias": found},
        rng=np.random.default_rng(0),
        tolerance=1e-5,
    )
    assert report.passed, report


def test_the_classifier_reads_pixels_as_the_models_do():
    data = small_dataset(train=20, test=10)
    classifier = train_digit_classifier(data.train_images, data.train_labels, epochs=1)
    expected = classifier.predict(data.test_images)
    np.testing.assert_array_equal(classifier.predict(data.test_images[..., 0]), expected)
    np.testing.assert_array_equal(classifier.predict(data.test_images / 255), expected)
    for wrong in (data.test_images.astype(int), data.test_images.astype(float)):
        with refused("images must be"):
            classifier.predict(wrong)
        with refused("images must be"):
            train_digit_classifier(wrong, data.test_labels, epochs=1)
