import dovetail as dv
from dovetail.datasets import load_california
from dovetail.deep import NetRegressor
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

dv.distributed.init()  # does nothing where the script runs by itself

X, y = load_california(return_X_y=True)
X, y = dv.distributed.share(X[["median_income", "latitude", "longitude"]], y / 100_000)
net = NetRegressor(
    module__hidden=(256,) * 4,
    batch_size=512,
    max_epochs=2,
    checkpoint="net.state",  # each process writes what it holds, to net.state.shards
    resume=True,
    random_state=0,
)
with dv.config(sharding=True):  # by itself only where a GPU has no room for the net
    model = make_pipeline(StandardScaler(), net).fit(X, y)

if dv.distributed.rank() == 0:  # the fitted net is whole, in every process
    print([round(loss, 2) for loss in net.history_["loss"]])
    dv.save(model, "prices.dove")
