import torch

from dovetail.datasets import load_california
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import PolynomialFeatures, QuantileTransformer, StandardScaler

X, _ = load_california(return_X_y=True)
X = X[["median_income", "housing_median_age", "population", "households"]]

prepared = make_pipeline(
    QuantileTransformer(output_distribution="normal"),
    PolynomialFeatures(degree=2, include_bias=False),
    StandardScaler(),
)
print(prepared.fit_transform(X).shape)

# A fitted pipeline is one torch module: gradients flow through all of its steps.
rows = torch.tensor(X[:5].to_numpy(dtype="float64"), requires_grad=True)
prepared.program_(rows).sum().backward()
print(rows.grad.shape)
