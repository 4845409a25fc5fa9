from sklearn.model_selection import train_test_split

import dovetail as dv
from dovetail.datasets import load_penguins
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import Pipeline

X, y = load_penguins(return_X_y=True)  # a raw table: numbers, strings, missing values
X, X_test, y, y_test = train_test_split(X, y, random_state=0)

model = Pipeline([*dv.preparation("linear").steps, ("model", LogisticRegression())])
model.fit(X, y)
print(round(model.score(X_test, y_test), 3))

dv.save(model, "penguins.dove")  # JSON and tensors; loading it runs no code
again = dv.load("penguins.dove")
assert (again.predict(X) == model.predict(X)).all()
