"""``scratchvae doctor FILE.py:OBJECT``: the doctor's report of what is in a user's file."""

import json

import pytest
from own_vaes import PARTS
from small_runs import names_in

VAE = (
    PARTS
    + """
likelihood, decoder_gives = "bernoulli", "probabilities"
print("a word of my own")


def loss(x, y, mean, log_variance):
    reconstruction = -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum(1).mean()
    kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(1).mean()
    return reconstruction + kl, reconstruction, kl


def with_variance():
    wrong = lambda mean, spread: mean + np.exp(spread) * np.random.standard_normal(mean.shape)
    return {"data": data, "encode": encode, "draw": wrong}


nothing = {}
"""
)


@pytest.fixture
def mine(here):
    (here / "mine.py").write_text(VAE)


def test_a_whole_file_is_examined_and_exit_code_0_says_that_nothing_wrong_was_found(mine, call):
    code, output, errors = call("doctor", "mine.py")
    assert (code, errors) == (0, ["a word of my own"])
    assert output[0].startswith("doctor of a VAE in NumPy")
    assert "nothing wrong was found" in output[-1]


def test_a_fault_is_exit_code_1_and_in_the_file_that_was_asked_for(mine, here, call):
    code, output, _ = call("doctor", "mine.py:with_variance", "--json", "report.json")
    assert code == 1
    assert any("WRONG  variance for deviation" in line for line in output)
    report = json.loads((here / "report.json").read_text())
    faults = [row["cause"] for row in report["rows"] if row["kind"] == "fault"]
    assert (report["passed"], faults) == (False, ["variance for deviation"])
    assert names_in(here) == {"mine.py", "report.json"}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("mine.py:with_varianse", "did you mean 'with_variance'?"),
        ("mime.py", "did you mean 'mine.py'?"),
        ("mine.py:nothing", "some part of a VAE"),
        ("mine.py:data", "part of a VAE"),
    ],
)
def test_what_is_no_vae_is_refused_in_a_line(mine, here, call, word, expected):
    code, output, errors = call("doctor", word)
    assert (code, output) == (2, [])
    assert errors[-1].startswith("scratchvae: error: ")
    assert expected in errors[-1]
    assert errors[:-1] in ([], ["a word of my own"])
    assert names_in(here) == {"mine.py"}
