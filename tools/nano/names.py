"""From what the data sets call things to the four kinds and the plain names that vedette-nano knows."""

VEHICLES = set("bus car truck boat motorcycle bicycle train airplane sedan sportscar2 dumper firetruck balloon360 747 "
               "garbagetruck indycar chineseJunk walnutBoat automobile ship".split())
PLAIN = {"automobile": "car", "ship": "boat", "sedan": "car", "sportscar2": "car", "indycar": "car", "747": "airplane",
         "firetruck": "truck", "garbagetruck": "truck", "dumper": "truck", "chineseJunk": "boat", "walnutBoat": "boat",
         "frog-1": "frog", "balloon360": "balloon"}
# Stamps are named by breed; those that are no common word become what they are.
COMMON = set("person bus car truck boat motorcycle bicycle train airplane balloon bird horse dog cat cow giraffe bear "
             "sheep pig elephant zebra tiger donkey rabbit frog deer duck chicken owl penguin".split())
BIRDS = set("heron adelaide-rosella albino blackbird crow crowned cuckoo drake gander guineafowl helmeted hen lark "
            "little-penguin magellanic magpie nandou ostrich peacock pelican pink green".split())
# COCO's other classes, gathered into words that a small picture supports.
THINGS = {
    "chair": "chair bench couch", "table": "dining-table bed", "book": "book", "bottle": "bottle wine-glass vase",
    "cup": "cup bowl", "bag": "handbag backpack suitcase", "plant": "potted-plant", "screen": "tv laptop cell-phone remote keyboard mouse",
    "food": "broccoli cake banana pizza donut carrot sandwich apple orange hot-dog",
    "sign": "traffic-light stop-sign clock parking-meter fire-hydrant", "tool": "knife spoon fork scissors toothbrush hair-drier",
    "toy": "sports-ball teddy-bear frisbee kite", "umbrella": "umbrella", "clothes": "tie",
    "sports gear": "skateboard tennis-racket skis snowboard baseball-glove baseball-bat surfboard",
    "appliance": "toilet sink oven microwave refrigerator toaster"}
THING_OF = {name.replace("-", " "): group for group, names in THINGS.items() for name in names.split()}
# Folders of Debian's tuxpaint-stamps-default.
STAMPS = {"food/fruit": "food", "food/vegetables": "food", "food/nuts": "food", "food/dessert": "food", "food/spices": "food",
          "plants/flowers": "flower", "plants/trees": "tree", "plants/mushrooms": "food", "plants": "plant", "town/roadsigns": "sign",
          "town/houses": "house", "town/monuments": "house", "town/flags": "flag", "household": "tool", "household/tools": "tool",
          "household/arttools": "tool", "household/dishes": "cup", "household/electronics": "screen", "household/dishes/utensils": "tool",
          "clothes": "clothes", "clothes/hats": "clothes", "hobbies/music/string": "instrument", "hobbies/music/percussion": "instrument",
          "hobbies/music/brass": "instrument", "hobbies/music/wind": "instrument", "sports": "toy", "symbols/chess": "toy",
          "symbols/money/us/coins": "coin", "symbols/money/euro/coins": "coin", "symbols/money/canadian/coins": "coin",
          "symbols/money/japanese": "coin", "medical": "tool", "seasonal/christmas": "toy", "seasonal/easter": "toy"}
# Furniture's boxes are mostly other things: neither "thing" nor "nothing" there.
UNSURE = {"dining table", "bed", "couch", "chair", "bench"}
ANIMALS = set("bird cat dog horse sheep cow elephant bear zebra giraffe".split())


def kind_and_name(cls: str) -> tuple[str, str]:
    if cls == "person" or cls.startswith("fireman"):
        return "person", "person"
    name = PLAIN.get(cls, cls)
    if cls in VEHICLES:
        return "vehicle", name if name in COMMON else "vehicle"
    if cls in BIRDS:
        return "animal", "bird"
    if cls not in ANIMALS and cls in THING_OF:
        return "unsure" if cls in UNSURE else "thing", THING_OF[cls]
    return "animal", name if name in COMMON else "animal"


def stamp_name(path: str) -> str | None:
    folder, file = path.rsplit("/", 1)
    return None if "_mirror" in file or "_flip" in file else STAMPS.get(folder)
