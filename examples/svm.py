from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from dovetail.svm import SVC

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# A machine for each pair of digits; they vote.
model = SVC(C=10).fit(X_train, y_train)
print(round(model.score(X_test, y_test), 3), model.n_support_)

# What a fit leaves behind is a torch module from pixels to scores.
print(model.program_)
