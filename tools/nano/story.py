"""Stories: what happened in some seconds in front of a camera, the facts that the daemon would write, and what is asked.

Every answer follows from the facts alone. What is not among them is "nothing was heard", "I cannot tell" or "no".
"""
import random

import layout

SIDES = ["left", "middle", "right"]
PLACE = {"left": "on the left", "middle": "in the middle", "right": "on the right"}
KINDS = ["person", "vehicle", "animal", "thing", "something"]
COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey"]
NUMBERS = ["no", "one", "two", "three", "four", "five"]
# As signals/motion.cpp says them; sideways movement needs no place.
SIDEWAYS = ["left to right", "right to left"]
WAYS = ["upwards", "downwards", "nearer", "away", ""]
VIEW = ["the camera shakes", "the camera turns, left to right", "the light goes on", "the light goes off",
        "many small specks, as of rain or snow", "the picture is another"]
SOUNDS = ["music", "a tone", "noise", "dog", "rooster", "rain", "waves", "baby crying", "clock ticking", "sneeze", "helicopter",
          "chainsaw", "fire", "footsteps", "door", "siren", "car horn", "engine", "gunshot", "drill", "cat", "bird", "cow", "sheep"]
CONDITIONS = {"picture_black": "The picture is black", "picture_frozen": "The picture is frozen",
              "picture_absent": "There is no picture", "picture_blurred": "The picture is blurred",
              "picture_covered": "The camera is covered", "picture_overexposed": "The picture is too bright",
              "camera_shaking": "The camera is shaking", "sound_silent": "There is silence",
              "sound_clipped": "The sound is too loud", "sound_absent": "There is no sound"}
BLIND = {"picture_black", "picture_absent", "picture_covered"}
PLURAL = {"person": "people"}


def plural(kind):
    return PLURAL.get(kind, kind + "s")


def an(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def joined(parts):
    return " and ".join(parts) if len(parts) < 3 else ", ".join(parts[:-1]) + " and " + parts[-1]


def capital(text):
    return text[0].upper() + text[1:]


class Story:
    """things: [(kind, colour or None, side)] as last seen; the rest are (from, to, text) lists."""

    def __init__(self, rng: random.Random, said: list, things=None, condition=None):
        self.rng = rng
        self.zero = rng.choice([0.0, 0.0, rng.uniform(0, 60), rng.uniform(0, 900)])
        self.length = rng.uniform(3, 25)
        self.heard, self.moves, self.sounds = [], [], []
        self.condition = condition
        if condition is None and rng.random() < 0.15:
            self.condition = rng.choice(list(CONDITIONS))
        self.things = things if things is not None else self._things()
        if self.condition in BLIND:
            self.things = []
        self.seen = bool(things is not None or rng.random() < 0.85) and self.condition not in BLIND
        if not self.seen:
            self.things = []
        # Of kinds that no thing is named after, one may be likely all the same: it stands nowhere and is not counted.
        doubtful = [kind for kind in ("person", "vehicle", "animal") if all(thing[0] != kind for thing in self.things)]
        self.perhaps = rng.choice(doubtful) if self.things and doubtful and rng.random() < 0.2 else None
        self._events(said)

    def _things(self):
        rng = self.rng
        count = rng.choices([0, 1, 2, 3, 4], [.25, .35, .2, .13, .07])[0]
        kinds = [rng.choice(KINDS)] * count if rng.random() < 0.4 else [rng.choice(KINDS) for _ in range(count)]
        return [(kind, rng.choice(COLOURS) if kind != "something" and rng.random() < 0.25 else None, rng.choice(SIDES)) for kind in kinds]

    def _events(self, said):
        rng, t = self.rng, self.zero
        if self.condition != "sound_silent" and self.condition != "sound_absent" and rng.random() < 0.65:
            for _ in range(rng.randint(1, 3)):
                start = t + rng.uniform(0, 4)
                t = start + rng.uniform(0.8, 5)
                if rng.random() < 0.6:
                    self.heard.append((start, t, rng.choice(said).strip().rstrip(".")))
                else:
                    self.sounds.append((start, t, rng.choice(SOUNDS)))
        if self.condition not in BLIND and rng.random() < 0.45:
            for _ in range(rng.choice([1, 1, 2])):
                start = self.zero + rng.uniform(0, self.length)
                self.moves.append((start, start + rng.uniform(0.6, 6), self._movement()))
        self.moves.sort()

    def _movement(self):
        rng = self.rng
        if rng.random() < 0.12:
            return rng.choice(VIEW)
        words = rng.choices(["one thing", "two things", "three things"], [.7, .2, .1])[0]
        if rng.random() < 0.65:
            words += ", " + rng.choice(SIDEWAYS)
        else:
            way = rng.choice(WAYS)
            words += ", " + rng.choice(SIDES) + (", " + way if way else "")
        return words + rng.choice(["", "", "", ", enters", ", leaves", ", enters and leaves"])

    def sounded(self, rows=None) -> list:
        """Lines of the sounds in the prompt's order, and what stands behind each: [(start, 2, line, rows of the clip or None)]."""
        return sorted(((a, 2, layout.line("sounded", a, b, text, len(clip) if clip is not None else 0), clip)
                       for (a, b, _), (text, clip) in zip(self.sounds, rows or [(s[2], None) for s in self.sounds])), key=lambda line: line[:3])

    def facts(self, frames: int, rows=None) -> str:
        """Lines in order of time; pictures only where the story is seen. rows: of each sound what its line calls it, and its clip."""
        rng, lines = self.rng, []
        end = self.zero + self.length
        if self.seen:
            for k in range(rng.choice([1, 1, 2])):
                words = "; ".join(f"{colour + ' ' if colour else ''}{kind}, {side}, {rng.uniform(.55, .99):.1f}"
                                  for kind, colour, side in self.things) or f"nothing, {rng.uniform(.6, .99):.1f}"
                words += f"; perhaps {self.perhaps}" if self.perhaps else ""
                lines.append((end - k, 1, layout.line("seen", end - k, end - k, words)))
        for k in range(frames):
            lines.append((end - k, 0, layout.line("frame", end - k, end - k, "{frame}")))
        lines += [(a, 2, layout.line("heard", a, b, text)) for a, b, text in self.heard]
        lines += [line[:3] for line in self.sounded(rows)]
        for a, b, text in self.moves:
            lines.append((a, 2, layout.line("moved", a, b if b < end or rng.random() < 0.5 else None, text)))
        if self.condition:
            lines.append((self.zero, 3, layout.line("condition", self.zero, end if rng.random() < 0.5 else None, self.condition)))
        return "".join(text for _, _, text in sorted(lines))

    def what(self) -> str:
        """"two people and a red vehicle", "nothing"."""
        parts = []
        for kind in KINDS:
            mine = [thing for thing in self.things if thing[0] == kind]
            if len(mine) == 1:
                parts.append("something" if kind == "something" else an(f"{mine[0][1]} {kind}" if mine[0][1] else kind))
            elif mine:
                parts.append(f"{NUMBERS[len(mine)]} {'unknown things' if kind == 'something' else plural(kind)}")
        return joined(parts) if parts else "nothing"

    def caption(self) -> str:
        sentences = []
        picture = self.condition if self.condition and not self.condition.startswith("sound") else None
        if picture:
            sentences.append(CONDITIONS[picture] + ".")
        if self.things:
            if len(self.things) == 1:
                sentences.append(f"{capital(self.what())} is {PLACE[self.things[0][2]]}.")
            else:
                sentences.append(f"{capital(self.what())} are there.")
        elif self.seen and not picture:
            sentences.append("Nothing is there.")
        if self.moves:
            sentences.append(self._moved(self.moves[-1][2]))
        if self.heard:
            sentences.append(f'Somebody says "{self.heard[-1][2]}".')
        if self.sounds:
            sentences.append(f"There is the sound of {self.sounds[-1][2]}.")
        return " ".join(sentences) or "Nothing is known."

    @staticmethod
    def _moved(text):
        if not text.split()[1].startswith("thing"):
            return capital(text.replace(", ", " from ", 1) if text.startswith("the camera turns") else text) + "."
        number, *parts = text.split(", ")
        one = number.startswith("one")
        sentence = f"{capital(number)} {'moves' if one else 'move'}"
        for part in sorted(parts, key=lambda p: p in SIDES and 1 or p not in SIDEWAYS + WAYS and 2 or 0):
            if part in SIDEWAYS:
                sentence += f" from {part}"
            elif part in SIDES:
                sentence += " " + PLACE[part]
            elif part in WAYS:
                sentence += " " + part
            else:
                sentence += ", " + (part if one else part.replace("enters", "enter").replace("leaves", "leave"))
        return sentence + "."

    def ask(self, slot: str):
        """(pattern, asked, answer), or None where the slot does not fit this story."""
        return getattr(self, "_ask_" + slot)()

    def _ask_caption(self):
        return "question", self.rng.choice(["Describe what happens."] * 3 + ["What happens?", "Say what is going on.", "Describe the scene."]), self.caption()

    def _unseen(self):
        return f"I cannot tell. {CONDITIONS[self.condition]}." if self.condition in BLIND else "I cannot tell."

    def _ask_count(self):
        kind = self.rng.choice(["person", "vehicle", "animal", "thing"])
        asked = self.rng.choice([f"How many {plural(kind)} are there?", f"How many {plural(kind)} do you see?"])
        if not self.seen:
            return "question", asked, self._unseen()
        if kind == self.perhaps:
            return "question", asked, "I cannot tell."
        count = len(self.things) if kind == "thing" else sum(t[0] == kind for t in self.things)
        return "question", asked, capital(NUMBERS[count].replace("no", "none")) + "."

    def _ask_what(self):
        asked = self.rng.choice(["What is there?", "What do you see?", "What is in the picture?", "What is visible?"])
        return "question", asked, capital(self.what()) + "." if self.seen else self._unseen()

    def _kind(self):
        present = [t[0] for t in self.things if t[0] not in ("something", "thing")]
        absent = [k for k in ("person", "vehicle", "animal") if k not in present and k != self.perhaps]
        if self.perhaps and (self.rng.random() < 0.4 or not (present or absent)):
            return self.perhaps, True
        if present and (not absent or self.rng.random() < 0.55):
            return self.rng.choice(present), True
        return self.rng.choice(absent), False

    def _ask_presence(self):
        kind, there = self._kind()
        form = self.rng.choice(["Is there {}?", "Is {} visible?", "Can you see {}?", "Do you see {}?"])
        return "question", form.format(an(kind)), ("Probably, yes." if kind == self.perhaps else "Yes.") if there else "No."

    def _ask_check(self):
        rng = self.rng
        if rng.random() < 0.6:
            kind, there = self._kind()
            form = rng.choice(["{} is visible", "there is {}", "{} is in the picture", "{} is seen"])
            return "check", form.format(an(kind)), "Yes." if there else "No."
        if rng.random() < 0.5:
            moved = any("thing" in text.split(",")[0] for _, _, text in self.moves)
            return "check", rng.choice(["something moves", "there is motion", "something is moving"]), "Yes." if moved else "No."
        spoken = bool(self.heard)
        return "check", rng.choice(["somebody speaks", "there is speech", "someone is talking"]), "Yes." if spoken else "No."

    def _ask_where(self):
        alone = [t for t in self.things if sum(o[0] == t[0] for o in self.things) == 1]
        if not alone:
            kind = self.rng.choice(["person", "vehicle", "animal"])
            if kind == self.perhaps or any(t[0] == kind for t in self.things):
                return None
            return "question", f"Where is the {kind}?", f"There is no {kind}." if self.seen else self._unseen()
        kind, _, side = self.rng.choice(alone)
        return "question", self.rng.choice(["Where is the {}?", "On which side is the {}?"]).format(kind if kind != "something" else "thing"), capital(PLACE[side]) + "."

    def _ask_colour(self):
        alone = [t for t in self.things if t[0] != "something" and sum(o[0] == t[0] for o in self.things) == 1]
        if not alone:
            return None
        kind, colour, _ = self.rng.choice(alone)
        return "question", self.rng.choice(["What colour is the {}?", "Which colour has the {}?"]).format(kind), capital(colour) + "." if colour else "I cannot tell."

    def _ask_state(self):
        asked = self.rng.choice(["How is the picture?", "Is anything wrong with the picture?", "Is the picture all right?"])
        if self.condition and not self.condition.startswith("sound"):
            return "question", asked, CONDITIONS[self.condition] + "."
        return "question", asked, "The picture is all right."

    def _ask_moved(self):
        asked = self.rng.choice(["What moved?", "Did anything move?", "Which way did it move?", "Is anything moving?"])
        return "question", asked, self._moved(self.moves[-1][2]) if self.moves else "Nothing moved."

    def _ask_said(self):
        asked = self.rng.choice(["What was said?", "What did they say?", "What did you hear?", "Which words were spoken?"])
        if asked == "What did you hear?" and self.sounds and not self.heard:
            return "question", asked, capital(joined([s[2] for s in self.sounds])) + "."
        return "question", asked, " ".join(f'"{text}"' for _, _, text in self.heard) if self.heard else "Nothing was heard."

    def _ask_when(self):
        if self.heard and self.rng.random() < 0.7:
            start, end, text = self.rng.choice(self.heard)
            return "question", f'When was "{" ".join(text.split()[:4])}" said?', f"From {start:.1f} to {end:.1f} seconds."
        if self.moves:
            return "question", "When did something begin to move?", f"At {self.moves[-1][0]:.1f} seconds."
        return "question", "When did somebody speak?", "Nothing was heard." if not self.heard else f"From {self.heard[-1][0]:.1f} to {self.heard[-1][1]:.1f} seconds."

    def _ask_sounded(self):
        asked = self.rng.choice(["Which sounds were there?", "What sounds were there besides words?", "Was there any other sound?"])
        return "question", asked, capital(joined([s[2] for s in self.sounds])) + "." if self.sounds else "No other sound was heard."

    def _ask_mentioned(self):
        words = [w for _, _, text in self.heard for w in text.split() if len(w) > 3 and w.isalpha()]
        if words and self.rng.random() < 0.5:
            return "question", f'Did anybody say "{self.rng.choice(words)}"?', "Yes."
        word = self.rng.choice(["elephant", "water", "police", "morning", "window", "music", "please", "hello", "train"])
        return "question", f'Did anybody say "{word}"?', "Yes." if any(word in text for _, _, text in self.heard) else "No."


SLOTS = {"caption": 4, "count": 1.5, "what": 1.5, "presence": 1.5, "check": 3, "where": 1.5, "colour": 1, "state": 1, "moved": 1.2, "said": 1.5,
         "when": 1.2, "sounded": 1.2, "mentioned": 1}
