"""`python -m tests.soak.training_run`: a run of the training pipeline that says which step begins."""

from oo.settings import PipelineSettings, read
from pipelines import runs
from tests.integration.training_places import AS_OF

if __name__ == "__main__":
    asked = runs.Training("digits@1", AS_OF, seed=4, shards=2)
    runs.train(read(PipelineSettings), asked, on_step=lambda step: print(step, flush=True))
