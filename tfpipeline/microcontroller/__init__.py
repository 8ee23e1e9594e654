"""Recurrent models as C for microcontrollers: one header, integers only, nothing else needed."""

from tfpipeline.microcontroller.header import header_text
from tfpipeline.microcontroller.input_scaling import InputScaling
from tfpipeline.microcontroller.integer_detector import IntegerDetector
from tfpipeline.microcontroller.integer_model import IntegerModel
from tfpipeline.microcontroller.model_of_step import integer_model
from tfpipeline.microcontroller.weights_of_step import Classifier

__all__ = [
    "Classifier",
    "InputScaling",
    "IntegerDetector",
    "IntegerModel",
    "header_text",
    "integer_model",
]
