"""What customers of a bookshop say before and after what they want, whatever that is, by split.

Templates as in `book_templates`. None is in two splits.
"""

from __future__ import annotations

BEFORE = {
    "train": (
        *("", "", "", "", "", "", "hi", "hello", "please", "can you help me", "excuse me"),
        *("i have a question", "last week i bought {title}", "i just finished {title} by {author}"),
        *("my {person} gave me {title}", "i read a review of {author}", "i like {genre}"),
        *("i ordered {title} on {day}", "i saw {title} in {city} for {price}", "i live in {city}"),
        *("my {person} is reading {title}", "i have {title} in {language} already"),
    ),
    "validation": (
        *("good morning", "hey", "well", "i wonder", "could you tell me", "one more thing"),
        *("i own {title} as {format}", "my {person} met {author}", "we moved to {city}"),
        *("i collect {genre}", "i got {title} for {price}"),
    ),
    "test": (
        *("good evening", "hello there", "ok so", "i would like to know", "tell me", "sorry"),
        *("i returned {title} on {day}", "{author} was in {city} on {day}", "i study {topic}"),
        *("my {person} likes {genre}", "i was looking at {title}"),
    ),
}
AFTER = {
    "train": (
        *("", "", "", "", "", "", "please", "thanks", "thank you", "if you can"),
        *(
            "i am in a hurry",
            "it is for my {person}",
            "i have {price}",
            "i am in {city} until {day}",
        ),
        *("not {title}", "my {person} wants to know", "i do not mind the price"),
        "i do not need it before {day}",
    ),
    "validation": (
        *("many thanks", "right now", "if possible", "my {person} asked me", "i can pay {price}"),
        *("it has to be in {language}", "i leave {city} on {day}", "or something like {title}"),
    ),
    "test": (
        *("thanks a lot", "today", "when you have time", "it is a gift for my {person}"),
        *("i will not pay more than {price}", "we are in {city}", "not the {format}"),
        "my order number is {number}",
    ),
}
