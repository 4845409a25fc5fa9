from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from dovetail.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline

X, y = load_digits(return_X_y=True)

for model in (KMeans(10), MiniBatchKMeans(10, batch_size=256), BisectingKMeans(10)):
    labels = model.set_params(n_init=5, random_state=0).fit_predict(X)
    found = round(adjusted_rand_score(y, labels), 2)
    print(f"{type(model).__name__:15} inertia {model.inertia_:,.0f}, agreement with y {found}")

# distances to centers are features
model = make_pipeline(KMeans(60, random_state=0), LogisticRegression(max_iter=2000))
print(round(model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]), 3))
