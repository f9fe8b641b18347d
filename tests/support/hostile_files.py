"""Files that are damaged or made to harm: each is read, or refused in one line, at a small price.

The corpus is written by the package itself, and mutated in its structure as well as in its bytes.
"""

import gzip
import io
import json
import struct
from dataclasses import replace

import numpy as np
from archive_mutations import archive_of, mutated_archive, npy, read_members
from helpers import IMAGE_SHAPE
from mutations import mutated_bytes, mutated_gzip, mutated_idx, mutated_json, mutated_table, pick

from scratchvae.data import read_idx
from scratchvae.errors import InputError
from scratchvae.json_files import write_json
from scratchvae.layers import (
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaskedDense,
    Reshape,
    Sequential,
    Tanh,
)
from scratchvae.models import VAE, Autoencoder
from scratchvae.models.loading import load_model
from scratchvae.probability import BernoulliLikelihood, LearnedVarianceLikelihood
from scratchvae.runs.config import complete_config, read_config
from scratchvae.training import (
    EpochMetrics,
    LossTerms,
    Trainer,
    load_checkpoint,
    read_history,
    save_checkpoint,
    train,
    write_history,
)

CONFIG = {"recipe": "small", "latent_dim": 2, "beta": 1.0}
IMAGES = np.random.default_rng(0).random((10, *IMAGE_SHAPE))


def small_trainer():
    """Return a trainer of a model that has running statistics, and no recipe."""
    rng = np.random.default_rng(0)
    options = {"rng": rng, "dtype": np.float64}
    norm = BatchNorm(3, dtype=np.float64)
    encoder = Sequential(Flatten(), Dense(15, 3, **options), norm, Tanh(), Dense(3, 4, **options))
    decoder = Sequential(Dense(2, 15, **options), Reshape(IMAGE_SHAPE))
    model = VAE(encoder, decoder, BernoulliLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2)
    return Trainer(model, batch_size=4, epochs=2)


class Checkpoints:
    """Checkpoints, loaded into a trainer that then trains for another epoch."""

    def __init__(self, folder):
        self.trainer = small_trainer()
        save_checkpoint(folder / "new.npz", self.trainer, CONFIG)
        train(self.trainer, IMAGES, IMAGES, progress=False)
        save_checkpoint(folder / "trained.npz", self.trainer, CONFIG)
        names = ("new.npz", "trained.npz")
        self.corpus = [(folder / name).read_bytes() for name in names]
        self.members = [read_members(content) for content in self.corpus]

    def mutant(self, rng):
        """Return the bytes of a damaged checkpoint."""
        if rng.random() < 0.7:
            return mutated_archive(rng, pick(rng, self.members))
        return mutated_bytes(rng, pick(rng, self.corpus))

    def read(self, path):
        """Load a checkpoint and go on from it."""
        load_checkpoint(path)
        load_checkpoint(path, self.trainer, CONFIG)
        epochs = self.trainer.epoch + 1
        self.trainer.settings = replace(self.trainer.settings, epochs=epochs)
        (metrics,) = train(self.trainer, IMAGES, IMAGES, progress=False)
        assert np.isfinite([metrics.train.loss, metrics.test.loss]).all()


class SavedModels:
    """Models in files of their own, loaded by themselves and into one, and saved again."""

    def __init__(self, folder):
        self.again, self.corpus = folder / "again.npz", []
        trained, options = small_trainer().model, {"rng": 0, "dtype": np.float64}
        trained.encoder.layers[4].freeze()
        trained.fit(IMAGES, test_images=IMAGES, epochs=1, progress=False)
        many = Autoencoder(
            Sequential(
                Conv2D(1, 2, 2, 2, "same", **options),
                LayerNorm((2, 3, 2), dtype=np.float64),
                Flatten(),
                MaskedDense(np.tri(12, 2), **options),
            ),
            Sequential(
                Dense(2, 15, **options),
                Dropout(**options),
                Reshape((3, 5, 1)),
                ConvTranspose2D(1, 2, 3, 1, 1, output_size=(3, 5), **options),
            ),
            LearnedVarianceLikelihood(-np.inf),
            image_shape=IMAGE_SHAPE,
            latent_dim=2,
        )
        self.models = [trained, many]
        for model in self.models:
            model.save(self.again)
            self.corpus.append(self.again.read_bytes())
        self.members = [read_members(content) for content in self.corpus]

    def mutant(self, rng):
        """Return the bytes of a damaged file of a model."""
        chance, place = rng.random(), int(rng.integers(len(self.corpus)))
        if chance < 0.3:
            return mutated_bytes(rng, self.corpus[place])
        members = dict(self.members[place])
        if chance < 0.6:
            text = json.loads(str(np.load(io.BytesIO(members["model.npy"]))))
            for _ in range(int(rng.integers(1, 3))):
                text = mutated_json(rng, text)
            members["model.npy"] = npy(np.array(json.dumps(text)))
            return archive_of(members)
        return mutated_archive(rng, members)

    def read(self, path):
        """Load a model both ways; return how much memory that may take."""
        for model in self.models:
            before = model.state()
            try:
                load_model(path, into=model)
            except InputError:
                assert all(np.array_equal(before[n], a) for n, a in model.state().items())
            model.load_state(before)
        model = load_model(path)
        model.save(self.again)
        again = load_model(self.again)
        assert all(np.array_equal(again.state()[n], a) for n, a in model.state().items())
        return sum(6 * array.nbytes for array in model.state().values())


class Configurations:
    """The config.json of runs, from which a model and a trainer are built."""

    def __init__(self, folder):
        self.corpus = []
        for recipe in ("pytorch-example", "linear-autoencoder", "zhao-mlp"):
            config, _ = complete_config(recipe, data="mnist", latent_dim=2)
            write_json(folder / "config.json", config)
            self.corpus.append((folder / "config.json").read_bytes())

    def mutant(self, rng):
        """Return the bytes of a damaged configuration."""
        content = pick(rng, self.corpus)
        if rng.random() < 0.7:
            changed = json.loads(content)
            for _ in range(int(rng.integers(1, 3))):
                changed = mutated_json(rng, changed)
            return json.dumps(changed).encode()
        return mutated_bytes(rng, content)

    def read(self, path):
        """Build what a configuration describes, and return how much memory that may take."""
        config, model = read_config(path)
        Trainer(model, seed=config["seed"])
        return sum(6 * array.nbytes for array in model.state().values())


class Records:
    """The metrics.csv of runs."""

    def __init__(self, folder):
        terms = LossTerms(630.25, 600.125, 30.125)
        with_test = [EpochMetrics(epoch, terms, terms, 12.5) for epoch in range(1, 6)]
        without = [EpochMetrics(epoch, terms, None, 0.25) for epoch in range(1, 4)]
        self.corpus = []
        for history in (with_test, without):
            write_history(folder / "metrics.csv", history)
            self.corpus.append((folder / "metrics.csv").read_text())

    def mutant(self, rng):
        """Return the bytes of a damaged record."""
        text = pick(rng, self.corpus)
        if rng.random() < 0.6:
            return mutated_table(rng, text)
        return mutated_bytes(rng, text.encode())

    def read(self, path):
        """Read a record, and write it again."""
        before = path.read_bytes()
        history = read_history(path, 5)
        epochs = [row.epoch for row in history]
        assert epochs == sorted(set(epochs))
        assert set(epochs) <= set(range(1, 6))
        write_history(path, history)
        assert [row.epoch for row in read_history(path, 5)] == epochs
        for kept in path.parent.glob("*-damaged*"):
            assert kept.read_bytes() == before
            kept.unlink()


class IDXFiles:
    """Files of images and labels, as they are."""

    def __init__(self, folder):
        self.corpus = []
        for shape in ((7,), (3, 5, 4), (2, 3, 2, 2)):
            array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *shape)
            self.corpus.append(header + array.tobytes())

    def mutant(self, rng):
        """Return the bytes of a damaged file."""
        content = pick(rng, self.corpus)
        if rng.random() < 0.5:
            content = mutated_idx(rng, content)
        return mutated_bytes(rng, content) if rng.random() < 0.6 else content

    def read(self, path):
        """Read a file."""
        array = read_idx(path)
        assert array.dtype == np.uint8
        assert array.size > 0


class CompressedFiles(IDXFiles):
    """The same, compressed."""

    def mutant(self, rng):
        """Return the bytes of a damaged compressed file."""
        content = super().mutant(rng) if rng.random() < 0.5 else pick(rng, self.corpus)
        content = mutated_gzip(rng, content) if rng.random() < 0.6 else gzip.compress(content)
        return mutated_bytes(rng, content) if rng.random() < 0.6 else content


KINDS = {
    "idx": IDXFiles,
    "gzip": CompressedFiles,
    "checkpoint": Checkpoints,
    "model": SavedModels,
    "config": Configurations,
    "metrics": Records,
}
