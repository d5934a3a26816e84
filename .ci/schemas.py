#!/usr/bin/env python3
"""Makes strict JSON schemas for kubeconform: schemas.py OUT SWAGGER.json [RESOURCE.yaml...]

The first source is the description of the API that the module k8s.io/kubernetes contains, the others are definitions of custom
resources. Strict means that a field that the API does not know is an error: the API server would drop it silently.
"""

import json
import pathlib
import sys

import yaml

INT_OR_STRING = {"type": ["integer", "string"]}
QUANTITY = {"type": ["number", "string"]}
# Kinds of the API that have a form of their own.
OWN_FORM = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": INT_OR_STRING,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": QUANTITY,
}
# What a validator needs; the rest is documentation or means something to API servers only.
KEPT = {"type", "properties", "items", "required", "enum", "additionalProperties", "$ref", "format", "pattern", "minimum",
        "maximum", "minItems", "maxItems", "minLength", "maxLength", "allOf", "anyOf", "oneOf", "not"}


def strict(schema):
    """The schema, without room for unknown fields, with null for what may be left out."""
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return INT_OR_STRING
    result = {key: value for key, value in schema.items() if key in KEPT}
    # Formats are those of Go's types, which JSON schemas do not know.
    result.pop("format", None)
    for key in ("items", "additionalProperties", "not"):
        if key in result:
            result[key] = strict(result[key])
    for key in ("allOf", "anyOf", "oneOf"):
        if key in result:
            result[key] = [strict(part) for part in result[key]]
    if "properties" in result:
        required = result.get("required", [])
        fields = {name: strict(field) for name, field in result["properties"].items()}
        result["properties"] = {name: f if name in required else optional(f) for name, f in fields.items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            result.setdefault("additionalProperties", False)
    return result


def optional(field):
    if isinstance(field.get("type"), str) and "enum" not in field:
        return field | {"type": [field["type"], "null"]}
    return field


def referred(schema, definitions, found):
    """The definitions that a schema needs, by name, added to `found`."""
    if isinstance(schema, dict):
        name = schema.get("$ref", "").removeprefix("#/definitions/") if isinstance(schema.get("$ref"), str) else ""
        if name and name not in found:
            found[name] = definitions[name]
            referred(definitions[name], definitions, found)
        for part in schema.values():
            referred(part, definitions, found)
    elif isinstance(schema, list):
        for part in schema:
            referred(part, definitions, found)
    return found


def of_the_api(swagger):
    """Name of the file and schema, for each kind of object."""
    definitions = {name: OWN_FORM.get(name) or strict(body) for name, body in swagger["definitions"].items()}
    for name, body in swagger["definitions"].items():
        kinds = body.get("x-kubernetes-group-version-kind", [])
        # What has several is no object that one applies.
        if len(kinds) == 1 and "properties" in body:
            kind = kinds[0]
            schema = named(definitions[name], kind["kind"], kind["group"], kind["version"])
            schema["definitions"] = referred(definitions[name], definitions, {})
            yield file_name(kind["kind"], kind["group"], kind["version"]), schema


def of_resources(path):
    """The same for the versions of a custom resource."""
    for document in yaml.safe_load_all(path.read_text()):
        spec = document["spec"]
        for version in spec["versions"]:
            kind, group = spec["names"]["kind"], spec["group"]
            schema = named(strict(version["schema"]["openAPIV3Schema"]), kind, group, version["name"])
            # A custom resource does not describe it: it is every object's.
            schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
            yield file_name(kind, group, version["name"]), schema


def named(schema, kind, group, version):
    """The schema of objects that say what they are."""
    api = f"{group}/{version}" if group else version
    properties = schema["properties"] | {"apiVersion": {"const": api}, "kind": {"const": kind}}
    return schema | {"properties": properties, "required": sorted({*schema.get("required", []), "apiVersion", "kind"})}


def file_name(kind, group, version):
    """As kubeconform's template {{.ResourceKind}}{{.KindSuffix}} asks for it."""
    return "-".join(part for part in (kind, group.split(".")[0], version) if part).lower() + ".json"


def main():
    out, swagger, *resources = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    schemas = dict(of_the_api(json.loads(swagger.read_text())))
    for path in resources:
        schemas |= of_resources(path)
    for name, schema in schemas.items():
        (out / name).write_text(json.dumps(schema))
    print(f"{len(schemas)} schemas in {out}")


main()
