from dovetail.datasets import load_penguins
from dovetail.feature_extraction.text import CountVectorizer
from dovetail.naive_bayes import ComplementNB, GaussianNB
from dovetail.pipeline import make_pipeline

# Numbers: a normal distribution for each class and feature.
X, y = load_penguins(return_X_y=True)
X = X.select_dtypes("number").dropna()
y = y[X.index]
model = GaussianNB().fit(X[::2], y[::2])
print(round(model.score(X[1::2], y[1::2]), 3))

# Words: counts, which stay sparse.
texts = ["cheap pills now", "win cash now", "minutes of the meeting", "agenda for the next meeting"]
spam = make_pipeline(CountVectorizer(), ComplementNB()).fit(texts, ["spam", "spam", "ham", "ham"])
print(spam.predict(["cash for pills", "the meeting"]))

# Portions: what is learned is the same as from all rows at once.
stream = GaussianNB()
for start in range(0, len(X), 100):
    rows = slice(start, start + 100)
    stream.partial_fit(X[rows], y[rows], classes=sorted(set(y)))
print(stream.class_count_)
