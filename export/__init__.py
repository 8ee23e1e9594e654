"""Exports Keras models to verified `.tflite` files (installed as `tfpipeline.export`).

Needs the `train` extra. TensorFlow is imported when a name is first used, so that the converter's
worker process starts light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfpipeline.export.c_array import write_c_array
    from tfpipeline.export.c_header import write_c_header
    from tfpipeline.export.convert.kept import kept_conversions
    from tfpipeline.export.errors import ConversionError, ExportError, VerificationError
    from tfpipeline.export.esphome.export_esphome import export_esphome
    from tfpipeline.export.esphome.report import EsphomeReport
    from tfpipeline.export.exporter import export
    from tfpipeline.export.header_report import CHeaderReport
    from tfpipeline.export.report import ExportReport
    from tfpipeline.export.samples.sources import Source
    from tfpipeline.export.stock_converter import convert_stock
    from tfpipeline.export.tolerances import Tolerances
    from tfpipeline.export.verify.form_report import FormReport

_HOMES = {
    "CHeaderReport": "header_report",
    "ConversionError": "errors",
    "ExportError": "errors",
    "VerificationError": "errors",
    "export": "exporter",
    "export_esphome": "esphome.export_esphome",
    "EsphomeReport": "esphome.report",
    "ExportReport": "report",
    "FormReport": "verify.form_report",
    "Source": "samples.sources",
    "convert_stock": "stock_converter",
    "kept_conversions": "convert.kept",
    "Tolerances": "tolerances",
    "write_c_array": "c_array",
    "write_c_header": "c_header",
}

__all__ = [
    "CHeaderReport",
    "ConversionError",
    "EsphomeReport",
    "ExportError",
    "ExportReport",
    "FormReport",
    "Source",
    "Tolerances",
    "VerificationError",
    "convert_stock",
    "export",
    "export_esphome",
    "kept_conversions",
    "write_c_array",
    "write_c_header",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
