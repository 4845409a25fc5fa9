import dovetail as dv
from dovetail.datasets import example, load_california
from dovetail.linear_model import LogisticRegression, Ridge
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

dv.distributed.init()  # does nothing where the script runs by itself

# a scan shares out its row groups by itself
names = ["age", "education-num", "hours-per-week"]
rows = dv.scan_parquet(example("adult").path, target="income", columns=names)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows)

# of arrays that every process holds whole, each takes its part
X, y = load_california(return_X_y=True)
X, y = dv.distributed.share(X[["median_income", "latitude", "longitude"]], y)
prices = make_pipeline(StandardScaler(), Ridge()).fit(X, y)

if dv.distributed.rank() == 0:  # all processes have learned the same
    print(model[-1].coef_.round(3))
    print(prices[-1].coef_.round(0))
    dv.save(model, "income.dove")
