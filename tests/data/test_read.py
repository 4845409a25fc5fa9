"""Files are read as they are, and each way they can be wrong has one clear message."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dovetail.data.read import atomic_path, iterate_frame, read_frame
from dovetail.errors import DataError


def test_csv_with_any_delimiter(tmp_path):
    for mark in ",;\t|":
        path = tmp_path / "t.csv"
        path.write_text(f"a{mark}b\n1{mark}x\n?{mark}NA\n")
        table = read_frame(path)
        assert table.to_pydict() == {"a": [1, None], "b": ["x", None]}


def test_blocks_are_the_whole(tmp_path):
    table = pa.table({"a": list(range(1000)), "b": [f"word {i}" for i in range(1000)]})
    pq.write_table(table, tmp_path / "t.parquet")
    pa.csv.write_csv(table, tmp_path / "t.csv")
    for name in ("t.parquet", "t.csv"):
        blocks = list(iterate_frame(tmp_path / name, 300))
        assert max(map(len, blocks)) <= 300
        assert pa.concat_tables(blocks).to_pydict() == table.to_pydict()


def test_types_that_are_known_beforehand(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("zip,n\n02139,1\n10001,2\n")
    (table,) = iterate_frame(path, 10, types={"zip": pa.string(), "n": pa.float64()})
    assert table.to_pydict() == {"zip": ["02139", "10001"], "n": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "No such file"),
        ("empty.csv", b"", "is empty"),
        ("header.csv", b"a,b\n", "no rows"),
        ("twice.csv", b"a,a\n1,2\n", "same name: 'a'"),
        ("latin.csv", "a,b\ncafé,1\n".encode("latin1"), "not UTF-8 text"),
        ("ragged.csv", b"a,b\n1,2\n1,2,3\n", "not a readable CSV"),
        ("binary.csv", b"a,b\n\x00\x01,2\n", "binary file"),
        ("fake.parquet", b"PAR1 no", "not a readable Parquet"),
        ("notes.docx", b"hello", "Allowed endings"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_frame(path)


def test_a_missing_file_names_its_neighbors(tmp_path):
    (tmp_path / "sales.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"there are: sales\.csv"):
        read_frame(tmp_path / "sale.csv")
    with pytest.raises(DataError, match="is a directory"):
        read_frame(tmp_path)


def test_nothing_is_half_written(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    with atomic_path(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
