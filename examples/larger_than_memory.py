import dovetail as dv
from dovetail.compose import make_column_selector, make_column_transformer
from dovetail.datasets import example
from dovetail.impute import SimpleImputer
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import OneHotEncoder, StandardScaler

rows = dv.scan_parquet(example("adult").path, target="income")  # or "folder/*.parquet"
print(rows.shape)

numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
model = make_pipeline(
    make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (words, make_column_selector(dtype_exclude="number")),
    ),
    LogisticRegression(solver="newton-cholesky"),
)
model.fit(rows)
print(round(model.score(rows), 3), model.predict(rows).shape)

for block in model[:-1].transform(rows).blocks():
    print(block.X.shape)
    break
