"""The command line from end to end: a comparison, its files, predictions from the saved model, and
bad input.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from typer.testing import CliRunner

import dovetail as dv
from dovetail.cli.app import app
from dovetail.datasets import example
from dovetail.deep import LanguageModel
from dovetail.leaderboard.board import COLUMNS
from dovetail.linear_model import LogisticRegression

PENGUINS = example("penguins").path
COMMAND = [sys.executable, "-c", "from dovetail.cli import main; main()"]


def dovetail(*args: object) -> subprocess.CompletedProcess:
    """Run the command in a process of its own, as a user does."""
    return subprocess.run(
        [*COMMAND, *map(str, args)], capture_output=True, text=True, timeout=280, check=False
    )


def answer(*args: object):
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The folder of a comparison on the penguins."""
    out = tmp_path_factory.mktemp("compare") / "report"
    done = dovetail(
        "compare", "--example", "penguins", "--models", "linear,mlp", "--cv", 3, "--out", out
    )
    assert done.returncode == 0, done.stderr
    assert "◀ take" in done.stdout
    return out


def test_leaderboard_files(report):
    with open(report / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert {r["model"] for r in rows} == {"dummy", "linear", "mlp"}
    assert {r["metric"] for r in rows} == {
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "roc_auc",
        "log_loss",
    }
    assert {r["status"] for r in rows} == {"ok"}
    best = {r["model"]: float(r["mean"]) for r in rows if r["metric"] == "accuracy"}
    assert best["linear"] > 0.95 > best["dummy"]
    assert {r["model"] for r in rows if r["recommended"] == "True"} == {"linear"}
    facts = json.loads((report / "leaderboard.json").read_text())
    assert facts["recommended"] == "linear"
    assert all(len(m["folds"]) == 3 for m in facts["models"])


def test_the_report_is_one_file_that_needs_nothing_else(report):
    page = (report / "report.html").read_text()
    assert page.count("<svg") == 3
    assert "src=" not in page
    assert 'href="http' not in page
    assert "within one standard error" in page


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("rows", [7, 100_000])
def test_predict_reproduces_the_model(report, tmp_path, ending, rows):
    table = pq.read_table(PENGUINS)
    model = dv.load(report / "model.dove")
    expected = model.predict(table.drop_columns(["species"]))
    source = tmp_path / f"in{ending}"
    write = pq.write_table if ending == ".parquet" else pa.csv.write_csv
    write(table.select(table.column_names[::-1]), source)
    out = tmp_path / f"out{ending}"
    done = answer(
        "predict", report / "model.dove", source, "--out", out, "--keep", "--proba", "--rows", rows
    )
    assert done.exit_code == 0, done.output
    found = pq.read_table(out) if ending == ".parquet" else pa.csv.read_csv(out)
    assert found.column("prediction").to_pylist() == list(expected)
    assert set(table.column_names) < set(found.column_names)
    proba = np.column_stack([found.column(f"p_{c}").to_numpy() for c in model.classes_])
    np.testing.assert_allclose(proba.sum(1), 1)


def test_info(report):
    about = answer("info", report / "model.dove").output
    assert "species" in about
    assert "bill_length_mm" in about
    assert "torch" in answer("info").output


def test_numbers_are_compared_by_r2(tmp_path):
    table = pq.read_table(PENGUINS)
    pq.write_table(table, tmp_path / "p.parquet")
    out = tmp_path / "r"
    done = answer(
        "compare",
        tmp_path / "p.parquet",
        "--target",
        "body_mass_g",
        "--models",
        "linear",
        "--cv",
        2,
        "--out",
        out,
    )
    assert done.exit_code == 0, done.output
    facts = json.loads((out / "leaderboard.json").read_text())
    assert facts["metric"] == "r2"
    assert any("2 rows have no 'body_mass_g'" in f for f in facts["findings"])


def _csv(text: str):
    return lambda folder: (folder / "t.csv").write_text(text) and folder / "t.csv"


HEAD = "a,b,y\n"
ROWS = "".join(f"{i},{i % 3},{'xy'[i % 2]}\n" for i in range(40))

BAD = {
    "no such file": (lambda f: f / "none.csv", [], "No such file"),
    "not a table": (
        lambda f: (f / "t.csv").write_bytes(b"\x00\x01\x02") and f / "t.csv",
        [],
        "binary",
    ),
    "empty": (lambda f: (f / "t.csv").touch() or f / "t.csv", [], "is empty"),
    "header only": (_csv(HEAD), [], "no rows"),
    "target missing": (_csv("a,b,Y1\n" + ROWS), [], "no target 'y'"),
    "nearest name": (_csv("a,b,yy\n" + ROWS), [], "Is it 'yy'"),
    "target constant": (_csv(HEAD + "1,2,x\n2,3,x\n3,4,x\n"), [], "never varies"),
    "target without values": (_csv(HEAD + "1,2,\n2,3,\n3,4,\n"), [], "has no values"),
    "rare class": (_csv(HEAD + ROWS + "1,2,z\n"), [], "fewer than the 5 folds"),
    "infinite values": (_csv(HEAD + ROWS + "inf,2,x\n"), [], "infinite values in: 'a'"),
    "duplicate names": (_csv("a,a,y\n" + ROWS), [], "same name"),
    "bad encoding": (
        lambda f: (f / "t.csv").write_bytes("a,y\né,x\n".encode("latin1")) and f / "t.csv",
        [],
        "UTF-8",
    ),
    "ragged rows": (_csv(HEAD + ROWS + "1,2,3,4\n"), [], "not a readable CSV"),
    "unknown model": (_csv(HEAD + ROWS), ["--models", "boosing"], "Is it 'boosting'"),
    "unknown metric": (_csv(HEAD + ROWS), ["--metric", "acuracy"], "Is it 'accuracy'"),
    "metric of another task": (_csv(HEAD + ROWS), ["--metric", "rmse"], "for classification"),
    "unknown group": (_csv(HEAD + ROWS), ["--group", "A"], "no column 'A'"),
    "words as numbers": (_csv(HEAD + ROWS), ["--task", "regression"], "regression needs numbers"),
    "no features": (
        _csv("a,y\n" + "".join(f"1,{'xy'[i % 2]}\n" for i in range(40))),
        [],
        "no column that varies",
    ),
    "unknown device": (_csv(HEAD + ROWS), ["--device", "toaster"], "not a device"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_message_and_exit_code_2(tmp_path, name):
    make, options, message = BAD[name]
    out = tmp_path / "report"
    done = answer("compare", make(tmp_path), "--target", "y", "--out", out, *options)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "Usage"),
        (("compare",), "--example adult"),
        (("compare", "x.csv"), "--target COLUMN"),
        (("compare", "--example", "adlt"), "Is it 'adult'"),
        (("compare", "--example", "adult", "--budget", "soon"), "Write it as 90s"),
        (("compare", "--example", "adult", "--cv", "1"), "2"),
        (("predict", "none.dove", "x.csv", "--out", "y.csv"), "No such model file"),
        (("info", "none.dove"), "No such model file"),
    ],
)
def test_wrong_arguments(args, message):
    done = answer(*args)
    assert done.exit_code == 2
    assert message in done.output + done.stderr


def test_predict_refuses_what_does_not_fit(report, tmp_path):
    model = report / "model.dove"
    bad = tmp_path / "bad.csv"
    bad.write_text("island,sex\nDream,male\n")
    done = answer("predict", model, bad, "--out", tmp_path / "out.csv")
    assert done.exit_code == 2
    assert "'bill_length_mm' is missing" in done.stderr
    assert not (tmp_path / "out.csv").exists()
    assert answer("predict", model, PENGUINS, "--out", tmp_path / "out.xlsx").exit_code == 2
    broken = tmp_path / "broken.dove"
    broken.write_bytes(model.read_bytes()[:-100])
    done = answer("predict", broken, PENGUINS, "--out", tmp_path / "out.csv")
    assert done.exit_code == 2
    assert "truncated" in done.stderr


def test_a_language_model_writes(tmp_path):
    tiny = {"width": 8, "depth": 1, "heads": 1, "context": 16, "max_epochs": 1, "random_state": 0}
    model = LanguageModel("char", **tiny).fit(["abcd " * 20])
    path = dv.save(model, tmp_path / "model.dove")
    written = answer("generate", path, "--prompt", "ab", "--tokens", 9, "--top-k", 3, "--seed", 1)
    assert written.exit_code == 0
    expected = model.generate("ab", max_new_tokens=9, top_k=3, random_state=1)
    assert written.stdout == f"ab{expected}\n"
    other = dv.save(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), tmp_path / "other.dove")
    refused = answer("generate", other)
    assert refused.exit_code == 2
    assert "which does not write" in refused.stderr


def test_fit_predicts_a_column(tmp_path):
    path, out = tmp_path / "model.dove", tmp_path / "out.csv"
    done = answer(
        "fit", PENGUINS, "--model", "linear", "--target", "species", "--out", path, "--set", "C=0.5"
    )
    assert done.exit_code == 0, done.output
    assert "LogisticRegression fitted on 344 rows" in done.stdout
    model = dv.load(path)
    assert model[-1].C == 0.5
    assert answer("predict", path, PENGUINS, "--out", out).exit_code == 0
    table = pq.read_table(PENGUINS)
    predicted = pa.csv.read_csv(out).column("prediction").to_pylist()
    assert predicted == list(model.predict(table.drop_columns(["species"])))
    assert "species" in answer("info", path).output


def test_a_table_is_fitted_and_drawn(tmp_path):
    path = tmp_path / "model.dove"
    quick = [x for p in ("max_epochs=1", "hidden=8", "n_components=2") for x in ("--set", p)]
    done = answer("fit", PENGUINS, "--model", "vae", "--target", "species", "--out", path, *quick)
    assert done.exit_code == 0, done.output
    table = pq.read_table(PENGUINS)
    for ending in ("csv", "parquet"):
        out = tmp_path / f"rows.{ending}"
        drawn = ("sample", path, "--out", out, "--rows", 7, "--label", "Gentoo", "--seed", 1)
        assert answer(*drawn).exit_code == 0
        rows = pq.read_table(out) if ending == "parquet" else pa.csv.read_csv(out)
        assert set(rows.column_names) == set(table.column_names)
        assert rows.column("species").to_pylist() == ["Gentoo"] * 7
    for options, message in (
        (["--label", "Emperor"], "There is no class 'Emperor'"),
        (["--out", tmp_path / "rows.txt"], "ending in .csv or .parquet"),
    ):
        refused = answer("sample", path, "--out", tmp_path / "no.csv", *options)
        assert refused.exit_code == 2
        assert message in refused.stderr
        assert not (tmp_path / "no.csv").exists()


def test_images_are_drawn_and_classified(tmp_path):
    digits = load_digits(n_class=2)
    photos, drawn = tmp_path / "photos", tmp_path / "drawn"
    for i in range(40):
        folder = photos / str(digits.target[i])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((digits.images[i] * 15).astype(np.uint8)).save(folder / f"{i}.png")
    vae, net = tmp_path / "vae.dove", tmp_path / "net.dove"
    quick = ("--set", "max_epochs=1", "--set", "width=4")
    assert answer("fit", photos, "--model", "vae", "--out", vae, *quick).exit_code == 0
    assert answer("sample", vae, "--out", tmp_path / "sheet.png", "--rows", 5).exit_code == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * 8 + 4, 2 * 8 + 2)
    assert answer("sample", vae, "--out", drawn, "--rows", 9, "--seed", 0).exit_code == 0
    assert len(list(drawn.glob("[01]/?.png"))) == 9
    assert "there already" in answer("sample", vae, "--out", drawn, "--rows", 9).stderr
    assert answer("fit", photos, "--model", "image", "--out", net, *quick).exit_code == 0
    out = tmp_path / "out.csv"
    assert answer("predict", net, drawn, "--out", out, "--keep", "--rows", 4).exit_code == 0
    rows = pa.csv.read_csv(
        out, convert_options=pa.csv.ConvertOptions(column_types={"prediction": pa.string()})
    )
    assert set(rows.column("prediction").to_pylist()) <= {"0", "1"}
    assert rows.column("file")[0].as_py().startswith(str(drawn))


@pytest.mark.parametrize("form", ["file", "folder", "table"])
def test_texts_are_fitted(tmp_path, form):
    text = "the cat sat on the mat. " * 30
    source = tmp_path / (
        "texts.csv" if form == "table" else "texts.txt" if form == "file" else "texts"
    )
    if form == "folder":
        source.mkdir()
        (source / "a.txt").write_text(text)
    else:
        source.write_text(f"id,text\n1,{text}\n2,{text}\n" if form == "table" else text)
    quick = [
        x
        for p in ("max_epochs=1", "width=8", "heads=1", "depth=1", "context=8")
        for x in ("--set", p)
    ]
    path = tmp_path / "model.dove"
    target = ("--target", "text") if form == "table" else ()
    done = answer("fit", source, "--model", "language", "--out", path, *quick, *target)
    assert done.exit_code == 0, done.output
    assert f"LanguageModel fitted on {'2 texts' if form == 'table' else '1 text'} in" in done.stdout
    assert answer("generate", path, "--prompt", "the", "--tokens", 3, "--seed", 0).exit_code == 0
    if form != "table":
        refused = answer("fit", source, "--model", "language", "--out", path, "--target", "text")
        assert "leave --target out" in refused.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "boostin", "--target", "species"], "Is it 'boosting'"),
        (["--model", "linear"], "--target COLUMN"),
        (["--model", "linear", "--target", "specie"], "Is it 'species'"),
        (["--model", "linear", "--target", "species", "--set", "c=1"], "Is it 'C'"),
        (["--model", "linear", "--target", "species", "--set", "C=-1"], "'C' parameter"),
        (["--model", "linear", "--target", "species", "--set", "C"], "parameter=value"),
        (["--model", "lda", "--target", "body_mass_g"], "is for classification"),
        (["--model", "image"], "reads a folder of images"),
        (["--model", "image", "--target", "species"], "'image' needs a column of images"),
        (["--model", "vae", "--task", "regression"], "'vae' has no choice"),
        (["--model", "language"], "which column"),
        (["--model", "linear", "--target", "species", "--out", "."], "is a folder"),
    ],
)
def test_fit_refuses_what_does_not_fit(tmp_path, options, message):
    out = tmp_path / "model.dove"
    done = answer("fit", PENGUINS, "--out", out, *options)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert not out.exists()


def test_help_and_argument_errors_do_not_load_torch():
    for args in (["--help"], ["compare", "--help"], ["compare"]):
        code = (
            "import sys\nfrom dovetail.cli.app import app\n"
            f"try: app({args!r})\nexcept SystemExit: pass\n"
            "finally: print('torch' in sys.modules, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.stderr.strip().endswith("False")


@pytest.mark.slow
def test_a_budget_stops_what_does_not_finish(tmp_path):
    done = dovetail(
        "compare",
        "--example",
        "adult",
        "--models",
        "linear,mlp",
        "--budget",
        "8s",
        "--out",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "leaderboard.json").read_text())
    status = {m["model"]: m["status"] for m in facts["models"]}
    stopped = [name for name, s in status.items() if s.startswith("stopped: time budget")]
    assert stopped
    assert all(status[name] == "ok" for name in status if name not in stopped)
    assert all(name in done.stdout for name in status)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently on Windows")
def test_ctrl_c_prints_what_is_finished(tmp_path):
    process = subprocess.Popen(
        [
            *COMMAND,
            "compare",
            "--example",
            "adult",
            "--models",
            "mlp",
            "--out",
            str(tmp_path / "r"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    assert process.stderr is not None
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if line.startswith("DummyClassifier: ok"):
            break
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "dummy" in stdout
    assert "interrupted" in stdout
    assert (Path(tmp_path) / "r" / "leaderboard.csv").exists()
