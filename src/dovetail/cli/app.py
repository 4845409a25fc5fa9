"""The commands and their options; what they do is in `commands.py`, loaded when a command runs."""

from __future__ import annotations

import importlib
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dovetail.errors import DovetailError

__all__ = ["app", "main"]

app = typer.Typer(
    name="dovetail",
    help="Classical machine learning and deep learning, dovetailed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


class TaskName(StrEnum):
    """What to learn."""

    auto = "auto"
    classification = "classification"
    regression = "regression"


_Task = Annotated[TaskName, typer.Option(help="What to learn; auto goes by the target's values.")]
_Device = Annotated[str | None, typer.Option(help="cpu, cuda or auto.", show_default="cpu")]


def _seconds(text: str) -> float:
    """90, 90s, 5m or 1h as seconds."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], text[-1]) if text[-1:].lower() in units else (text, "s")
    try:
        value = float(number) * units[unit.lower()]
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{text!r} is not a time. Write it as 90s, 5m or 1h.")
    return value


@app.command()
def compare(
    data: Annotated[
        Path | None, typer.Argument(help="CSV or Parquet file.", show_default=False)
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Column to predict.", show_default=False)
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            help="A bundled data set instead: adult, california, penguins or sms.",
            show_default=False,
        ),
    ] = None,
    task: _Task = TaskName.auto,
    models: Annotated[
        str,
        typer.Option(
            help="all, or names with commas: linear, bayes, lda, svm, nystroem, boosting, mlp, "
            "tabular, text, image."
        ),
    ] = "all",
    cv: Annotated[int, typer.Option(help="Folds.", min=2)] = 5,
    metric: Annotated[
        str, typer.Option(help="What decides: accuracy, roc_auc, log_loss, r2, rmse, ...")
    ] = "auto",
    budget: Annotated[
        str, typer.Option(help="Time for all models: 90s, 5m, 1h.", parser=_seconds, metavar="TIME")
    ] = "5m",
    memory: Annotated[
        float | None,
        typer.Option(
            help="Gigabytes a fit may use; default: most of what is free.", show_default=False
        ),
    ] = None,
    device: _Device = None,
    group: Annotated[
        str | None,
        typer.Option(help="Column whose rows stay together in a fold.", show_default=False),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(help="Column to order rows by; folds then look ahead.", show_default=False),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the table, the report and the model.")
    ] = Path("dovetail-report"),
    seed: Annotated[int, typer.Option(help="Of folds and models.", min=0)] = 0,
) -> None:
    """Compare models on a table, from guessing to a neural network, and say which one to take."""
    if (data is None) == (example is None):
        raise typer.BadParameter("Name a file, or a bundled data set with --example adult.")
    if data is not None and target is None:
        raise typer.BadParameter("Say which column to predict, with --target COLUMN.")
    _run(
        "compare",
        data=data,
        target=target,
        example=example,
        task=str(task),
        models=models,
        cv=cv,
        metric=metric,
        budget=budget,
        memory=memory,
        device=device,
        group=group,
        time_column=time,
        out=out,
        seed=seed,
    )


@app.command()
def fit(
    data: Annotated[
        Path,
        typer.Argument(
            help="Table (CSV, Parquet), text, or folder of texts or of images in class folders.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="A name that compare has (linear, boosting, tabular, text, ...), image, language, "
            "vae or gan.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            help="Column to predict; for vae and gan the classes, for language the texts.",
            show_default=False,
        ),
    ] = None,
    task: _Task = TaskName.auto,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Parameter of the model, as name=value; may be repeated.",
            metavar="NAME=VALUE",
            show_default=False,
        ),
    ] = None,
    device: _Device = None,
    out: Annotated[Path, typer.Option(help="File of the model.")] = Path("model.dove"),
    seed: Annotated[int, typer.Option(help="Of the model.", min=0)] = 0,
) -> None:
    """Fit one model on all rows, and save it: classical, deep or generative."""
    _run(
        "fit",
        data=data,
        model=model,
        target=target,
        task=str(task),
        changes=change or [],
        device=device,
        out=out,
        seed=seed,
    )


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="Model file, such as model.dove.")],
    data: Annotated[
        Path, typer.Argument(help="CSV or Parquet file with the columns the model was fitted on.")
    ],
    out: Annotated[Path, typer.Option(help="File to write: CSV or Parquet.")],
    keep: Annotated[
        bool, typer.Option(help="Keep the columns of the data beside the prediction.")
    ] = False,
    proba: Annotated[bool, typer.Option(help="Add the probability of each class.")] = False,
    rows: Annotated[int, typer.Option(help="Rows read at a time.", min=1)] = 100_000,
) -> None:
    """Predict every row of a table with a saved model, reading and writing in blocks."""
    _run("predict", model=model, data=data, out=out, keep=keep, proba=proba, rows=rows)


@app.command()
def generate(
    model: Annotated[Path, typer.Argument(help="Model file of a deep.LanguageModel.")],
    prompt: Annotated[str, typer.Option(help="Text to go on from.")] = "",
    tokens: Annotated[int, typer.Option(help="Most tokens to write.", min=1)] = 200,
    temperature: Annotated[
        float, typer.Option(help="Below 1: what is likely becomes likelier.", min=0)
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option(help="Draw from so many tokens only.", min=1, show_default=False)
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from the likeliest tokens that have this probability together.",
            min=1e-6,
            max=1,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of what is drawn.", show_default=False)] = None,
) -> None:
    """Write a text with a saved language model, as it comes."""
    _run(
        "generate",
        model=model,
        prompt=prompt,
        max_new_tokens=tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        random_state=seed,
    )


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(help="Model file of a deep.VAE or deep.GAN.")],
    out: Annotated[
        Path,
        typer.Option(
            help="Of rows a CSV or Parquet file; of images a folder, or a sheet that ends in .png."
        ),
    ],
    rows: Annotated[int, typer.Option(help="Rows or images to draw.", min=1)] = 100,
    label: Annotated[
        str | None, typer.Option(help="Class to draw rows of.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of what is drawn.", show_default=False)] = None,
) -> None:
    """Draw rows or images like those a model was fitted on."""
    _run("sample", model=model, out=out, rows=rows, label=label, seed=seed)


@app.command()
def info(
    model: Annotated[
        Path | None,
        typer.Argument(help="Model file; without one, this installation.", show_default=False),
    ] = None,
) -> None:
    """Describe a saved model, or this installation: versions, devices, threads."""
    _run("info", model=model)


def _run(command: str, **options: Any) -> None:
    """Load the commands and run one; what the user can mend is one line and exit status 2."""
    commands = importlib.import_module("dovetail.cli.commands")
    try:
        getattr(commands, command)(**options)
    except (DovetailError, PermissionError) as error:
        print(f"dovetail {command}: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        print(f"dovetail {command}: interrupted", file=sys.stderr)
        raise typer.Exit(130) from None


def main() -> None:
    """Entry point of `dovetail`."""
    app()
