"""Documents with every field written out, the settings of icons too: what rows are made from."""

from jaz_lite.compat.jaz_xml.rows import Plain
from jaz_lite.icons import params_of
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import from_plain, to_plain
from jaz_lite.model.problem import Place


def completed(kind: str, document: Plain) -> Plain:
    """Return a document with all fields of its kind, and all settings of its icons.

    Raises:
        DefinitionError: it has the wrong shape.
    """
    definition = from_plain(kind, document)
    found: Plain = to_plain(definition)
    if isinstance(definition, Jobnet):
        for icon, plain in zip(definition.icons, found["icons"], strict=True):
            place = Place(
                kind=kind,
                object_id=definition.jobnet_id,
                version=definition.version,
                icon_id=icon.icon_id,
                field="params",
            )
            plain["params"] = to_plain(params_of(icon, place))
    return found
