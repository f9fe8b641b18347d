"""What is said of an answer that is unfinished, borrowed, or uses what it should not."""

import itertools
import linecache
import re

import numpy as np
import pytest

from scratchvae.course import own_program
from scratchvae.course.exercises import check
from scratchvae.course.exercises.catalogue import EXERCISES
from scratchvae.course.exercises.judging import judge

CELLS = itertools.count()


@pytest.fixture(autouse=True)
def own_file(tmp_path, monkeypatch):
    monkeypatch.setenv(own_program.VARIABLE, str(tmp_path / "my_vae.py"))
    return tmp_path / "my_vae.py"


def define(source, name, notebook=None):
    """Run a cell as a notebook does, its text in the line cache, and return what it defines."""
    file = f"<written cell {next(CELLS)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {"np": np} if notebook is None else notebook
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


DENSE = '''
class Dense:
    """y = x W + b."""

    def __init__(self, inputs, outputs, rng, dtype=np.float64):
        bound = 1 / np.sqrt(inputs)
        self.parameters = {
            "weight": rng.uniform(-bound, bound, (inputs, outputs)).astype(dtype),
            "bias": rng.uniform(-bound, bound, outputs).astype(dtype),
        }
        self.gradients = {}

    def forward(self, x):
        """Return y."""
        self.x = x
        return x @ self.parameters["weight"] + self.parameters["bias"]

    def backward(self, dy):
        """Return dx."""
        self.gradients = {"weight": self.x.T @ dy, "bias": dy.sum(axis=0)}
        return dy @ self.parameters["weight"].T
'''
FORWARD = (
    '        self.x = x\n        return x @ self.parameters["weight"] + self.parameters["bias"]'
)
BACKWARD = (
    '        self.gradients = {"weight": self.x.T @ dy, "bias": dy.sum(axis=0)}\n'
    '        return dy @ self.parameters["weight"].T'
)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ([], "right", "It is now in"),
        ([(FORWARD, "        ..."), (BACKWARD, "        ...")], "not done", ""),
        ([(BACKWARD, "        ...")], "not done", "backward is still missing."),
        (
            [("return x @", "y = x @")],
            "not done",
            "forward computes something and returns nothing: is `return` missing?",
        ),
        ([("        return dy @", "        dx = dy @")], "not done", "backward computes"),
        ([("self.x.T @ dy", "dy.T @ self.x")], "wrong", "The weight's gradient: its shape is"),
        ([("self.x.T @ dy", "dy.T @ self.x")], "wrong", "transpose it"),
        ([("dy.sum(axis=0)", "dy")], "wrong", "sum over axis 0 and it is right"),
        ([("dy.sum(axis=0)", "dy.mean(axis=0)")], "wrong", "a sum over the examples, not their"),
        ([("        self.x = x\n", "")], "wrong", "let an earlier call keep it, as self.x = ..."),
        (
            [("        self.x = x\n", '        self.x = getattr(self, "x", x)\n')],
            "wrong",
            "uses the x of an earlier batch",
        ),
        (
            [
                (
                    BACKWARD.splitlines()[0],
                    '        for n, g in ("weight", self.x.T @ dy), ("bias", dy.sum(axis=0)):\n'
                    "            self.gradients[n] = self.gradients.get(n, 0) + g",
                )
            ],
            "wrong",
            "with = and not +=",
        ),
        (
            [(' @ self.parameters["weight"].T', ' @ self.parameters["weight"]')],
            "wrong",
            "inner sizes",
        ),
        (
            [("rng.uniform(-bound, bound, (inputs, outputs))", "np.zeros((inputs, outputs))")],
            "wrong",
            "All weights are equal at the start",
        ),
        ([(".astype(dtype)", "")], "wrong", "must be float32, not float64"),
        ([(", dtype=np.float64", "")], "wrong", "cannot be used as the exercise says: TypeError"),
        ([('"weight": self', '"w": self')], "not done", "Still missing: the weight's gradient"),
        (
            [('self.gradients = {"w', 'self.grads = {"w')],
            "not done",
            "Still missing: the weight's gradient",
        ),
    ],
)
def test_a_layer_is_judged_with_words_for_its_mistake(changes, status, words):
    source = DENSE
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    verdict = check("dense-layer", define(source, "Dense"))
    assert (verdict.status, words in verdict.message) == (status, True), verdict


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("...", ""),
        ('"""Only a docstring."""', ""),
        ("pass", ""),
        ("return ...", ""),
        ("gradient = x.T @ dy", "is `return` missing?"),
        ("print(x.T @ dy)", "It prints and returns nothing"),
        ("return (x.T @ dy).sort()", "It returned None."),
    ],
)
def test_a_function_that_returns_nothing_is_not_done_and_hears_why(body, words, capsys):
    function = define(f"def weight_gradient(x, dy):\n    {body}\n", "weight_gradient")
    verdict = check("dense-weight-gradient", function)
    assert verdict.status == "not done"
    assert words in verdict.message
    assert bool(verdict.message) == bool(words)


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("momentum", "value = value - self.rate * gradients[name]", "value -= ... changes"),
        ("momentum", "...", ""),
    ],
)
def test_an_optimiser_that_changes_nothing_hears_about_in_place(name, source, words):
    cell = (
        "class Momentum:\n    def __init__(self, parameters, rate, momentum=0.0):\n"
        "        self.parameters, self.rate, self.momentum = parameters, rate, momentum\n"
        "    def step(self, gradients):\n        for name, value in self.parameters.items():\n"
        f"            {source}\n"
    )
    cell = cell if source != "..." else cell[: cell.index("        for name")] + "        ...\n"
    verdict = check(name, define(cell, "Momentum"))
    assert verdict.status == "not done"
    assert words in verdict.message


def test_a_variable_of_the_notebook_in_a_wrong_answer_is_pointed_out():
    notebook = {"np": np, "h": 1e-6, "X": np.ones((5, 3)), "kept": []}
    body = "def f(dy, x, weight, bias):\n    return dy + (dy * (1 - h**2)) @ weight.T\n"
    verdict = check("skip-connection-backward", define(body, "f", notebook))
    assert "Mind that it uses h of the notebook" in verdict.message
    verdict = check("dense-weight-gradient", define("def f(x, dy): return X.T @ X", "f", notebook))
    assert "Mind that it uses X of the notebook" in verdict.message
    # A number that is set in the same cell is the answer's own, and functions are no data.
    own = "h = 2.0\n\ndef f(x, dy):\n    return np.multiply(h, x.T @ dy)\n"
    assert "Mind" not in check("dense-weight-gradient", define(own, "f", notebook)).message


OF_THE_PACKAGE = """
from scratchvae import layers, probability
from scratchvae.course import program
from scratchvae.course.program import kl_gradients as theirs
"""


@pytest.mark.parametrize(
    ("name", "answer", "title"),
    [
        ("dense-layer", "layers.Dense", "scratchvae.layers.dense.Dense"),
        ("kl-to-standard", "program.kl_to_standard", "program.probability.kl_to_standard"),
        (
            "kl-to-standard",
            "lambda m, l: probability.kl_to_standard(m, l)",
            "scratchvae.probability.gaussian_kl.kl_to_standard",
        ),
        ("kl-to-standard", "lambda m, l: program.kl_to_standard(m, l)", "kl_to_standard"),
        ("kl-gradients", "lambda *both: theirs(*both)", "kl_gradients"),
        ("tanh-layer", 'type("Mine", (program.Tanh,), {})', "program.layers.Tanh"),
        (
            "draw",
            "lambda m, l, e: __import__('scratchvae').probability.reparameterise(m, l, e[None])[0]",
            "",  # hidden too well to be found, and nobody's honest mistake
        ),
    ],
)
def test_the_packages_own_function_is_no_answer(name, answer, title):
    found = define(f"{OF_THE_PACKAGE}\nanswer = {answer}\n", "answer")
    verdict = check(name, found)
    assert verdict.status == ("not done" if title else "right"), verdict
    assert title in verdict.message
    if title:
        assert "write" in verdict.message


def test_an_import_inside_the_answer_is_seen_too():
    source = (
        "def draw(mean, log_variance, eps):\n"
        "    from scratchvae.probability import reparameterise\n"
        "    return reparameterise(mean, log_variance, eps[None])[0]\n"
    )
    assert "reparameterise does the work" in check("draw", define(source, "draw")).message


def test_what_the_lesson_says_to_use_may_be_used():
    source = (
        "from scratchvae.probability import gaussian_log_density, standard_normal_log_density\n"
        "def log_weights(ll, z, mean, lv):\n"
        "    return ll + standard_normal_log_density(z) - gaussian_log_density(z, mean, lv)\n"
    )
    assert check("log-weights", define(source, "log_weights")).right
    # Pieces of other lessons are there to be used as well.
    source = (
        "from scratchvae.course.program import kl_gradients, draw_backward\n"
        "def latent_gradients(dz, mean, log_variance, eps):\n"
        "    z, kl = draw_backward(dz, log_variance, eps), kl_gradients(mean, log_variance)\n"
        "    return tuple(a + b / len(mean) for a, b in zip(z, kl))\n"
    )
    assert check("latent-gradients", define(source, "latent_gradients")).right
    # So is a class, to be built upon.
    source = (
        "from scratchvae.course.program import VAE, decoder_backward\n"
        "class Autoencoder(VAE):\n"
        "    def encode(self, x):\n"
        "        code = self.encoder.forward(x)\n"
        "        return code, np.full_like(code, -np.inf)\n"
        "    def forward(self, x, eps):\n"
        "        y = self.decoder.forward(self.encode(x)[0])\n"
        "        self.pair = x, y\n"
        "        return self.likelihood.nats(x, y), np.zeros(len(x))\n"
        "    def backward(self):\n"
        "        x, y = self.pair\n"
        "        self.encoder.backward(decoder_backward(self.decoder, self.likelihood, x, y))\n"
    )
    assert check("autoencoder-twin", define(source, "Autoencoder")).right


def test_an_error_comes_with_its_arguments_shapes_and_in_plain_words():
    source = "def f(x, dy):\n    return x @ dy\n"
    found = judge(EXERCISES["dense-weight-gradient"], define(source, "f"))
    assert "the inner sizes of a matrix product must be equal, and are" in found.sentence
    assert "gufunc" not in found.sentence
    assert "in the line `return x @ dy` (with x (" in found.sentence
    found = judge(EXERCISES["dense-weight-gradient"], define(source.replace("@", "*"), "f"))
    assert "broadcast together with shapes" in found.sentence
    assert " , " not in found.sentence


def test_an_error_shows_an_argument_that_is_a_shape_as_it_is():
    found = judge(EXERCISES["add-patches"], lambda parts, shape, *_: np.zeros(shape) + parts)
    assert re.search(r"shape \(\d+, \d+, \d+, \d+\)\)$", found.sentence), found.sentence
