"""How many bytes a model takes by the formulas of papers, and how many in a file."""

from tfpipeline.compress.size_ledger.cell_sizes import VARIANTS, CellSizes
from tfpipeline.compress.size_ledger.formulas import FORMULAS
from tfpipeline.compress.size_ledger.ledger import ledger
from tfpipeline.compress.size_ledger.size_ledger import LedgerRow, SizeLedger

__all__ = ["FORMULAS", "VARIANTS", "CellSizes", "LedgerRow", "SizeLedger", "ledger"]
