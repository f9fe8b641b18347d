"""Whether a VAE does what its description says, seen without the doctor, from definitions.

Each check takes a ``Reading`` of a description and returns whether the program passes. Draws are
held to their moments, losses to the closed forms of their two terms, training steps to what they
change.
"""

import inspect
import sys

import numpy as np

DRAWS = 64
STEPS = 40


def to_numpy(array):
    array = array.detach() if hasattr(array, "detach") else array
    return np.asarray(array, dtype=np.float64)


def number(loss):
    """Return the loss alone, of the forms in which people return it."""
    if isinstance(loss, dict):
        loss = loss["loss"] if "loss" in loss else loss["total"]
    if isinstance(loss, tuple):
        loss = loss[0]
    return float(to_numpy(loss))


def arrays(weights):
    """Return every array among the weights, as copies in NumPy."""
    if hasattr(weights, "parameters"):
        return [to_numpy(w).copy() for w in weights.parameters()]
    if callable(weights):
        return arrays(weights())
    if isinstance(weights, dict):
        return [a for part in weights.values() for a in arrays(part)]
    if isinstance(weights, (list, tuple)):
        return [a for part in weights for a in arrays(part)]
    return [to_numpy(weights).copy()] if hasattr(weights, "shape") else []


class Reading:
    """A description with NumPy going in and coming out."""

    def __init__(self, description, samples=1):
        self.description, self.samples = description, samples
        self.data = description["data"]
        self.x = to_numpy(self.data)
        self.bernoulli = description["likelihood"] == "bernoulli"
        self.kind = description.get("spread", "log-variance")
        self.beta = description.get("beta", 1.0)
        self.variance = description.get("variance", 1.0)
        self.module = description["parameters"]
        self.module = self.module if hasattr(self.module, "train") else None
        self.rng = np.random.default_rng(0)
        given = inspect.signature(description["loss"]).parameters.values()
        self.whole = len(given) == 1 and all(p.kind != p.VAR_POSITIONAL for p in given)

    def native(self, array):
        """Return a NumPy array as the program's own, in the precision of its data."""
        if isinstance(self.data, np.ndarray):
            return np.asarray(array, self.data.dtype)
        if type(self.data).__module__.startswith("torch"):
            return sys.modules["torch"].as_tensor(np.asarray(array), dtype=self.data.dtype)
        return sys.modules["jax.numpy"].asarray(array, self.data.dtype)

    def mode(self, training):
        if self.module is not None:
            self.module.train(training)

    def encode(self):
        """Return the means and log-variances of the data, (N, D) each."""
        mean, spread = map(to_numpy, self.description["encode"](self.data))
        with np.errstate(divide="ignore"):
            scale = {"variance": np.log, "deviation": lambda s: 2 * np.log(s)}
            scale |= {"log-variance": lambda s: s, "log-deviation": lambda s: 2 * s}
            return mean, scale[self.kind](spread)

    def spread(self, log_variance):
        scale = {"variance": np.exp, "deviation": lambda v: np.exp(v / 2)}
        scale |= {"log-variance": lambda v: v, "log-deviation": lambda v: v / 2}
        return self.native(scale[self.kind](log_variance))

    def draw(self, mean, log_variance):
        function = self.description["draw"]
        given = [self.native(mean), self.spread(log_variance)]
        if len(inspect.signature(function).parameters) == 3:
            given.append(self.native(self.rng.standard_normal(mean.shape)))
        return to_numpy(function(*given))

    def decode(self, z):
        return to_numpy(self.description["decode"](self.native(z)))

    def loss(self, name, output, mean, log_variance):
        function = self.description[name]
        given = (self.native(output), self.native(mean), self.spread(log_variance))
        return number(function(self.data, *given))

    def reconstruction(self, output):
        """Return −log p(x|z) of each image, a Gaussian's without its constant."""
        output = output.reshape(self.x.shape)
        axes = tuple(range(1, output.ndim))
        if not self.bernoulli:
            return np.sum((self.x - output) ** 2, axes) / (2 * self.variance)
        if self.description.get("decoder_gives", "probabilities") == "logits":
            return np.sum(np.logaddexp(0, output) - self.x * output, axes)
        p = np.clip(output, 1e-12, 1 - 1e-12)
        return -np.sum(self.x * np.log(p) + (1 - self.x) * np.log(1 - p), axes)

    def random_moments(self):
        shape = to_numpy(self.description["encode"](self.data)[0]).shape
        return self.rng.standard_normal(shape), self.rng.uniform(-3, 1, shape)

    def bound(self):
        """Return minus the bound in nats per image, in evaluation mode, over a few own draws."""
        self.mode(False)
        mean, log_variance = self.encode()
        rng, deviation = np.random.default_rng(1), np.exp(log_variance / 2)
        draws = [mean + deviation * rng.standard_normal(mean.shape) for _ in range(5)]
        found = np.mean([self.reconstruction(self.decode(z)) for z in draws])
        self.mode(True)
        return found + self.beta * np.mean(divergence(mean, log_variance))


def divergence(mean, log_variance):
    """KL(N(mean, variance) ‖ N(0, 1)) of each image: Kingma & Welling 2014, appendix B."""
    return 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance, axis=1)


def standardised_draws(reading):
    mean, log_variance = reading.random_moments()
    draws = np.array([reading.draw(mean, log_variance) for _ in range(DRAWS)])
    return (draws - mean) / np.exp(log_variance / 2)


def draws(reading):
    noise = standardised_draws(reading)
    # Six standard errors of a mean and of a deviation: 1 in 10⁹ each, of some hundreds.
    centred = np.abs(noise.mean(0)).max() < 6 / DRAWS**0.5
    return centred and np.abs(noise.std(0) - 1).max() < 6 / (2 * DRAWS) ** 0.5


def noise(reading):
    few = standardised_draws(reading)[:, :8].reshape(DRAWS, -1)
    with np.errstate(invalid="ignore"):  # a draw without noise has no correlations
        related = np.nan_to_num(np.corrcoef(few.T), nan=1.0)
    np.fill_diagonal(related, 0)
    return np.abs(related).max() < 6 / DRAWS**0.5


def loss_of_parts(reading):
    """Hold the loss to a (reconstruction + β divergence) + constant, with any a > 0."""
    rows, values = [], []
    for scale in np.linspace(0.2, 3, 10):
        mean, log_variance = reading.random_moments()
        output = reading.decode(scale * reading.rng.standard_normal(mean.shape))
        values.append(reading.loss("loss", output, scale * mean, log_variance))
        terms = reading.reconstruction(output).sum(), divergence(scale * mean, log_variance).sum()
        rows.append([*terms, 1])
    values, rows = np.array(values), np.array(rows)
    if not np.isfinite(values).all():
        return False
    (a, b, _), *_ = np.linalg.lstsq(rows / rows.max(0), values, rcond=None)
    a, b = a / rows[:, 0].max(), b / rows[:, 1].max()
    fitted = rows[:, :2] @ [a, b]
    # Sums of some ten thousand terms in single precision are off by less than 1e-5 of their total;
    # a hundredth of the divergence is far less than any other formula differs from it here.
    off = 1e-5 * np.abs(values).max() + 0.01 * np.ptp(b * rows[:, 1])
    return np.ptp(values - fitted) < off and a > 0 and abs(b / a / reading.beta - 1) < 0.02


def loss_of_whole(reading):
    """Hold the average of a loss that draws to that of the bound, in nats per image."""
    mean, log_variance = reading.encode()
    theirs = [number(reading.description["loss"](reading.data)) for _ in range(DRAWS)]
    ours = []
    for _ in range(DRAWS):
        noise = reading.rng.standard_normal((reading.samples, *mean.shape))
        z = mean + np.exp(log_variance / 2) * noise
        found = np.array([reading.reconstruction(reading.decode(one)) for one in z])
        if reading.samples == 1:
            ours.append(np.mean(found[0] + reading.beta * divergence(mean, log_variance)))
        else:  # Burda et al. 2016, equation 8
            log_ratio = (noise**2 - z**2 + log_variance).sum(-1) / 2 - found
            ours.append(-np.mean(np.logaddexp.reduce(log_ratio) - np.log(reading.samples)))
    error = np.hypot(np.std(theirs), np.std(ours)) / DRAWS**0.5
    return np.std(theirs) > 1e-4 and abs(np.mean(theirs) - np.mean(ours)) < 6 * error


def loss(reading):
    return loss_of_whole(reading) if reading.whole else loss_of_parts(reading)


def validation(reading):
    if "validation_loss" not in reading.description or reading.whole:
        return True
    mean, log_variance = reading.random_moments()
    given = reading.decode(mean), mean, log_variance
    one, other = reading.loss("loss", *given), reading.loss("validation_loss", *given)
    reading.mode(True)
    return abs(one - other) < 1e-5 * abs(one)  # the same sums in single precision


def outputs(reading):
    if not reading.bernoulli or reading.description.get("decoder_gives") == "logits":
        return True
    output = reading.decode(reading.random_moments()[0])
    return output.min() >= 0 and output.max() <= 1


def pixels(reading):
    return not reading.bernoulli or (reading.x.min() >= 0 and reading.x.max() <= 1)


def latents(reading):
    first, second = (reading.decode(reading.random_moments()[0]) for _ in range(2))
    return np.abs(first - second).max() > 1e-6


def moments(reading):
    """See whether the means are centred on the batch by construction: (D,) averages all nought."""
    return np.abs(reading.encode()[0].mean(0)).max() > 1e-4


def finite(reading):
    mean, log_variance = reading.encode()
    if reading.whole:
        return np.isfinite(number(reading.description["loss"](reading.data)))
    with np.errstate(all="ignore"):
        return np.isfinite(reading.loss("loss", reading.decode(mean), mean, log_variance))


def statistics(reading):
    if reading.module is None:
        return np.zeros(0)
    found = [to_numpy(b).ravel() for n, b in reading.module.named_buffers() if "running" in n]
    return np.concatenate([np.zeros(0), *found])


def modes(reading):
    """See batch norms' running averages follow the training steps, and nothing else."""
    before = statistics(reading)
    reading.description["train_step"](reading.data)
    after = statistics(reading)
    if "validation_loss" in reading.description and reading.whole:
        reading.mode(False)
        reading.description["validation_loss"](reading.data)
        reading.mode(True)
    followed = not before.size or not np.array_equal(before, after)
    return followed and np.array_equal(after, statistics(reading))


def updates(reading):
    before = arrays(reading.description["parameters"])
    for _ in range(3):
        reading.description["train_step"](reading.data)
    after = arrays(reading.description["parameters"])
    return all(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def trained(reading):
    """Return the bound, negative, before and after some steps."""
    before = reading.bound()
    for _ in range(STEPS):
        reading.description["train_step"](reading.data)
    return before, reading.bound()


CHECKS = {
    "pixels": pixels,
    "outputs": outputs,
    "finite": finite,
    "draws": draws,
    "noise": noise,
    "loss": loss,
    "validation": validation,
    "latents": latents,
    "moments": moments,
    "modes": modes,
    "updates": updates,
}


def failed_checks(reading):
    """Return the names of the checks that fail, those that train after those that do not."""
    reading.mode(True)
    with np.errstate(all="ignore"):
        return [name for name, check in CHECKS.items() if not check(reading)]
