"""Reads what a Dockerfile's last stage says about the container, apart from its files."""

import json
import re
import shlex


def last_stage(path):
    """The configuration of the image, in the words of the image specification."""
    config = {"Labels": {}, "Env": ["PATH=/"], "Volumes": {}, "ExposedPorts": {}}
    arguments = {}
    for word, rest in instructions(path.read_text()):
        if word == "FROM":
            config = {"Labels": {}, "Env": ["PATH=/"], "Volumes": {}, "ExposedPorts": {}}
        elif word == "ARG":
            name, _, default = rest.partition("=")
            arguments[name] = default
        elif word == "LABEL":
            for pair in shlex.split(rest):
                key, _, value = pair.partition("=")
                config["Labels"][key] = re.sub(r"\$\{(\w+)\}", lambda m: arguments[m[1]], value)
        elif word == "ENV":
            config["Env"] += shlex.split(rest)
        elif word == "USER":
            config["User"] = rest
        elif word == "WORKDIR":
            config["WorkingDir"] = rest
        elif word == "VOLUME":
            config["Volumes"][rest] = {}
        elif word == "EXPOSE":
            config["ExposedPorts"] |= {f"{port}/tcp": {} for port in rest.split()}
        elif word == "ENTRYPOINT":
            config["Entrypoint"] = json.loads(rest)
        elif word == "CMD":
            config["Cmd"] = json.loads(rest)
        elif word == "HEALTHCHECK":
            config["Healthcheck"] = health_check(rest)
        elif word not in ("COPY", "RUN"):
            raise SystemExit(f"{path}: {word} is not understood here")
    return config


def instructions(text):
    """Pairs of an instruction's name and the rest of it, with continued lines joined."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def health_check(rest):
    options, command = rest.split(" CMD ", 1)
    flags = dict(option.removeprefix("--").split("=") for option in options.split())
    seconds = {name: int(value.removesuffix("s")) * 10**9 for name, value in flags.items() if name != "retries"}
    return {
        "Test": ["CMD", *json.loads(command)],
        "Interval": seconds["interval"],
        "Timeout": seconds["timeout"],
        "StartPeriod": seconds["start-period"],
        "Retries": int(flags["retries"]),
    }
