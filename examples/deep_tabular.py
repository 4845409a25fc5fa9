from sklearn.model_selection import train_test_split

import dovetail as dv
from dovetail.datasets import load_adult
from dovetail.deep import TabularClassifier

X, y = load_adult(return_X_y=True)  # six numbers, eight columns of words, missing values
X, X_test, y, y_test = train_test_split(X, y, train_size=2000, test_size=2000, random_state=0)

net = TabularClassifier(n_members=8, width=64, max_epochs=12, random_state=0)
net.fit(X, y)
print(round(net.score(X_test, y_test), 3), f"after {net.n_iter_} epochs")
print(net.is_categorical_.sum(), "columns of words")

graph = net.program_  # one torch module: codes and numbers in, scores out
print(graph(net.front(X_test[:3])))

dv.save(net, "adult.dove")
again = dv.load("adult.dove")
assert (again.predict(X_test) == net.predict(X_test)).all()
