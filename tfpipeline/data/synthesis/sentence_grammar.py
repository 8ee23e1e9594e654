"""Sentences for the synthesizer: what people say to a device, drawn from a grammar."""

from __future__ import annotations

import numpy as np

# Words in braces are rules. The vocabulary is closed, as on a device that obeys commands; some
# three thousand sentences can be said, so that enough are left for validation and test.
GRAMMAR: dict[str, tuple[str, ...]] = {
    "sentence": (
        "{switch} the {room} {thing}",
        "{switch} the {thing} in the {room}",
        "set the {room} {thing} to {level}",
        "{wake} me at {hour} {half}",
        "{wake} me in {number} {unit}",
        "is it {weather} {when}",
        "will it be {weather} in {city} {when}",
        "how far is it to {city}",
        "call {person} {when}",
        "send a {message} to {person}",
        "tell {person} that i am {state}",
        "play {some} {music} in the {room}",
        "add {number} {food} to my list",
        "remind {person} to buy {food}",
        "read my {message} from {person}",
    ),
    "switch": ("turn on", "turn off", "open", "close", "check", "lock"),
    "room": ("kitchen", "bedroom", "garden", "office", "hall", "garage", "bathroom"),
    "thing": ("lights", "window", "door", "heating", "radio", "camera", "blinds", "fan"),
    "level": ("low", "high", "half", "{number}", "maximum"),
    "wake": ("wake", "alarm for", "ring", "warn"),
    "hour": ("{number}", "noon", "midnight"),
    "half": ("thirty", "fifteen", "sharp", "today", "tomorrow", "please"),
    "number": (
        *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
        *("eleven", "twelve", "twenty"),
    ),
    "unit": ("minutes", "hours", "days", "weeks"),
    "weather": ("cold", "warm", "raining", "sunny", "windy", "dark", "snowing"),
    "when": ("now", "today", "tomorrow", "tonight", "on monday", "on friday", "this evening"),
    "city": ("london", "paris", "berlin", "rome", "boston", "madrid", "dublin", "oslo"),
    "person": ("anna", "peter", "my mother", "my brother", "david", "julia", "the doctor"),
    "message": ("message", "letter", "photo", "note", "reminder"),
    "state": ("late", "home", "tired", "busy", "on my way", "almost there"),
    "some": ("some", "more", "my", "quiet", "loud"),
    "music": ("jazz", "rock", "piano music", "songs", "blues", "folk music"),
    "food": ("apples", "bread", "coffee", "cheese", "tomatoes", "milk", "eggs", "sugar"),
}


def draw_sentence(rng: np.random.Generator, grammar: dict[str, tuple[str, ...]] = GRAMMAR) -> str:
    """Return a sentence of lower-case words, drawn rule by rule."""
    text = "{sentence}"
    while "{" in text:
        before, _, rest = text.partition("{")
        rule, _, after = rest.partition("}")
        choices = grammar[rule]
        text = before + choices[int(rng.integers(len(choices)))] + after
    return text
