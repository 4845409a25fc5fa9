"""Losses, penalties and linear objectives: mathematics only, shared by linear models, boosting and
nets.
"""
