from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV

from dovetail.kernel_ridge import KernelRidge
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

X, y = load_diabetes(return_X_y=True, as_frame=True)
y = y - y.mean()  # there is no intercept

model = make_pipeline(StandardScaler(), KernelRidge(kernel="rbf"))
grid = {"kernelridge__alpha": [0.1, 1.0, 10.0], "kernelridge__gamma": [1e-3, 1e-2, 1e-1]}
search = GridSearchCV(model, grid, cv=5).fit(X, y)
print(search.best_params_, round(search.best_score_, 2))
