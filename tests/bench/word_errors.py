"""Word error rate of what was heard against a loop of sentences that was joined and left anywhere."""
import re

NUMBERS = {"2": "two", "4": "four", "9": "nine", "10": "ten", "20": "twenty", "2nd": "second"}


def words_of(text):
    """Words without case and marks; numbers as they are spoken."""
    spaced = text.lower().replace("-", " ").replace(":00", "")
    bare = (re.sub(r"[^a-z0-9']", "", word) for word in spaced.split())
    return [NUMBERS.get(word, word) for word in bare if word]


def errors_in_loop(sentences, heard):
    """(errors, words of the reference) of the stretch of the endlessly repeated sentences that fits best."""
    loop, received = words_of(" ".join(sentences)), words_of(heard)
    reference = loop * (len(received) // len(loop) + 3)
    # Each cell: edits so far and where in the reference the stretch began. Beginning and end are free.
    row = [(0, at) for at in range(len(reference) + 1)]
    for word in received:
        diagonal, row[0] = row[0], (row[0][0] + 1, 0)
        for at in range(1, len(row)):
            replaced = (diagonal[0] + (reference[at - 1] != word), diagonal[1])
            added, missed = (row[at][0] + 1, row[at][1]), (row[at - 1][0] + 1, row[at - 1][1])
            diagonal, row[at] = row[at], min(replaced, added, missed)
    end, (errors, begin) = min(enumerate(row), key=lambda cell: cell[1][0])
    return errors, max(1, end - begin)
