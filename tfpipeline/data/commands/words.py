"""The words of Speech Commands (Warden, arXiv:1804.03209), by version."""

from __future__ import annotations

#: Those that its example recognizes: with silence and unknown words they are the "12 classes".
COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")

#: All of version 0.01: "Google-30".
COMMANDS_V1 = (
    *COMMANDS,
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("bed", "bird", "cat", "dog", "happy", "house", "marvin", "sheila", "tree", "wow"),
)

#: All of version 0.02, with 35 words.
COMMANDS_V2 = (*COMMANDS_V1, "backward", "follow", "forward", "learn", "visual")
