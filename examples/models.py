import torch
from sklearn.model_selection import GridSearchCV

import dovetail as dv
from dovetail.datasets import load_california
from dovetail.linear_model import Ridge
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

X, y = load_california(return_X_y=True)
X = X[["median_income", "latitude", "longitude"]].to_numpy()
device = "cuda" if torch.cuda.is_available() else "cpu"

# Tensors in, tensors out, on their device from the first step to the last.
rows = torch.tensor(X, dtype=torch.float32, device=device)
prices = torch.tensor(y, dtype=torch.float32, device=device)
model = make_pipeline(StandardScaler(), Ridge()).fit(rows, prices)
print(model.predict(rows[:2]).device, model[-1].coef_.dtype)

# scikit-learn's tools take our estimators as their own.
search = GridSearchCV(model, {"ridge__alpha": [0.1, 10.0]}, cv=3).fit(X, y)
print(search.best_params_)

with dv.config(threads=1):  # settings hold inside the block
    search.best_estimator_.predict(X)
