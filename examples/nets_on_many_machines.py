import dovetail as dv
from dovetail.datasets import example
from dovetail.deep import NetClassifier
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler

dv.distributed.init()  # does nothing where the script runs by itself

names = ["age", "education-num", "hours-per-week"]
rows = dv.scan_parquet(example("adult").path, target="income", columns=names)
net = NetClassifier(
    batch_size=512,  # rows of all processes together
    max_epochs=3,
    checkpoint="net.state",  # written by rank 0
    resume=True,  # where torchrun starts it again, it goes on from there
    random_state=0,
)
model = make_pipeline(StandardScaler(), net).fit(rows)

if dv.distributed.rank() == 0:  # all processes have learned the same
    print([round(loss, 2) for loss in net.history_["loss"]])
    dv.save(model, "income.dove")
