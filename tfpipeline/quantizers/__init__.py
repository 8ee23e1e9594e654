"""Quantizers of weights to one, two or a few bits; importing this registers them with Keras."""

from __future__ import annotations

from tfpipeline.quantizers.alternating import Alternating
from tfpipeline.quantizers.binary_connect import BinaryConnect
from tfpipeline.quantizers.bwn import BWN
from tfpipeline.quantizers.lab import LAB
from tfpipeline.quantizers.lat import LAT
from tfpipeline.quantizers.lookup import QUANTIZERS, get, serialize
from tfpipeline.quantizers.quantizer import Quantizer
from tfpipeline.quantizers.sbn import SBN
from tfpipeline.quantizers.stn import STN
from tfpipeline.quantizers.ter_connect import TerConnect
from tfpipeline.quantizers.twn import TWN

__all__ = [
    "BWN",
    "LAB",
    "LAT",
    "QUANTIZERS",
    "SBN",
    "STN",
    "TWN",
    "Alternating",
    "BinaryConnect",
    "Quantizer",
    "TerConnect",
    "get",
    "serialize",
]
