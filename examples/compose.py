from dovetail.compose import ColumnTransformer, make_column_selector
from dovetail.datasets import load_adult
from dovetail.impute import SimpleImputer
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import OneHotEncoder, StandardScaler

X, y = load_adult(return_X_y=True)
X, y = X[:4000], y[:4000]

numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
words = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10)
columns = ColumnTransformer(
    [
        ("numbers", numbers, make_column_selector(dtype_include="number")),
        ("words", words, make_column_selector(dtype_exclude="number")),
    ]
)
model = make_pipeline(columns, LogisticRegression(max_iter=300)).fit(X[:3000], y[:3000])
print(round(model.score(X[3000:], y[3000:]), 3))

# The Program is the composition of all steps; `front` says what it takes for a table.
print(type(model.program_).__name__, [tuple(part.shape) for part in model.front(X[:2])])
