"""Tables: rows are vectors, one column may have the classes; pandas may be missing."""

import sys

import numpy as np
import pytest
from data_sets import read_or_refused, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchvae.data import load

CSV = "a,b,label\n0.5,1,dog\n0.25,0,cat\n0,0.5,dog\n"


def test_a_table_needs_pandas_and_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    (tmp_path / "a.csv").write_text(CSV)
    assert "pip install 'scratchvae[tables]'" in refusal(load, tmp_path / "a.csv")


class TestWithPandas:
    @pytest.fixture(autouse=True)
    def pandas(self):
        self.pandas = pytest.importorskip("pandas")

    def write(self, tmp_path, text, name="a.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    def test_rows_are_vectors_and_a_column_has_the_classes(self, tmp_path):
        data = load(self.write(tmp_path, CSV), test=0)
        np.testing.assert_array_equal(data.train_images, [[0.5, 1], [0.25, 0], [0, 0.5]])
        np.testing.assert_array_equal(data.train_labels, [1, 0, 1])
        assert data.class_names == ("cat", "dog")
        other = load(self.write(tmp_path, CSV.replace("label", "kind")), labels="kind", test=0)
        assert other.fingerprint == data.fingerprint

    def test_parquet_is_read_alike(self, tmp_path):
        pytest.importorskip("pyarrow")
        table = self.pandas.read_csv(self.write(tmp_path, CSV))
        table.to_parquet(tmp_path / "a.parquet")
        assert load(tmp_path / "a.parquet").fingerprint == load(tmp_path / "a.csv").fingerprint

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "cannot be read as a table"),
            ("a,b\n", "is empty"),
            ("a,b\n1,x\n", "column 'b'"),
            ("a,b\n1,\n", "NaN"),
            ("label\n1\n", "no columns besides"),
            ("a,b\n1\n1,2,3,4\n", "cannot be read as a table"),
            ("a,label\n0.5,0.5\n", "must be classes"),
            ("a,b\n5,7\n", "`scale`"),
        ],
    )
    def test_what_is_no_table_of_numbers_is_refused(self, tmp_path, text, words):
        assert words in refusal(load, self.write(tmp_path, text))

    def test_a_column_that_is_not_there_is_refused(self, tmp_path):
        assert "no one column 'kind'" in refusal(load, self.write(tmp_path, CSV), labels="kind")

    @settings(max_examples=40, deadline=None)
    @given(content=st.binary(max_size=200) | st.text(alphabet='0,.;"\nax', max_size=80))
    def test_anything_in_a_csv_is_read_or_refused_in_one_line(self, tmp_path_factory, content):
        path = tmp_path_factory.mktemp("tables") / "a.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert "\n" not in read_or_refused(load, path)
