"""The VAE as scikit-learn's estimator."""

import importlib
import sys

import numpy as np
import pytest
from helpers import refused

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from scratchvae.kernels import BACKEND
from scratchvae.sklearn import VAETransformer

ROWS = np.random.default_rng(0).normal(size=(60, 12))


def small(**choices):
    return VAETransformer(epochs=1, batch_size=8, **choices)


def declared(estimator):
    """Return the checks that cannot pass, with the reason."""
    if BACKEND == "numba":
        return {}
    reason = (
        "BLAS adds in another order for another place or number of rows: the last digit differs"
    )
    checks = ("check_methods_subset_invariance", "check_methods_sample_order_invariance")
    return dict.fromkeys(checks, reason)


@parametrize_with_checks([small(options={"hidden": 3})], expected_failed_checks=declared)
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


def test_a_search_over_beta_trains_each_and_keeps_the_best():
    search = GridSearchCV(small(), {"beta": [0.1, 4.0]}, cv=2).fit(ROWS)
    assert set(search.cv_results_["param_beta"]) == {0.1, 4.0}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.model_.beta == search.best_params_["beta"]


def test_it_is_a_step_of_a_pipeline_last_or_not():
    last = make_pipeline(StandardScaler(), small(latent_dim=3)).fit(ROWS)
    assert last.transform(ROWS).shape == (60, 3)
    assert last.inverse_transform(last.transform(ROWS)).shape == ROWS.shape
    predicted = make_pipeline(small(), Ridge()).fit(ROWS, ROWS[:, 0]).predict(ROWS)
    assert predicted.shape == (60,)


def test_a_clone_is_not_trained_and_trains_to_the_same():
    fitted = small().fit(ROWS)
    other = clone(fitted)
    assert not hasattr(other, "model_")
    np.testing.assert_array_equal(other.fit_transform(ROWS), fitted.transform(ROWS))


def test_names_of_columns_go_in_and_come_out():
    fitted = small(latent_dim=2).fit(ROWS)
    assert list(fitted.get_feature_names_out()) == ["vaetransformer0", "vaetransformer1"]


def test_what_is_decoded_has_the_units_of_the_features():
    rows = ROWS * [1, 1000, *[1] * 10] + [0, -5000, *[0] * 10]
    fitted = VAETransformer(epochs=30, batch_size=8, latent_dim=8).fit(rows)
    decoded = fitted.inverse_transform(fitted.transform(rows))
    inside = (decoded >= rows.min(axis=0)) & (decoded <= rows.max(axis=0))
    assert inside.all()
    assert abs(decoded[:, 1].mean() + 5000) < 1000  # as far as it varies
    sampled = fitted.sample(5, seed=1)
    assert sampled.shape == (5, 12)
    assert abs(sampled[:, 1].mean() + 5000) < 2500


def test_rows_can_be_images_for_convolutions():
    fitted = small(recipe="zhao-cnn", image_shape=(8, 8, 1)).fit(
        np.random.default_rng(1).random((20, 64))
    )
    assert fitted.transform(np.zeros((2, 64))).shape == (2, 2)


def test_a_random_state_gives_other_parameters_each_time():
    state = np.random.RandomState(0)
    first, second = (small(random_state=state).fit_transform(ROWS) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"recipe": "zhao-mpl"}, ["did you mean 'zhao-mlp'"]),
        ({"recipe": "conditional-vae"}, ["conditioned on labels"]),
        ({"options": {"hiden": 3}}, ["hidden"]),
        ({"settings": {"momentun": 3}}, ["momentum"]),
        ({"image_shape": (3, 3, 1)}, ["12"]),
        ({"recipe": "autoencoder", "beta": 2.0}, ["autoencoder has no option 'beta'"]),
    ],
)
def test_bad_choices_are_refused_in_one_line(choices, words):
    with refused(*words):
        small(**choices).fit(ROWS)


def test_without_scikit_learn_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "scratchvae.sklearn")
    with pytest.raises(ImportError, match=r"pip install 'scratchvae\[sklearn\]'"):
        importlib.import_module("scratchvae.sklearn")


def test_settings_given_by_name_are_not_lost_to_arguments_that_were_not_given():
    assert len(VAETransformer(settings={"epochs": 2}).fit(ROWS).model_.history_) == 2
    both = VAETransformer(epochs=1, settings={"epochs": 2})
    assert len(both.fit(ROWS).model_.history_) == 1


def test_images_and_options_that_are_no_rows_and_no_dict_are_refused_with_the_remedy():
    with refused("X.reshape(len(X), -1)", "image_shape=(3, 4)"):
        small().fit(ROWS.reshape(60, 3, 4))
    with refused("options must be a dict"):
        small(options="hidden").fit(ROWS)
