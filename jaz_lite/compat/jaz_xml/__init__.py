"""Exports of Job Arranger 3.x to 7.x: read to documents, and written from them."""

from jaz_lite.compat.jaz_xml.reader import Export, ExportedObject, read_export
from jaz_lite.compat.jaz_xml.writer import write_export

__all__ = ["Export", "ExportedObject", "read_export", "write_export"]
