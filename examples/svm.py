from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from dovetail.feature_extraction.text import TfidfVectorizer
from dovetail.pipeline import make_pipeline
from dovetail.svm import SVC, LinearSVC

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# A machine for each pair of digits; they vote.
model = SVC(C=10).fit(X_train, y_train)
print(round(model.score(X_test, y_test), 3), model.n_support_)

# What a fit leaves behind is a torch module from pixels to scores.
print(model.program_)

# Many rows, or words of documents: hyperplanes, one a class against all others.
documents = ["cheap pills now", "meeting at noon", "cheap watches", "lunch at noon?"]
words = make_pipeline(TfidfVectorizer(), LinearSVC(random_state=0))
words.fit(documents, ["spam", "ham", "spam", "ham"])
print(words.predict(["pills and watches", "a meeting over lunch"]))
