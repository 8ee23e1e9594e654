"""Writes wake word models for ESPHome and microWakeWord, whose runtime has twenty operators."""
