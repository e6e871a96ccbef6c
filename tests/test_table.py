import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from dbnlab import RBM, datasets


@pytest.fixture
def load(tmp_path):
    """`load_csv` of a file with the given text or bytes."""

    def load(text, *arguments, **options):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return datasets.load_csv(path, *arguments, **options)

    return load


def rows(data):
    """Training and test rows in one set."""
    return {tuple(row) for row in np.concatenate([data.X, data.X_test]).round(4).tolist()}


PEOPLE = """age,town,income,vote
30,Rome,1e3,yes
40,Oslo,2e3,no
50,Rome,3e3,yes
60,Bonn,4e3,no
70,Oslo,5e3,yes
"""


def test_numbers_come_first_and_each_category_is_a_feature(load):
    data = load(PEOPLE, "vote", scale=None)
    assert data.feature_names[:2] == ["age", "income"]
    assert set(data.feature_names[2:]) <= {"town_Rome", "town_Oslo", "town_Bonn"}
    assert data.X.dtype == data.X_test.dtype == np.float32
    assert set(data.y) | set(data.y_test) == {"yes", "no"}
    assert data.y.dtype.kind == "U"  # no array of objects
    assert {row[:2] for row in rows(data)} == {(30 + 10 * i, 1000 + 1000 * i) for i in range(5)}
    towns = data.X[:, 2:]
    assert set(np.unique(towns)) <= {0, 1}
    assert (towns.sum(axis=1) == 1).all()


@pytest.mark.parametrize("target", ["vote", 3, -1])
def test_target_is_found_by_name_or_number(load, target):
    np.testing.assert_array_equal(load(PEOPLE, target).y, load(PEOPLE, "vote").y)


def test_target_may_stand_anywhere_or_be_a_number(load):
    data = load(PEOPLE, "income", scale=None)
    assert data.feature_names[0] == "age"
    np.testing.assert_allclose(data.y, data.X[:, 0] * 100 - 2000)


def test_without_a_target_all_columns_are_features(load):
    data = load(PEOPLE)
    assert data.y is data.y_test is None
    assert {"age", "income", "vote_yes"} <= set(data.feature_names)


def test_a_first_line_with_numbers_is_a_row_unless_it_holds_the_target(load):
    body = PEOPLE.split("\n", 1)[1]
    data = load(body, -1)
    assert data.feature_names[:2] == ["column_0", "column_2"]
    assert len(data.X) + len(data.X_test) == 5
    years = load(body.replace("30,Rome,1e3,yes", "2019,2020,2021,vote"), "vote")
    assert years.feature_names[:2] == ["2019", "2021"]
    assert len(years.X) + len(years.X_test) == 4
    assert len(load("a,b\nc,d\ne,f\n", header=False).X) == 2


def test_quoted_fields_hold_separators_quotes_and_line_ends(load):
    text = 'a,b\n1,"x, y"\n2,"say ""z"""\n3,"two\nlines"\n4,"x, y"\n5,"x, y"\n'
    data = load(text, "b", random_state=3)
    assert set(data.y) | set(data.y_test) == {"x, y", 'say "z"', "two\nlines"}


def test_missing_values_become_the_median_of_training_rows_or_a_category(load):
    text = "a,b\n" + "".join(f"{i},k\n" for i in range(1, 10)) + ",\n?,NA\n"
    data = load(text, scale=None)
    known = data.X[(data.X[:, 0] % 1 == 0) & (data.X[:, 1] == 1), 0]
    filled = [row for row in rows(data) if row[1] == 0]
    assert data.feature_names == ["a", "b_k", "b_nan"]
    assert {row[0] for row in filled} == {float(np.median(known))}


def test_scale_is_fitted_on_training_rows_only(load):
    text = "a\n" + "\n".join(map(str, range(20)))
    raw = load(text, scale=None)
    low, high = raw.X.min(), raw.X.max()
    minmax = load(text)
    np.testing.assert_allclose(minmax.X, (raw.X - low) / (high - low), atol=1e-6)
    expected = np.clip((raw.X_test - low) / (high - low), 0, 1)
    np.testing.assert_allclose(minmax.X_test, expected, atol=1e-6)
    standard = load(text, scale="standard")
    np.testing.assert_allclose(
        standard.X_test, (raw.X_test - raw.X.mean()) / raw.X.std(), rtol=1e-5
    )


def test_min_max_cuts_off_what_test_rows_have_beyond(load):
    text = "a\n" + "\n".join(map(str, range(20)))
    seeds = range(20)
    beyond = [s for s in seeds if load(text, scale=None, random_state=s).X_test.min() == 0]
    assert beyond
    for seed in beyond:
        assert load(text, random_state=seed).X_test.min() == 0


@pytest.mark.parametrize("scale", ["minmax", "standard"])
def test_constant_and_empty_columns_become_zero(load, scale):
    data = load("a,b,c\n1,7,\n2,7,\n3,7,\n4,7,\n5,7,\n", scale=scale)
    assert data.feature_names == ["a", "b", "c"]
    np.testing.assert_array_equal(data.X[:, 1:], 0)
    RBM(2, visible="gaussian", n_epochs=1, random_state=0).fit(data.X)


def test_a_column_is_text_if_more_than_one_field_in_ten_is_no_number(load):
    text = "a\n" + "1\n" * 17 + "x\n" * 3
    assert load(text).feature_names == ["a_1", "a_x"]


def test_numbers_have_as_many_values_as_they_like_and_texts_some_hundred(load):
    rows = "".join(f"{i / 3},name {i % 500}\n" for i in range(1500))
    data = load("a,b\n" + rows)
    assert data.feature_names[0] == "a"
    assert len(data.feature_names) > 400


def test_missing_numbers_beside_a_wrong_one_are_not_to_blame(load):
    with pytest.raises(ValueError, match=r"line 23 .* here x"):
        load("a\n" + "?\n" + "1\n" * 20 + "x\n")


def test_truth_values_are_categories_and_targets(load):
    text = "a,b,c,d\n" + "1,True,False,True\n2,False,True,False\n3,,True,True\n" * 4
    data = load(text, "c")
    assert data.feature_names == ["a", "b_False", "b_True", "b_nan", "d_False", "d_True"]
    assert data.y.dtype == bool


def test_split_keeps_the_share_of_classes_and_repeats(load):
    text = "a,y\n" + "".join(f"{i},{'rare' if i % 10 == 0 else 'common'}\n" for i in range(100))
    data = load(text, "y")
    assert ((data.y_test == "rare").sum(), len(data.y_test)) == (2, 20)
    np.testing.assert_array_equal(data.X, load(text, "y").X)
    assert not np.array_equal(data.X, load(text, "y", random_state=1).X)
    assert len(load(text, "y", test_size=0.5).X) == 50


def test_targets_without_enough_rows_a_class_are_split_all_the_same(load):
    assert len(load("a,y\n" + "1,k\n" * 19 + "5,alone\n", "y").X) == 16
    measured = "a,y\n" + "".join(f"{i},{0.5 * (i % 9 == 0)}\n" for i in range(60))
    rare = [(load(measured, "y", random_state=seed).y_test == 0.5).sum() for seed in range(10)]
    assert len(set(rare)) > 2


def test_transformer_makes_rows_of_new_tables(load):
    data = load(PEOPLE, "vote")
    new = pd.DataFrame({"income": [1e9, None], "town": ["Rome", "Paris"], "age": [50, 60]})
    made = pd.DataFrame(data.transformer.transform(new), columns=data.feature_names)
    assert made["income"].tolist()[0] == 1
    assert made["town_Rome"].tolist() == [1, 0]
    assert made.loc[1, [name for name in made if name.startswith("town")]].sum() == 0


def test_breast_cancer_table_survives_the_way_through_a_file(tmp_path):
    frame = load_breast_cancer(as_frame=True).frame
    frame.to_csv(tmp_path / "cancer.csv", index=False)
    data = datasets.load_csv(tmp_path / "cancer.csv", "target", scale=None)
    assert data.X.shape == (455, 30)
    original = {row.tobytes() for row in frame.to_numpy()[:, :-1].astype(np.float32)}
    assert all(row.tobytes() in original for row in np.concatenate([data.X, data.X_test]))


def test_separator_encoding_and_ignored_columns(load):
    data = load("n;a;y\n1;é;2\n2;à;3\n3;é;4\n".encode("cp1252"), "y", separator=";",
                encoding="cp1252", ignore=["n"])  # fmt: skip
    assert set(data.feature_names) <= {"a_é", "a_à"}
    for one in ("age", 0):
        assert load(PEOPLE, "vote", ignore=one).feature_names[0] == "income"
    assert load("\ufeff" + PEOPLE, "age").feature_names[0] == "income"
    assert load(PEOPLE.encode("utf-16"), "vote", encoding="utf-16").feature_names[0] == "age"
    names = load(PEOPLE, "vote").feature_names
    assert load(PEOPLE.replace("\n", "\r\n"), "vote").feature_names == names
    assert load(PEOPLE.replace(",", ", "), "vote").feature_names == names


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("", {}, "table.csv is empty"),
        ("\n\n", {}, "table.csv is empty"),
        ("a,b\n", {}, "fewer than two rows below its header"),
        ("a,b\n1,2\n", {}, "fewer than two rows below its header"),
        ("1,2\n", {}, "fewer than two rows: add"),
        ("a,b\n1,2\n3,4\n", {"target": "c"}, "no column 'c': choose one of 'a', 'b'"),
        ("a,b\n1,2\n3,4\n", {"target": 2}, "no column 2: they go from 0 to 1"),
        ("a,b\n1,2\n3,4\n", {"target": "a", "ignore": ["b"]}, "no column beside the target"),
        ("a,b\n1,2\n3,4\n", {"target": "a", "ignore": [0]}, "ignore holds the target 'a'"),
        ("a,b\n1,2\n\n3,4,5\n", {}, "fields is 3 in line 4 of table.csv, and 2 in line 1"),
        ("a,b\n1,2\n3\n", {}, "number of fields is 1 in line 3"),
        ("a;b\n1;2\n3;4\n", {}, "separator=';'"),
        ('a,b\n1,"x\n2,y\n', {}, "quotation mark without its partner"),
        ("a,b\n1,é\n2,x\n".encode("cp1252"), {}, "line 2 of table.csv is no text in utf-8-sig"),
        (PEOPLE.encode("utf-16"), {}, "encoding='utf-16'"),
        (b"PK\x03\x04\x00\x00", {}, "no text file: save the table as CSV"),
        (b"\x89PNG\xff", {}, "line 1 of table.csv is no text"),
        ("a,y\n1,k\n2,k\n", {"target": "y"}, "target 'y' is 'k', as in every other row"),
        ("a,y\n1,k\n2,\n", {"target": "y"}, "line 3 of table.csv: the target 'y' is missing"),
        ("a,b\n1,2\n\n2,inf\n", {}, "line 4 of table.csv: column 'b' holds numbers, but here inf"),
        ("a,b\n1,2\n2,1e39\n", {"scale": None}, "line 3 .* column 'b' .* here 1e.39"),
        ("a,b\n1,2\n3,4\n", {"separator": "::"}, "separator must be one sign"),
        ("a,b\n1,2\n3,4\n", {"encoding": "utf-9"}, "encoding='utf-9' is not known"),
        ("a\n" + "1\n" * 20 + "x\n", {}, "line 22 of table.csv: column 'a' holds .* here x"),
        ('a,b\n1,"x\ny"\ninf,k\n', {}, "line 4 of table.csv: column 'a'"),
        ("a\n" + "".join(f"n{i}\n" for i in range(1500)), {}, r"1500 different .* ignore=\['a'\]"),
        ("a,b\n1,2\n3,4\n", {"scale": "robust"}, "choose 'minmax', 'standard' or None"),
        ("a,b\n1,2\n3,4\n", {"test_size": 1.0}, "test_size"),
    ],
)  # fmt: skip
def test_bad_files_and_arguments_are_refused_with_the_cure(load, text, arguments, message):
    with pytest.raises(ValueError, match=message):
        load(text, **arguments)


def test_a_column_is_no_fraction(load):
    with pytest.raises(TypeError, match="by its name or its number"):
        load(PEOPLE, 1.0)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        datasets.load_csv(tmp_path / "nowhere.csv")
