import bz2
import csv
import gzip
import io
import lzma
import zipfile
from pathlib import Path

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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b,3\n1,2,3\n4,5,6\n", ["a", "b", "3"]),
        ("a,b,3\n" + "x,1,2\ny,2,3\n" * 6, ["b", "3", "a_x", "a_y"]),
        ("y,b\n" + "y,1\nn,2\n" * 6, ["b", "y_n", "y_y"]),
        ("5.1,3,setosa\n4,3,setosa\n5,2,virginica\n", 3),
        ("1,5\n2,5\n", 2),
        ("?,5\n2,5\n", 2),
        ("$1;2\n", 0),
        ("c,2019,2020\n" + "A,1,2\nB,2,3\n" * 6, None),
        ("label,0,1,2\n5,1,2,3\n6,1,2,3\n", None),
        ("a,b\nx,p\ny,q\na,b\nx,p\n", None),
        ("p,x\n" + "p,y\nq,x\n" * 6, None),
        ("a,c\n" + "a,x\nb,y\n" * 6, None),
    ],
)
def test_a_header_is_told_by_the_lines_below_it(load, text, names):
    if names is None:
        for header in (True, False):
            load(text, header=header)
        with pytest.raises(ValueError, match=r"line 1 of table.csv may .* header=True or header=F"):
            load(text)
    elif isinstance(names, list):
        assert load(text).feature_names == names
    elif names:
        data = load(text)
        assert len(data.X) + len(data.X_test) == names
        assert data.feature_names[0].startswith("column_")


def test_decimal_commas_without_a_header_keep_the_first_row(load):
    data = load("1,5;2,5\n2,5;3,5\n3,5;4,5\n", separator=";", decimal=",", scale=None)
    assert rows(data) == {(1.5, 2.5), (2.5, 3.5), (3.5, 4.5)}
    with pytest.raises(ValueError, match="if ';' separates fields, say separator=';'"):
        load("1,5;2,5\n2,5;3,5\n3,5;4,5\n")


def test_classes_may_be_called_none(load):
    text = column(["None", "NA", "null", "Severe"])
    assert set(load(text, "a").y) == {"None", "NA", "null", "Severe"}
    assert load(text).feature_names == ["b", "a_Severe", "a_nan"]
    with pytest.raises(ValueError, match=r"line 3 .* the target 'a' is missing"):
        load(text, "a", na_values="NA")


def test_blanks_between_numbers_are_named_as_a_separator(load):
    text = "a b\n" + "".join(f"{n / 7:.3f}  {n}e-2\n" for n in range(20))
    with pytest.raises(ValueError, match="say separator=' ' if blanks separate fields"):
        load(text)
    assert load(text, separator=" ").feature_names == ["a", "b"]
    names = "".join(f"Ann {chr(65 + n)}\n" for n in range(20))
    with pytest.raises(ValueError, match=r"or make groups$"):
        load("name\n" + names)


def test_rows_of_separators_are_no_rows(load):
    data = load("\n,,\na,b,c\n1,2,3\n, ,\n\n4,5,6\n,,\n   \n7,8,9\n,,\n,,\n", scale=None)
    assert rows(data) == {(1, 2, 3), (4, 5, 6), (7, 8, 9)}
    assert load("a,y\n1,0\n,\n2,1\n3,0\n", "y").y.dtype == np.int64
    with pytest.raises(ValueError, match=r"line 8 .* here x"):
        load('a,b\n,\n"1\n",2\n\n2,3\n3,4\nx,5\n4,5\n5,6\n')


def test_packed_files_are_opened(load, tmp_path):
    X = load(PEOPLE).X
    for module in (gzip, bz2, lzma):
        np.testing.assert_array_equal(load(module.compress(PEOPLE.encode())).X, X)
    for names in (["a.csv"], ["folder/", "folder/a.csv", "__MACOSX/._a.csv"], ["a.csv", "b.csv"]):
        with zipfile.ZipFile(tmp_path / "table.zip", "w") as archive:
            for name in names:
                archive.writestr(name, PEOPLE)
        if names[-1] == "b.csv":
            with pytest.raises(ValueError, match=r"packs 2 files, as .'a.csv', 'b.csv'.: give"):
                datasets.load_csv(tmp_path / "table.zip")
        else:
            np.testing.assert_array_equal(datasets.load_csv(tmp_path / "table.zip").X, X)


def test_long_fields_are_read_and_the_limit_of_the_csv_module_stays(load):
    csv.field_size_limit(131_072)
    assert load(f'a,b,c\n"{"x, " * 99999}",1,2\ny,2,3\n', ignore="a").feature_names == ["b", "c"]
    with pytest.raises(ValueError, match="quotation mark"):
        load('a,b\n1,"' + "x" * 200_000)
    assert csv.field_size_limit() == 131_072


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


def test_min_max_stays_in_its_limits_as_float32(load):
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = (rng.normal(size=30) + rng.normal()) * 10.0 ** rng.integers(-10, 30)
        X = load("a\n" + "\n".join(map(repr, values.tolist()))).X
        assert (X.min(), X.max()) == (0, 1)


@pytest.mark.parametrize("scale", ["minmax", "standard"])
def test_constant_and_empty_columns_become_zero(load, scale):
    data = load("a,b,c\n1,7,\n2,7,\n3,7,\n4,7,\n5,7,\n", scale=scale)
    assert data.feature_names == ["a", "b", "c"]
    np.testing.assert_array_equal(data.X[:, 1:], 0)
    RBM(2, visible="gaussian", n_epochs=1, random_state=0).fit(data.X)


def column(values, n_rows=60, names="a,b", separator=","):
    """A file with one column of the given texts, over and over, beside one of 0 and 1."""
    lines = [f"{values[i % len(values)]}{separator}{i % 2}" for i in range(n_rows)]
    return "\n".join([names.replace(",", separator), *lines, ""])


NUMBERS = range(60)


@pytest.mark.parametrize(
    ("values", "cure", "options", "second"),
    [
        ([f"{i},5" for i in NUMBERS], "decimal=','", {"decimal": ","}, 1.5),
        (["1,5", "2,25", "3"], "decimal=','", {"decimal": ","}, 2.25),
        ([f"{i}.234,5" for i in range(1, 61)], "decimal=',' and thousands='.'",
         {"decimal": ",", "thousands": "."}, 2234.5),
        ([f"{i}.234.567" for i in range(1, 61)], "thousands='.'",
         {"decimal": ",", "thousands": "."}, 2234567),
        ([f"{i}\xa0234,5" for i in range(1, 61)], "decimal=',' and thousands=' '",
         {"decimal": ",", "thousands": " "}, 2234.5),
        ([f"{i},23,456.5" for i in range(1, 61)], "thousands=','", {"thousands": ","}, 223456.5),
        ([f"{i}'234.50" for i in range(1, 61)], 'thousands="\'"', {"thousands": "'"}, 2234.5),
        ([f"{i}’234.50" for i in range(1, 61)], "thousands='’'", {"thousands": "’"}, 2234.5),
        ([i if i % 10 else "-" for i in NUMBERS], "na_values='-'", {"na_values": "-"}, 1),
        ([i if i % 3 else "missing" for i in NUMBERS], "na_values='missing'",
         {"na_values": ["missing"]}, 1),
        ([".", 4, 5], "na_values='.'", {"na_values": "."}, 4),
        (["k.A.", 4, 5], "na_values='k.A.'", {"na_values": "k.A."}, 4),
        ([i if i % 10 > 6 else "not measured" for i in NUMBERS], "na_values='not measured'",
         {"na_values": "not measured"}, None),
    ],
)  # fmt: skip
def test_numbers_in_another_spelling_are_refused_with_the_option_that_reads_them(
    load, values, cure, options, second
):
    text = column(values, separator=";")
    place = r"line \d+ of table.csv: column 'a' holds numbers, but here "
    with pytest.raises(ValueError, match=place) as refused:
        load(text, separator=";")
    assert cure in str(refused.value)
    data = load(text, separator=";", scale=None, **options)
    assert data.feature_names == ["a", "b"]
    assert second is None or np.float32(second) in np.concatenate([data.X, data.X_test])[:, 0]
    with pytest.raises(ValueError, match=place):
        load(text, "a", separator=";")
    if "na_values" in options:
        with pytest.raises(ValueError, match="the target 'a' is missing"):
            load(text, "a", separator=";", **options)
    else:
        assert load(text, "a", separator=";", **options).y.dtype.kind in "if"


@pytest.mark.parametrize(
    ("form", "sign"),
    [("{}%", "%"), ("{} %", "%"), ("${}", "$"), ("-${}", "$"), ("{}.50 €", "€"), ("EUR {}", "EUR"),
     ("Fr. {}.50", "Fr"), ("−{}", "−"), ("{}-", "-"), ("({})", "()"), ("'{}'", "''"), ("#{}", "#"),
     ("{}.2D+03", "D"), ("{}.2d-3", "d"), ("{}e−3", "−"),
     ("{}.5·10^3", "·"), ("{} kg", "kg"), ("{}°C", "°C")],
)  # fmt: skip
def test_signs_around_numbers_are_named_and_no_categories(load, form, sign):
    for few in (3, 60):
        text = column([form.format(i + 1) for i in range(few)])
        if few == 3 and sign in ("kg", "°C"):  # three values may be names: "3 rooms"
            assert len(load(text).feature_names) == 4
            continue
        for target in (None, "a"):
            with pytest.raises(
                ValueError, match=r"line 2 .* 'a' holds numbers, but here"
            ) as refused:
                load(text, target)
            assert f"write it without {sign!r}"[:-1] in str(refused.value)


def test_a_sign_between_digits_is_named_with_both_of_its_meanings(load):
    with pytest.raises(ValueError, match=r"say decimal=',' or thousands=','|thousands=',' or dec"):
        load(column([f"{i},234" for i in range(1, 61)], separator=";"), separator=";")


def test_options_read_nothing_that_is_written_otherwise(load):
    for value, options in {
        "1,5": {"thousands": ","}, "1.5": {"decimal": ","}, "1 5": {"thousands": " "},
        "12,34": {"thousands": ","}, "1.5,5": {"decimal": ",", "thousands": "."},
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=f"line 3 .* here {value}: "):
            load(column(["7", value, "8", "9", "9"], separator=";"), separator=";", **options)


@pytest.mark.parametrize(
    "values",
    [["1", "2", "B"], ["1st", "2nd", "3rd"], ["18-25", "26-40", "41+"], ["<=50K", ">50K"],
     ["yes", "no"], ["+", "-"], ["1/2", "1/4"], ["A1", "A2", "B1"], ["S", "M", "L"]],
)  # fmt: skip
def test_codes_and_groups_are_categories(load, values):
    assert load(column(values)).feature_names == ["b", *(f"a_{value}" for value in sorted(values))]
    assert set(load(column(values), "a").y) == set(values)


def test_a_wrong_text_behind_many_numbers_is_found(load):
    with pytest.raises(ValueError, match=r"line 2002 .* here 1O5: .*na_values='1O5'"):
        load("a\n" + "".join(f"{i / 7}\n" for i in range(2000)) + "1O5\n")


@pytest.mark.parametrize(
    "form",
    ["2024-01-{:02}", "{:02}.01.2024", "1/{}/24", "{} January 2024", "Jan {} 2024", "{:02}JAN2024",
     "2024-01-{:02}T12:00:00Z", "{:02}:30", "{}:30 pm", "{}. Mai 2024"],
)  # fmt: skip
def test_dates_and_times_are_refused(load, form):
    text = column([form.format(i) for i in range(1, 20)])
    with pytest.raises(ValueError, match=r"line 2 .* 'a' holds dates or times.*ignore=\['a'\]"):
        load(text)
    with pytest.raises(ValueError, match=r"holds dates or times.*choose another target"):
        load(text, "a")
    assert load(text, ignore="a").feature_names == ["b"]


@pytest.mark.parametrize("n_rows", [10, 50, 891, 3000])
def test_names_are_refused_whatever_the_number_of_rows(load, n_rows):
    text = column([f"Person {i}, Mr" for i in range(n_rows)], n_rows, separator=";")
    with pytest.raises(ValueError, match=rf"'a' holds {n_rows} different .*ignore=\['a'\]"):
        load(text, separator=";")
    with pytest.raises(ValueError, match="choose another target"):
        load(text, "a", separator=";")


def test_a_category_of_one_training_row_gets_no_feature(load):
    towns = ["Rome", "Oslo", "Rome", "Oslo"] * 10 + [f"village {i}" for i in range(20)]
    data = load(column(towns))
    assert data.feature_names == ["b", "a_Oslo", "a_Rome"]
    assert (data.X[:, 1:].sum(axis=1) == 0).any()
    with pytest.raises(ValueError, match="no number, and no text that stands in several rows"):
        # With this seed one of the two rows of each text is a test row.
        load(
            column([f"x{i % 11}" for i in range(15)], 15),
            ignore="b",
            test_size=0.3,
            random_state=14,
        )


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


def test_whole_numbers_written_with_a_point_are_classes_too(load):
    text = "a,y\n" + "".join(f"{i},{i % 10 == 0:d}.0\n" for i in range(100))
    assert [load(text, "y", random_state=seed).y_test.sum() for seed in range(5)] == [2] * 5


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


MIXED = "flag,code,number,town\n" + "".join(
    f"{['True', 'FALSE', ''][i % 3]},{['1', '2', 'B'][i % 3]},{i},{['Rome', 'Oslo'][i % 2]}\n"
    for i in range(30)
)


@pytest.mark.parametrize(
    ("new", "on"),
    [
        ({"flag": ["True", "unknown"]}, [["flag_True"], []]),
        ({"flag": [True, False]}, [["flag_True"], ["flag_False"]]),
        ({"flag": pd.array([True, None], "boolean")}, [["flag_True"], ["flag_nan"]]),
        ({"flag": ["TRUE ", " false"]}, [["flag_True"], ["flag_False"]]),
        ({"flag": ["NA", ""]}, [["flag_nan"], ["flag_nan"]]),
        ({"code": [1, 2]}, [["code_1"], ["code_2"]]),
        ({"code": [1.0, None]}, [["code_1"], []]),
        ({"code": ["01", "B"]}, [["code_1"], ["code_B"]]),
        ({"code": pd.array([3, 2], "Int64")}, [[], ["code_2"]]),
        ({"town": pd.Categorical(["Oslo", "Bonn"])}, [["town_Oslo"], []]),
        ({"town": [None, pd.NA]}, [[], []]),
        ({"number": ["5", " 7"]}, [["number"], ["number"]]),
    ],
)
def test_transformer_reads_new_tables_whatever_pandas_makes_of_them(load, new, on):
    data = load(MIXED, scale=None)
    table = pd.DataFrame(
        {name: ["-", "-"] for name in ("flag", "code", "town")} | {"number": [0, 0]}
    )
    made = data.transformer.transform(table.assign(**new))
    found = [[name for name, x in zip(data.feature_names, row, strict=True) if x] for row in made]
    assert found == on


def test_transformer_completes_numbers_and_refuses_texts_in_their_place(load):
    data = load(MIXED.replace("\n7,", "\n"), scale=None, na_values=[-999, "k.A."])
    new = pd.read_csv(io.StringIO(MIXED)).head(4)
    made = data.transformer.transform(new.assign(number=["?", "-999", None, "k.A."]))
    np.testing.assert_array_equal(made[:, 0], np.median(data.X[:, 0]))
    made = data.transformer.transform(new.assign(number=[-999, 1, 2, np.nan]))
    np.testing.assert_array_equal(made[1:3, 0], [1, 2])
    np.testing.assert_array_equal(made[[0, 3], 0], np.median(data.X[:, 0]))
    with pytest.raises(ValueError, match="column 'number' holds numbers, but here 'x'"):
        data.transformer.transform(new.assign(number=[1, 2, "x", 3]))


def test_transformer_reads_the_file_like_load_csv(load, tmp_path):
    text = column([f"{i}.234,5" for i in range(1, 61)], separator=";")
    data = load(text, separator=";", decimal=",", thousands=".", test_size=0.5)
    for options in ({}, {"decimal": ",", "thousands": "."}, {"dtype": str}):
        new = pd.read_csv(tmp_path / "table.csv", sep=";", **options)
        made = {tuple(row) for row in data.transformer.transform(new).astype(np.float32).tolist()}
        assert {tuple(row) for row in data.X.tolist()} <= made


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
    for encoding in ("utf-8-sig", "utf-8", "utf-16-le"):
        marked = ("\ufeff" + PEOPLE).encode(encoding)
        assert load(marked, "age", encoding=encoding).feature_names[0] == "income"
    assert load(PEOPLE.encode("utf-16"), "vote", encoding="utf-16").feature_names[0] == "age"
    names = load(PEOPLE, "vote").feature_names
    for line in ("sep=;\n", "sep=;\r\n"):
        assert load(line + PEOPLE.replace(",", ";"), "vote", separator=";").feature_names == names
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
        ('a,b\n1,"x\n2,y\n', {}, "look for a quotation mark"),
        ("a,b\n1,é\n2,x\n".encode("cp1252"), {}, "line 2 of table.csv is no text in utf-8-sig"),
        (PEOPLE.encode("utf-16"), {}, "encoding='utf-16'"),
        (b"PK\x03\x04\x00\x00", {}, "no text file: save the table as CSV"),
        (b"\x89PNG\xff", {}, "line 1 of table.csv is no text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", {}, "is no text file: save the table as CSV in UTF-8$"),
        (PEOPLE.encode("utf-16-be"), {}, "encoding='utf-16-be'"),
        (PEOPLE.encode("utf-16-le"), {"encoding": "utf-16-be"}, "no table in .*'utf-16'"),
        ("sep=;\n" + PEOPLE.replace(",", ";"), {}, "line 2 of table.csv has no ','.*separator=';'"),
        (bz2.compress(PEOPLE.encode())[:30], {}, "table.csv cannot be unpacked"),
        (lzma.compress(PEOPLE.encode())[:30], {}, "table.csv cannot be unpacked"),
        ("a,y\n1,k\n2,k\n", {"target": "y"}, "target 'y' is 'k', as in every other row"),
        ("a,y\n1,7\n2,7\n", {"target": "y"}, "target 'y' is 7, as in every other row"),
        ("a,y\n1,k\n2,\n", {"target": "y"}, "line 3 of table.csv: the target 'y' is missing"),
        ("a,b\n1,2\n\n2,inf\n", {}, "line 4 of table.csv: column 'b' holds numbers, but here inf"),
        ("a,b\n1,2\n2,1e39\n", {"scale": None}, "line 3 .* column 'b' .* here 1e.39"),
        ("a,b\n1,2\n3,4\n", {"separator": "::"}, "separator must be one sign"),
        ("a,b\n1,2\n3,4\n", {"encoding": "utf-9"}, "encoding='utf-9' is not known"),
        ("a\n" + "1\n" * 20 + "x\n", {}, "line 22 of table.csv: column 'a' holds .* here x"),
        ('a,b\n1,"x\ny"\ninf,k\n', {}, "line 4 of table.csv: column 'a'"),
        ("a\n" + "".join(f"n{i}\n" for i in range(1500)), {}, r"1500 different .* ignore=\['a'\]"),
        ("a,b\n1,2\n3,4\n", {"scale": "robust"}, "choose one of .'minmax', 'standard'"),
        ("a,b\n1,2\n3,4\n", {"test_size": 1.0}, "test_size"),
        ("a\n1e-20\n2e-20\n3e-20\n", {}, "the numbers of column 'a' differ by less than 1e-14"),
        (PEOPLE, {"test_size": 0.999}, "test_size=0.999 leaves none of 5 rows"),
        ("a,y,y\n1,2,3\n3,4,5\n", {"target": "y"}, r"1 is not the only 'y': .*ignore=\[1\]"),
        (",a\n1,2\n3,4\n", {}, r"column 0 has no name: .*ignore=\[0\]"),
        ("s,s_m,y\n" + "m,1,0\nf,2,1\n" * 6, {"target": "y"}, "rename a column"),
        (PEOPLE, {"encoding": "base64"}, "encoding='base64' is not known"),
        (PEOPLE, {"encoding": "utf-16"}, "table.csv is no text file: .*'utf-8'"),
        (PEOPLE.encode("utf-16"), {"encoding": "latin-1"}, "encoding='utf-16'"),
        (PEOPLE.encode("utf-16-le"), {"encoding": "cp1252"}, "encoding='utf-16-le'"),
        (gzip.compress(PEOPLE.encode(), mtime=0)[:30], {}, "table.csv cannot be unpacked"),
        (PEOPLE, {"decimal": ",,"}, "decimal must be one sign"),
        (PEOPLE, {"thousands": "."}, "decimal and thousands are both '.'"),
        (PEOPLE, {"separator": None}, "separator must be one sign"),
    ],
)  # fmt: skip
def test_bad_files_and_arguments_are_refused_with_the_cure(load, text, arguments, message):
    with pytest.raises(ValueError, match=message):
        load(text, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [{"target": 1.0}, {"target": True}, {"target": ["vote"]}, {"ignore": None}, {"ignore": [None]},
     {"ignore": True}, {"encoding": None}, {"header": "yes"}, {"header": 1}, {"na_values": None},
     {"na_values": [None]}],
)  # fmt: skip
def test_arguments_of_a_wrong_type_are_named(load, arguments):
    with pytest.raises(TypeError, match=next(iter(arguments))):
        load(PEOPLE, **arguments)


@pytest.mark.parametrize("path", [None, 3, io.StringIO(PEOPLE), b"table.csv"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(TypeError, match="PathLike"):
        datasets.load_csv(path)


@pytest.mark.parametrize(
    "path", ["https://example.org/t.csv", "s3://b/t.csv", "file:///t.csv", "."]
)
def test_addresses_and_folders_are_refused(path):
    for form in (path, Path(path)):
        with pytest.raises(ValueError, match=r"path=.* is no file"):
            datasets.load_csv(form)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        datasets.load_csv(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("months", ["2024-{:02d}", "2024/{}"])
def test_months_are_dates_too(tmp_path, months):
    rows = [f"{months.format(number % 12 + 1)},{number}" for number in range(60)]
    (tmp_path / "table.csv").write_text("\n".join(["month,value", *rows]), encoding="utf-8")
    with pytest.raises(ValueError, match="column 'month' holds dates or times, here 2024"):
        datasets.load_csv(tmp_path / "table.csv")


@pytest.mark.parametrize("names", ["2019,2020,2021,2022", "0,1,2,3", "900.5,850,800,750"])
def test_a_first_row_of_numbers_that_count_on_may_name_the_columns(load, rng, names):
    below = "".join(f"{a},{b},{c},{d}\n" for a, b, c, d in rng.random((30, 4)).tolist())
    with pytest.raises(ValueError, match="may name the columns or be a row: say header=True"):
        load(f"{names}\n{below}")
    assert load(f"{names}\n{below}", header=True).feature_names == names.split(",")
    # Ascending numbers among others like them are a row.
    load(f"0.1,0.2,0.3,0.4\n{below}")
