"""``scratchvae encode``, ``decode``, ``sample`` and ``interpolate``."""

import numpy as np
import pytest
from small_runs import SMALL, names_in, small_dataset

import scratchvae

DATA = small_dataset()


@pytest.fixture
def model(finished):
    return scratchvae.load(finished)


@pytest.fixture(scope="session")
def conditional(tmp_path_factory):
    """Return the file of a class-conditional model."""
    path = tmp_path_factory.mktemp("cli") / "conditional.scratchvae"
    scratchvae.build("conditional-vae", latent_dim=2).save(path)
    return path


def test_encode_writes_the_latents_of_the_runs_test_images(here, call, finished, model):
    code, output, errors = call("encode", finished, "--out", "z.npy")
    assert (code, output, errors) == (0, ["wrote z.npy: 32 x 2 float32"], [])
    np.testing.assert_array_equal(np.load("z.npy"), model.encode(DATA.test_images))
    assert names_in(here) == {"z.npy"}


def test_what_is_encoded_is_decoded(here, call, finished, model):
    np.save("x.npy", DATA.train_images[:5])
    assert call("encode", finished, "--images", "x.npy", "--out", "z.npy")[0] == 0
    code, output, _ = call("decode", finished, "z.npy", "--out", "images.npy")
    assert (code, output) == (0, ["wrote images.npy: 5 x 28 x 28 x 1 float32"])
    expected = model.decode(model.encode(DATA.train_images[:5]))
    np.testing.assert_array_equal(np.load("images.npy"), expected)


@pytest.mark.parametrize(("name", "magic"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_images_are_a_picture_where_the_name_is_of_one(here, call, finished, name, magic):
    for words in (
        ["sample", finished, "--count", 13],
        ["interpolate", finished, "--from", 0, "--to", 3, "--steps", 4],
    ):
        assert call(*words, "--out", name)[:2] == (0, [f"wrote {name}"])
        assert (here / name).read_bytes().startswith(magic)
        assert names_in(here) == {name}


def test_sample_draws_as_the_model_does(here, call, finished, model):
    call("sample", finished, "--count", 7, "--seed", 3, "--out", "s.npy")
    np.testing.assert_array_equal(np.load("s.npy"), model.sample(7, seed=3))


def test_interpolate_goes_from_one_test_image_to_another(here, call, finished, model):
    words = ["interpolate", finished, "--from", 4, "--to", 9, "--steps", 3]
    assert call(*words, "--out", "way.npy")[0] == 0
    start, end = model.encode(DATA.test_images[[4, 9]])
    expected = model.decode(np.stack([start, (start + end) / 2, end]))
    np.testing.assert_allclose(np.load("way.npy"), expected, atol=1e-6)


def test_a_saved_model_and_classes(here, call, conditional):
    model = scratchvae.load(conditional)
    call("sample", conditional, "--count", 3, "--labels", "5,0,2", "--out", "s.npy")
    np.testing.assert_array_equal(np.load("s.npy"), model.sample(3, labels=np.array([5, 0, 2])))
    call("sample", conditional, "--count", 3, "--labels", 7, "--out", "s.npy")
    np.testing.assert_array_equal(np.load("s.npy"), model.sample(3, labels=np.full(3, 7)))
    np.save("x.npy", DATA.test_images)
    np.save("y.npy", DATA.test_labels)
    words = ["--images", "x.npy", "--labels", "y.npy"]
    assert call("encode", conditional, *words, "--out", "z.npy")[0] == 0
    z = model.encode(DATA.test_images, DATA.test_labels)
    np.testing.assert_array_equal(np.load("z.npy"), z)
    call("interpolate", conditional, "--from", 2, "--to", 5, "--steps", 2, *words, "--out", "w.npy")
    expected = model.decode(z[[2, 5]], np.repeat(DATA.test_labels[2:3], 2))
    np.testing.assert_allclose(np.load("w.npy"), expected, atol=1e-6)


def test_a_run_of_a_conditional_model_takes_the_classes_of_its_data(here, call, without_pictures):
    assert call("train", "conditional-vae", *SMALL, "--out", "run")[0] == 0
    assert call("encode", "run", "--out", "z.npy")[0] == 0
    expected = scratchvae.load("run").encode(DATA.test_images, DATA.test_labels)
    np.testing.assert_array_equal(np.load("z.npy"), expected)


def test_what_cannot_be_done_is_refused_before_anything_is_written(here, refuses, finished, call):
    arrays = {
        "z": np.zeros((4, 3)),
        "number": np.float64(1),
        "x": np.zeros((2, 5), np.uint8),
        "infinite": np.full((1, 2), np.inf),
        "many": np.zeros((7000, 2)),
        "objects": np.array([{}]),
    }
    for name, array in arrays.items():
        np.save(f"{name}.npy", array, allow_pickle=True)
    (here / "text.npy").write_text("no array")
    (here / "empty.npy").write_bytes(b"")
    before = names_in(here)
    decode = ["decode", finished]
    refuses([*decode, "z.npy", "--out", "i.npy"], "z of shape (N, 2), not (4, 3)")
    refuses([*decode, "number.npy", "--out", "i.npy"], "z of shape (N, 2), not ()")
    refuses([*decode, "infinite.npy", "--out", "i.npy"], "finite")
    refuses([*decode, "many.npy", "--out", "i.png"], "at most 6,660 of these images, not 7,000")
    for name in ("objects", "text", "empty"):
        refuses([*decode, f"{name}.npy", "--out", "i.npy"], f"'{name}.npy' is no .npy file")
    refuses([*decode, "none.npy", "--out", "i.npy"], "cannot read 'none.npy'")
    refuses([*decode, "z.txt", "--out", "i.npy"], "a name that ends in .npy, not 'z.txt'")
    refuses([*decode, "z.npy", "--out", "i.jpg"], "ends in .npy or .png or .svg or .pdf")
    refuses([*decode, "z.npy", "--out", "no/i.npy"], "cannot write 'no/i.npy'")
    encode = ["encode", finished, "--out", "new.npy"]
    refuses([*encode, "--images", "x.npy"], "images", "(2, 5)")
    refuses([*encode, "--images", "number.npy"], "images")
    refuses([*encode, "--labels", "1"], "leave out --labels")
    refuses(["encode", "none", "--out", "new.npy"], "there is no file 'none'")
    refuses(["encode", here, "--out", "new.npy"], "has no config.json")
    way = ["interpolate", finished, "--out", "w.npy"]
    refuses([*way, "--from", "0", "--to", "32"], "--to 32: there are 32 images, from 0 to 31")
    refuses([*way, "--from", "-1", "--to", "2"], "--from", "at least 0")
    refuses([*way, "--from", "0", "--to", "2", "--steps", "1"], "--steps", "at least 2")
    sample = ["sample", finished, "--out", "s.npy", "--count"]
    refuses([*sample, "0"], "--count", "at least 1")
    refuses([*sample, "2", "--labels", "1,x"], "--labels", "'x'")
    refuses([*sample, "2", "--labels", "1,2"], "not conditioned on classes")
    assert names_in(here) == before


def test_a_saved_model_knows_no_images(here, refuses, conditional):
    refuses(["encode", conditional, "--out", "z.npy"], "knows no images: give --images FILE")
    refuses(
        ["sample", conditional, "--count", "2", "--labels", "1,2,3", "--out", "s.npy"], "labels"
    )
    assert names_in(here) == set()


def test_there_is_no_way_between_codes(here, refuses):
    scratchvae.build("vq-vae").save("codes.scratchvae")
    words = ["interpolate", "codes.scratchvae", "--from", "0", "--to", "1", "--out", "w.npy"]
    refuses(words, "between two codes")
