from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from dovetail.kernel_approximation import Nystroem
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# 300 rows stand for all of them: a linear model of their kernel values, as good as a kernel machine
model = make_pipeline(
    Nystroem(gamma=1e-3, n_components=300, random_state=0), LogisticRegression(C=100, max_iter=500)
)
print(round(model.fit(X_train, y_train).score(X_test, y_test), 3))
