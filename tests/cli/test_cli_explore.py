"""``scratchvae explore``."""

import numpy as np
from explorer_pages import content_of, pictures_of
from small_runs import names_in, small_dataset

import scratchvae

DATA = small_dataset()


def shown(path):
    return content_of(path.read_text(encoding="utf-8"))


def test_a_run_is_explored_with_its_test_images_in_their_classes(here, call, finished):
    assert call("explore", finished, "--out", "e.html") == (0, ["wrote e.html"], [])
    assert names_in(here) == {"e.html"}
    content = shown(here / "e.html")
    np.testing.assert_array_equal(pictures_of(content), DATA.test_images)
    assert content["labels"] == DATA.test_labels.tolist()
    assert content["title"] == "zhao-mlp"
    code, output, _ = call("explore", finished)
    assert (code, output) == (0, [f"wrote {finished / 'explorer.html'}"])
    (finished / "explorer.html").unlink()


def test_a_saved_model_is_explored_with_the_images_that_are_given_or_none(here, call):
    scratchvae.build("autoencoder", latent_dim=2).save("a.scratchvae")
    assert call("explore", "a.scratchvae") == (0, ["wrote explorer.html"], [])
    assert shown(here / "explorer.html")["images"] is None
    np.save("x.npy", DATA.train_images[:5])
    words = ["--images", "x.npy", "--labels", "4,3,2,1,0", "--out", "b.html"]
    assert call("explore", "a.scratchvae", *words)[0] == 0
    content = shown(here / "b.html")
    np.testing.assert_array_equal(pictures_of(content), DATA.train_images[:5])
    assert content["labels"] == [4, 3, 2, 1, 0]


def test_what_cannot_be_explored_is_refused(here, refuses, finished):
    scratchvae.build("vq-vae").save("codes.scratchvae")
    refuses(["explore", "codes.scratchvae"], "VQVAE", "the recipes zhao-mlp")
    refuses(["explore", finished, "--out", "e.png"], "a name that ends in .html", "e.png")
    assert names_in(here) == {"codes.scratchvae"}
