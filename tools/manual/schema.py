"""The keys of the configuration as config/vedette.schema.json has them: the one text that the reference and vedette.yaml(5) come from."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "config" / "vedette.schema.json"

# How the schema's definitions of a value are called, and what an example of each looks like.
TYPES = {"text": "text", "url": "URL", "address": "HOST:PORT", "flag": "true or false", "number": "number", "integer": "whole number",
         "list": "list of texts", "duration": "duration", "size": "size", "rate": "rate", "utc": "UTC"}


def load():
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def resolve(schema, node):
    """A node with what its $ref says; what stands beside the $ref comes first."""
    while "$ref" in node:
        target = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def type_of(schema, node):
    if "enum" in resolve(schema, node):
        return " | ".join(resolve(schema, node)["enum"])
    reference = node.get("$ref", "").rsplit("/", 1)[-1]
    if reference in TYPES:
        return TYPES[reference]
    resolved = resolve(schema, node)
    if "anyOf" in resolved:
        return "map, or HOST:PORT"
    return {"array": "list of maps", "object": "map"}[resolved["type"]]


def text_of(value):
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)


def keys(schema, node, path):
    """(path, type, default, description) of every key below a map; a map's own row comes before its keys."""
    for key, child in resolve(schema, node).get("properties", {}).items():
        resolved, here = resolve(schema, child), f"{path}.{key}" if path else key
        bounds = resolved.get("x-bounds", "")
        yield (here, type_of(schema, child) + (f", {bounds}" if bounds else ""),
               text_of(resolved["default"]) if "default" in resolved else "", resolved.get("description", ""))
        inner = resolved.get("items", {}) if resolved.get("type") == "array" else resolved
        for below in resolved.get("anyOf", [inner]):
            yield from keys(schema, below, here + ("[]" if resolved.get("type") == "array" else ""))


def sections(schema):
    """(heading, rows): what stands in `defaults` and in streams alike is told once."""
    stream = schema["$defs"]["stream"]["properties"]
    common = schema["$defs"]["common"]["properties"]
    top = [row for row in keys(schema, schema, "") if not row[0].startswith("defaults.") and "." not in row[0]]
    inner = [row for row in keys(schema, schema, "") if "." in row[0] and not row[0].startswith("defaults.")]
    only = {"properties": {key: value for key, value in stream.items() if key not in common}}
    return [("The service", top + inner),
            ("A stream: streams.ID", list(keys(schema, only, ""))),
            ("A stream, and defaults for all of them", list(keys(schema, schema["$defs"]["common"], "")))]
