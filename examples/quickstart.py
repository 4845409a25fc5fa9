import dovetail as dv
from dovetail.datasets import load_penguins
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import Pipeline

X, y = load_penguins(return_X_y=True)  # a raw table: numbers, strings, missing values

model = Pipeline([*dv.preparation("linear").steps, ("model", LogisticRegression())])
model.fit(X[:250], y[:250])
print(model.score(X[250:], y[250:]))

dv.save(model, "penguins.dove")  # JSON and tensors; loading it runs no code
again = dv.load("penguins.dove")
assert (again.predict(X) == model.predict(X)).all()
