"""Naive Bayes: classifiers that take features as independent within a class."""

from dovetail.naive_bayes.bernoulli_nb import BernoulliNB
from dovetail.naive_bayes.categorical_nb import CategoricalNB
from dovetail.naive_bayes.complement_nb import ComplementNB
from dovetail.naive_bayes.gaussian_nb import GaussianNB
from dovetail.naive_bayes.multinomial_nb import MultinomialNB

__all__ = ["BernoulliNB", "CategoricalNB", "ComplementNB", "GaussianNB", "MultinomialNB"]
