"""What a model says of itself, on one line and in a notebook."""

import sys
from types import SimpleNamespace

import pytest
from helpers import IMAGE_SHAPE, pixels, small_vae

import scratchvae
from scratchvae.layers import Layer
from scratchvae.models.summary import count_parameters

IMAGES = pixels(6, *IMAGE_SHAPE)


def test_a_model_of_a_recipe_says_what_it_is_on_one_line():
    model = scratchvae.build("zhao-mlp", latent_dim=2)
    assert repr(model) == "VAE(zhao-mlp, latent_dim=2, 534,068 parameters, not fitted)"


def test_a_fitted_model_says_to_which_loss():
    vae = small_vae().fit(IMAGES, epochs=2, progress=False)
    words = f"to a loss of {vae.history_[-1].train.loss:.2f})"
    assert ", fitted in 2 epochs, " in repr(vae)
    assert repr(vae).endswith(words)
    vae.fit(IMAGES, epochs=1, test_images=IMAGES[:2], progress=False)
    assert ", fitted in 1 epoch, " in repr(vae)
    assert repr(vae).endswith(f", test loss {vae.history_[-1].test.loss:.2f})")


def test_a_model_that_is_not_made_yet_can_be_shown():
    assert repr(scratchvae.VAE.__new__(scratchvae.VAE)) == "VAE()"


def test_numbers_that_two_layers_share_count_once():
    vae = small_vae()
    before = count_parameters(vae)
    shared = vae.parameters["encoder.1.bias"]
    vae.encoder.layers[1].parameters["again"] = shared
    assert count_parameters(vae) == before


def test_the_table_has_a_row_for_each_layer_and_the_last_losses():
    vae = small_vae()
    plain = vae._repr_html_()
    rows = sum(len(network.layers) for network in vae.networks.values())
    assert plain.count("<tr>") == 1 + rows
    assert f"weight {vae.parameters['encoder.1.weight'].value.shape}" in plain
    assert f"batch size {vae.settings.batch_size}" in plain
    assert "<pre>" not in plain
    vae.fit(IMAGES, epochs=4, progress=False)
    losses = vae._repr_html_().split("<pre>")[1].split("</pre>")[0].splitlines()
    assert losses == [str(row) for row in vae.history_[-3:]]


class Hostile(Layer):
    def forward(self, x, training=False):
        return x

    def backward(self, dy):
        return dy

    def __repr__(self):
        return "<script>alert(1)</script>" + "&" * 10_000


def test_what_a_layer_calls_itself_is_shown_as_text_and_not_whole():
    vae = small_vae()
    vae.encoder.layers.append(Hostile())
    page = vae._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert len(page) < 10_000


def test_the_report_of_a_gradient_check_is_shown_as_text():
    report = scratchvae.GradientReport("<b>title</b>")
    page = report._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;title&lt;/b&gt;" in page


@pytest.mark.parametrize("progress", [True, False])
def test_fit_says_at_its_end_what_it_came_to_if_that_is_wanted(progress, capsys):
    vae = small_vae().fit(IMAGES, epochs=2, progress=progress)
    captured = capsys.readouterr()
    expected = [f"VAE: {repr(vae).split('parameters, ')[1].removesuffix(')')}"] if progress else []
    assert captured.err.splitlines() == expected
    assert captured.out == ""


def test_fit_says_nothing_more_in_a_notebook_where_its_bar_stays(monkeypatch, capsys):
    kernel = SimpleNamespace(OutStream=type(sys.stderr))
    monkeypatch.setitem(sys.modules, "ipykernel.iostream", kernel)
    monkeypatch.setattr("tqdm.notebook.IProgress", None)
    small_vae().fit(IMAGES, epochs=1)
    assert "fitted" not in capsys.readouterr().err
