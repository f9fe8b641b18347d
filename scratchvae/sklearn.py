"""A VAE as scikit-learn's estimator: ``clone``, pipelines, searches over its parameters.

It needs scikit-learn (``pip install 'scratchvae[sklearn]'``). Dimensions: N rows of F features, D
latents.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError, shown
from scratchvae.models import build, find_recipe
from scratchvae.validation import FloatArray

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise ImportError(
        "scratchvae.sklearn needs scikit-learn 1.6 or newer, which is not installed: install it "
        "with `pip install 'scratchvae[sklearn]'`"
    ) from None

_DTYPES = (np.float64, np.float32)


class VAETransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Latents of a recipe's model, trained on the rows that it is fitted to.

    Each feature is scaled to [0, 1] by its least and greatest value in ``fit``; values beyond are
    taken for these. What is decoded is scaled back.

    Parameters
    ----------
    recipe
        One of ``scratchvae.RECIPES``, but for those that are conditioned on labels.
    latent_dim
        D; ``None``: the recipe's.
    image_shape
        The shape of an image whose pixels, channels last, a row has; ``None``: (F,), no image.
        Recipes of convolutions need one.
    beta
        The weight of the KL; ``None``: the recipe's.
    epochs, batch_size, learning_rate
        How it is trained; ``None``: as the recipe's source says.
    options, settings
        Other options of the recipe, and other settings, by name.
    random_state
        A seed or a ``RandomState``, which fixes the initial parameters and all noise.

    Attributes
    ----------
    model_
        The trained model.
    data_min_, data_max_
        The least and the greatest value of each feature, (F,).
    n_features_in_, feature_names_in_
        As of every scikit-learn estimator.
    """

    def __init__(
        self,
        recipe: str = "zhao-mlp",
        *,
        latent_dim: int | None = 2,
        image_shape: tuple[int, ...] | None = None,
        beta: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        options: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.recipe = recipe
        self.latent_dim = latent_dim
        self.image_shape = image_shape
        self.beta = beta
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.options = options
        self.settings = settings
        self.random_state = random_state

    def fit(self, X: Any, y: object = None) -> Self:  # scikit-learn's name
        """Train a new model on ``X`` (N, F); ``y`` is ignored.

        Raises
        ------
        InputError
            If there is no such recipe, option or setting, or the rows do not fit ``image_shape``.
        """
        rows = self._validated(X, first=True)
        find_recipe(self.recipe)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        for name in ("options", "settings"):
            if not isinstance(getattr(self, name) or {}, Mapping):
                raise InputError(f"{name} must be a dict, not {shown(getattr(self, name))}")
        options = dict(self.options or {}) | ({} if self.beta is None else {"beta": self.beta})
        features = rows.shape[1]
        shape = (features,) if self.image_shape is None else self.image_shape
        model = build(
            self.recipe, latent_dim=self.latent_dim, image_shape=shape, seed=seed, **options
        )
        if model.classes:
            raise InputError(
                f"{self.recipe} is conditioned on labels, which a transformer has none of",
                "use another recipe, or its model's own `fit`",
            )
        self.data_min_, self.data_max_ = rows.min(axis=0), rows.max(axis=0)
        own = {name: getattr(self, name) for name in ("epochs", "batch_size", "learning_rate")}
        changes = {name: value for name, value in own.items() if value is not None}
        settings: dict[str, Any] = {**(self.settings or {}), **changes}
        model.fit(self._scaled(rows), seed=seed, progress=False, **settings)
        self.model_ = model
        return self

    def transform(self, X: Any) -> FloatArray:
        """Return the mean of q(z | x) for each row of ``X`` (N, F): (N, D)."""
        rows = self._validated(X)
        z: FloatArray = self.model_.encode(self._scaled(rows)).astype(rows.dtype)
        return z

    def inverse_transform(self, X: Any) -> FloatArray:
        """Return the mean row of p(x | z) for each row of latents (N, D): (N, F)."""
        check_is_fitted(self)
        z = np.asarray(X)
        decoded = self.model_.decode(z).reshape(len(z), -1)
        span = self.data_max_ - self.data_min_
        rows: FloatArray = decoded * span + self.data_min_
        return rows

    def score(self, X: Any, y: object = None) -> float:
        """Return the mean bound on log p of the scaled rows, in nats, for searches to compare."""
        return float(self.model_.score(self._scaled(self._validated(X))))

    def sample(self, count: int = 1, *, seed: int = 0) -> FloatArray:
        """Return rows decoded from draws of the prior, (count, F)."""
        check_is_fitted(self)
        sampled = self.model_.sample(count, seed=seed).reshape(count, -1)
        rows: FloatArray = sampled * (self.data_max_ - self.data_min_) + self.data_min_
        return rows

    @property
    def _n_features_out(self) -> int:
        latents: int = self.model_.latent_dim
        return latents

    def _validated(self, rows: Any, *, first: bool = False) -> NDArray[Any]:
        if not first:
            check_is_fitted(self)
        if len(shape := np.shape(rows) if isinstance(rows, np.ndarray) else ()) > 2:
            raise InputError(
                f"X must be a row for each image, not of dim {len(shape)}, {shape}",
                f"give X.reshape(len(X), -1), and the transformer image_shape={shape[1:]}",
            )
        checked: NDArray[Any] = validate_data(self, rows, dtype=_DTYPES, reset=first)
        return checked

    def _scaled(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return rows with each feature from 0 to 1; one that never varies is 0."""
        span = self.data_max_ - self.data_min_
        scaled: NDArray[Any] = (rows - self.data_min_) / np.where(span > 0, span, 1)
        return scaled.clip(0, 1)

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn asks of an estimator: float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
