"""The words of Speech Commands (Warden, arXiv:1804.03209) that its example recognizes."""

from __future__ import annotations

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
