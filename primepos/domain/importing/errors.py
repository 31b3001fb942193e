"""How an import can be refused as a whole; a row that cannot be read is no error but a line in the errors file."""

from primepos.core.errors import Conflict, InvalidInput, NotFound


class FileUnreadable(InvalidInput):
    """The file cannot be opened, is damaged, too large, or in no encoding that can be told."""

    code = "FILE_UNREADABLE"
    template = "{file}: {problem}"


class ColumnsMissing(InvalidInput):
    """No column of the file was understood as one that is needed; ``columns`` are those it has."""

    code = "COLUMNS_MISSING"
    template = "{file} has no column for {fields}; it has {columns}"
    hint = "Name them with --map COLUMN=FIELD, or give one value for all rows with --set FIELD=VALUE."


class UnknownColumn(InvalidInput):
    """A mapping names a column that the file does not have."""

    code = "UNKNOWN_COLUMN"
    template = "There is no column {column}; the file has {columns}"


class UnknownField(InvalidInput):
    """A mapping names a field that this kind of import does not know."""

    code = "UNKNOWN_FIELD"
    template = "There is no field {field}; the fields are {fields}"


class WhichOutlet(InvalidInput):
    """The tenant has several outlets and the import was not told whose sales these are."""

    code = "WHICH_OUTLET"
    template = "Say which outlet's sales these are: {outlets}"


class ImportMoved(Conflict):
    """The same file is being imported by somebody else at this moment, who is further by now."""

    code = "IMPORT_MOVED"
    template = "The same file is being imported elsewhere and has come to row {rows_done}"
    hint = "Let it finish; importing the file again afterwards changes nothing."


class NumbersAmbiguous(InvalidInput):
    """Every number with a comma or a point in the file could be read in two ways."""

    code = "NUMBERS_AMBIGUOUS"
    template = "{file}: these numbers can be read in two ways ({samples})"
    hint = "Say how decimals are written with --decimal point (1,234.50) or --decimal comma (1.234,50)."


class DatesAmbiguous(InvalidInput):
    """Every date in the file could have its day or its month first."""

    code = "DATES_AMBIGUOUS"
    template = "{file}: these dates can be read in two ways ({samples})"
    hint = "Say which comes first with --date-format dmy (day) or --date-format mdy (month)."


class WrongExport(InvalidInput):
    """The file is known, but holds something else than what is being imported."""

    code = "WRONG_EXPORT"
    template = "{file} looks like {found}, which holds no {wanted}"


class LocationUnknown(InvalidInput):
    """A place in the file is no outlet's name or code, and nothing says which outlet it is."""

    code = "LOCATION_UNKNOWN"
    template = "Say which outlet {location} is; there are {outlets}"
    hint = 'Name it with --location "PLACE=OUTLET", or give one outlet for all with --outlet.'


class ImportNotFound(NotFound):
    """No import of this id was handed in, or by somebody else."""

    code = "IMPORT_NOT_FOUND"
    template = "There is no such import"


class ImportDiffers(Conflict):
    """The same id, or the same part, was sent before with something else in it."""

    code = "IMPORT_DIFFERS"
    template = "This was sent before with other content"
