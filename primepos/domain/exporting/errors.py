"""How an export can be refused."""

from primepos.core.errors import InvalidInput, NotFound


class UnknownDataset(NotFound):
    """There is no table of this name to export."""

    code = "UNKNOWN_DATASET"
    template = "There is no export {dataset}; there are {datasets}"


class NotByDay(InvalidInput):
    """What is there at the moment cannot be asked for by day."""

    code = "NOT_BY_DAY"
    template = "{dataset} is what there is now; only what happened can be asked for by day"
