from sklearn.datasets import load_digits

from dovetail.decomposition import PCA, TruncatedSVD
from dovetail.feature_extraction.text import TfidfVectorizer
from dovetail.linear_model import LogisticRegression
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

X, y = load_digits(return_X_y=True)
pca = PCA(n_components=0.9).fit(X)
print(pca.n_components_, "of", X.shape[1], "directions have 90 % of the variance")

model = make_pipeline(StandardScaler(), PCA(20, whiten=True), LogisticRegression())
print(round(model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]), 3))

texts = ["a red apple", "a green apple", "a fast car", "a slow car", "red cars", "green trees"]
topics = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0))
print(topics.fit_transform(texts).round(2))
