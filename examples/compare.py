import dovetail as dv
from dovetail.datasets import example

penguins = example("penguins")
board = dv.compare(penguins.path, target=penguins.target, models="linear,boosting", cv=3)

print(board.table[["model", "metric", "mean", "se"]])  # a DataFrame, a row per model and metric
print(board.advice.why)  # the simplest model within one standard error of the best, and why
print(type(board.model.named_steps["model"]).__name__)  # that model, fitted on all rows
