"""What the commands do."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table as RichTable

from dovetail.bundle import describe, load, versions
from dovetail.cli.drawing import sample_file
from dovetail.cli.fitting import fit_file
from dovetail.cli.stream import predict_file
from dovetail.data.schema import Schema
from dovetail.datasets import example as bundled
from dovetail.deep import LanguageModel
from dovetail.errors import DataError
from dovetail.leaderboard.report import write_report
from dovetail.leaderboard.run import compare as run_compare
from dovetail.settings import config

__all__ = ["compare", "fit", "generate", "info", "predict", "sample"]


def compare(
    *, data: Path | None, target: str | None, example: str | None, out: Path, **options: Any
) -> None:
    """Run a comparison, print it, and leave its files in a folder."""
    if example is not None:
        chosen = bundled(example)
        data, target = chosen.path, target or chosen.target
    if out.exists() and not out.is_dir():
        raise DataError(f"--out {out} is a file. Name a folder.")
    assert target is not None
    board = run_compare(data, target, out=out, **options)
    report = write_report(board, out / "report.html")
    console = Console()
    console.print(board)
    for finding in board.problem.findings:
        console.print(f"  · {finding}", highlight=False, style="dim")
    files = [
        out / "leaderboard.csv",
        out / "leaderboard.json",
        report,
        *([board.path] if board.path else []),
    ]
    console.print("\nWritten: " + ", ".join(map(str, files)), highlight=False, soft_wrap=True)
    if board.about.get("interrupted"):
        raise KeyboardInterrupt


def predict(*, model: Path, data: Path, out: Path, keep: bool, proba: bool, rows: int) -> None:
    """Predict a file into another."""
    card = describe(model)["card"]
    fitted = load(model)
    n = predict_file(
        fitted, data, out, keep=keep, proba=proba, rows=rows, target=card.get("target")
    )
    Console(stderr=True).print(f"{n:,} rows predicted: {out}", highlight=False, soft_wrap=True)


def fit(
    *, data: Path, model: str, out: Path, device: str | None, changes: list[str], **options: Any
) -> None:
    """Fit a model on a file or folder, and save it."""
    with config(**({} if device is None else {"device": device})):
        fitted = fit_file(data, model, out, changes=changes, **options)
    what = fitted.what + ("" if fitted.rows == 1 else "s")
    line = f"{fitted.model} fitted on {fitted.rows:,} {what} in {fitted.seconds:.1f} s: {out}"
    Console().print(line, highlight=False, soft_wrap=True)


def sample(*, model: Path, out: Path, **how: Any) -> None:
    """Draw rows or images with a saved model."""
    target = describe(model)["card"].get("target") or "label"
    sample_file(load(model), out, target=target, **how)
    Console(stderr=True).print(f"Written: {out}", highlight=False, soft_wrap=True)


def generate(*, model: Path, prompt: str, **how: Any) -> None:
    """Print a prompt and what a language model makes of it."""
    fitted = load(model)
    if not isinstance(fitted, LanguageModel):
        raise DataError(
            f"{model} is a {type(fitted).__name__}, which does not write. Save a fitted "
            "deep.LanguageModel."
        )
    print(prompt, end="", flush=True)
    for piece in fitted.generate(prompt, stream=True, **how):
        print(piece, end="", flush=True)
    print()


def info(*, model: Path | None) -> None:
    """Print what a model is, or what this installation has."""
    console = Console()
    console.print(_model_table(model) if model is not None else _installation_table())
    if model is not None:
        schema = _schema_of(load(model))
        if schema is not None:
            console.print(_schema_table(schema))


def _installation_table() -> RichTable:
    accelerator = (
        torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    )
    facts = {
        **versions(),
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": str(torch.get_num_threads()),
        "devices": "cpu"
        + (f", {torch.accelerator.device_count()} × {accelerator.type}" if accelerator else ""),
        "kernels": "numba on the CPU, torch elsewhere",
    }
    return _facts(facts)


def _model_table(path: Path) -> RichTable:
    about = describe(path)
    card = about["card"]
    facts = {"file": f"{path} ({about['bytes'] / 2**20:.2f} MB, {about['numbers']:,} numbers)"}
    facts |= {k: str(card[k]) for k in ("model", "task", "target") if k in card}
    if card.get("classes"):
        facts["classes"] = ", ".join(map(str, card["classes"][:20])) + (
            " …" if len(card["classes"]) > 20 else ""
        )
    if "metric" in card:
        facts["score"] = (
            f"{card['metric']} {card['mean']:.4g} ± {card['se']:.2g}, cross-validated on "
            f"{card['rows']:,} rows"
        )
    facts["saved"] = f"{about['created']} by " + ", ".join(
        f"{k} {v}" for k, v in about["versions"].items()
    )
    return _facts({"class": about["class"], **facts})


def _facts(facts: dict[str, str]) -> RichTable:
    table = RichTable(show_header=False, box=None, pad_edge=False)
    for name, value in facts.items():
        table.add_row(f"[bold]{name}[/bold]", value)
    return table


def _schema_of(model: Any) -> Schema | None:
    """The schema of the model's door, where its first step is a ColumnTyper."""
    steps = getattr(model, "steps", None)
    first = steps[0][1] if steps else model
    schema = vars(first).get("schema_")
    return schema if isinstance(schema, Schema) else None


def _schema_table(schema: Schema) -> RichTable:
    table = RichTable(
        title=f"columns of the {schema.n_rows:,} rows it was fitted on", title_justify="left"
    )
    for heading in ("column", "kind", "stored as", "missing", "distinct", "note"):
        table.add_column(heading, justify="right" if heading in ("missing", "distinct") else "left")
    for c in schema.columns:
        role = "" if c.role == "feature" else f" ({c.role})"
        table.add_row(
            c.name,
            f"{c.kind}{role}",
            c.dtype,
            f"{c.n_missing:,}",
            f"{c.n_unique:,}",
            "; ".join(c.notes),
        )
    return table
