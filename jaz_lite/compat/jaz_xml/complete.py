"""Documents with every field written out, the settings of icons too: what rows are made from."""

from jaz_lite.compat.jaz_xml.rows import Plain
from jaz_lite.icons import params_of
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import Definition, to_plain
from jaz_lite.model.problem import Place


def completed(definition: Definition) -> Plain:
    """Return the document of a definition with all fields of its kind, and all settings of its icons.

    Raises:
        DefinitionError: settings have the wrong shape.
    """
    found: Plain = to_plain(definition)
    if isinstance(definition, Jobnet):
        for icon, plain in zip(definition.icons, found["icons"], strict=True):
            place = Place(
                kind="jobnet",
                object_id=definition.jobnet_id,
                version=definition.version,
                icon_id=icon.icon_id,
                field="params",
            )
            plain["params"] = to_plain(params_of(icon, place))
    return found
