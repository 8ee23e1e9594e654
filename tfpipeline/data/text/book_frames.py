"""What customers of a bookshop say before and after what they want, whatever that is.

Templates as in `book_templates`. Validation and test have those of training and some of their own.
"""

from __future__ import annotations

BEFORE = {
    "train": (
        *("", "", "", "", "", "", "(hi|hello|good day|excuse me) (there|please|)"),
        "(hi|hello|please|) (can|could) you (help|advise) me (with something|please|)",
        "(i|we) (have|had) (a|one) (short|simple|) question (about a book|for you|)",
        "(i|we) (bought|finished|borrowed|saw) {title} (last week|yesterday|in {city}|)",
        "(i|we) (read|liked|loved|hated) {title} (by {author}|in {language}|)",
        "my {person} (gave|sent|lent) me {title} (for christmas|on {day}|as {format}|)",
        "my {person} (is reading|has read|wrote about|adores) {title} (by {author}|)",
        "(i|we) (read|saw|wrote) a review of ({author}|{title})",
        "(i|we) (like|love|only read) {genre} (from {city}|in {language}|)",
        "(i|we) ordered {title} on {day} (for {price}|from you|)",
        "(i|we) (live|work|stay) (in|near) {city} (until {day}|now|)",
        "(i|we) (have|own) {title} (in {language}|as {format}) already",
        "(i|we) (heard|dreamed|talked) of ({author}|{topic}|{title})",
    ),
    "validation": (
        *("good morning", "hey", "well", "i wonder", "could you tell me", "one more thing"),
        *("i own {title} as {format}", "my {person} met {author}", "we moved to {city}"),
        *("i collect {genre}", "i got {title} for {price}"),
    ),
    "test": (
        *("good evening", "greetings", "ok so", "i would like to know", "tell me", "sorry"),
        *("i returned {title} on {day}", "{author} was in {city} on {day}", "i study {topic}"),
        *("my {person} likes {genre}", "i was looking at {title}"),
    ),
}
AFTER = {
    "train": (
        *("", "", "", "", "", "", "please", "(thanks|thank you) (so much|in advance|)"),
        *("if (you|they) (can|could) (do that|help|)", "(i am|we are) in a hurry"),
        *("it is (meant|only|) for my {person}", "(i|we) (only|still|) have {price} (left|)"),
        *("(i am|we are) (staying|working|) in {city} until {day}", "(but|and|) not {title}"),
        *("my {person} (wants|needs|hopes) to know (by {day}|)", "as {author} would say"),
        "(i|we) do not mind the (price|language|year|edition|wait)",
        *("(i|we) do not need it before {day}", "(it|that) is (quite|not) urgent"),
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
