from dovetail.datasets import load_penguins
from dovetail.impute import SimpleImputer

X, _ = load_penguins(return_X_y=True)

numbers = SimpleImputer(strategy="median", add_indicator=True).set_output(transform="pandas")
print(numbers.fit_transform(X[["bill_length_mm", "body_mass_g"]]).head(4))

words = SimpleImputer(strategy="most_frequent")
print(words.fit(X[["island", "sex"]]).statistics_)
