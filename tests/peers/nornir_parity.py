#!/usr/bin/env python3
"""Generates random inventories and says what Nornir itself makes of them.

usage: nornir_parity.py COUNT SEED > cases.jsonl

One JSON object per line:
  {"files": {"hosts": TEXT, "groups": TEXT|null, "defaults": TEXT|null},
   "error": TEXT|null,            Nornir could not load or resolve it
   "hosts": {NAME: {"attributes": {...}, "groups": [...], "all_groups": [...],
                    "data": TYPED, "connections": {PLUGIN: {...}}}},
   "filters": [[EXPRESSION, [NAME, ...]], ...]}

Values carry their Python type, as [TYPE, VALUE], so that 1, 1.0, true and "1" differ.
Needs: nornir (PyPI).
"""

import datetime
import json
import pathlib
import random
import sys
import tempfile

from nornir.core.filter import F
from nornir.plugins.inventory.simple import SimpleInventory

NULLS = ["null", "~", "Null", "NULL", ""]
# Written forms of scalars, among them the odd ones.
SCALARS = NULLS + [
    "true", "True", "TRUE", "false", "False", "FALSE", "yes", "no", "on", "off", "y", "n", "tRUE",
    "0", "1", "-1", "+5", "007", "08", "0o17", "0o8", "0O17", "-0o17", "0b11", "0b2", "+0b1", "0x1F",
    "-0x1f", "0X1f", "1_000", "1__0", "0_", "_1", "-0", "12345678901234567890", "-99999999999999999999",
    "0x1ffffffffffffffff", "1.0", "1.", ".5", "+.5", "-.5", "-.5e3", ".5e+3", "1e3", "1E-3", "1.5e5", "1.e5", "12e03", "0e1",
    "1e400", ".inf", "-.Inf", "+.INF", ".nan", ".NaN", "nan", "inf", "1_0.5_0", "1.5.2", "10.0.0.1", "10.0.0.0/8",
    "1:30", "12:30:45", "190:20:30.15", "65000:100", "00:1b:44:11:3a:b7", "0.0", "-0.0", "1e", "e1", "0x", "0o", "0b",
    "2024-01-02", "2024-1-2", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05", "2001-12-14t21:59:43.10-05:00",
    "'quoted'", '"double"', "'1'", '"true"', "''", '""', "'null'", '"\\x41\\u263a"', "'it''s'", "plain text", "a#b", "x # comment",
    "-x", "?x", ":x", "a:b", "http://h/x?y=1", "{}", "[]", "[1, two, 3.0]", "{k: v, 10: ten, true: yes}", "[[1], {a: [b]}]",
    "!!str 12", '!!int "12"', "!!float 1", "!!bool yes", "!!null x", "!!str", "! 12", "é", "日本", "'⟦x⟧'", "/a/b", "a\\b", "p%x",
    "*", "=", "<<", "+_", "@x", "`x", "!foo 1",
]
GOOD = [s for s in SCALARS if s not in ("*", "=", "<<", "+_", "@x", "`x", "!foo 1")]
BAD_SHARE = 0.012
ATTRIBUTES = {
    "hostname": ["10.0.0.1", "r.example.net", "''", "null", "~", "2001:db8::1", "'7'"],
    "port": ["22", "0", "830", "null", "0o26", "0x16", "2_2", "65535"],
    "username": ["ann", "''", "null", "'0'", "yes", "admin@x"],
    "password": ["secret:lab/a", "''", "null", "plain", "'12'"],
    "platform": ["ios", "frr", "''", "null", "junos"],
}
ODD = ["0", "false", "1.5", "2024-01-02", "true", "12", "[]", "'22'", "70000", "-1"]
KEYS = ["site", "role", "asn", "tags", "nested", "x", "y", "10", "1.5", "true", "null", "'10'", "ntp"]
PLUGINS = ["ssh", "netconf", "napalm"]
EXTRAS = ["{}", "null", "{key_file: k}", "{jump: 10.0.0.9, deep: {a: [1, 2]}}", "{timeout: 0}"]

# Pieces of YAML syntax, each the data of one host.
SNIPPETS = [
    "a: |\n  x\n  y", "a: |-\n  x\n\n", "a: |+\n  x\n\n", "a: >\n  x\n  y\n\n  z", "a: >-\n  x\n    y\n  z", "a: |2\n    x",
    "a: 'it''s'", 'a: "\\x41\\u263a\\n\\t\\0"', "a: x #c", "a: x#c", "? a\n: b", "a: {b: c,d: e}", "a:b: c", "a: b: c",
    "a: [1,,2]", "a: [1, 2,]", "a: {b, c: 1}", "a: [b: 1]", 'a: "x\n\n  y"', "a: x\n  y\n\n  z", "a: 'x' y", "a: *nope",
    "a: &x 1\nb: *x", "a: &x {k: 1}\nb:\n  <<: *x\n  j: 2", "a: &x {k: 1, l: 1}\nb: &y {k: 2, m: 2}\nc: {<<: [*x, *y], l: 3}",
    "a: &x {k: 1, z: 2}\ny: {b: 0, <<: *x, k: 9}", "a: {<<: 5}", "a: {<<: [5]}", "a: {<<: {k: 1}, <<: {k: 2}}", "a: 1\na: 2",
    "1: a\n1.0: b", "true: a\n1: b", "null: x", "~: x", "=: x", "a: x:", "a: - 5", "a:\n- 1\n- 2", "a:\n\t- 1", "a: @x", "a: `x", "a: %x",
    '"<<": {a: 1}', "a: \u00a0x", "a: {? b : c}", "a: !!seq [1]", "a: !!map {b: 1}", "a: !!int abc", "a: !!str\nb: 1", "a: ''", "a: ! x",
    "a: 0x_", "a: ._", "a: - ", "a: -", "a: [a, [b, {c: d}]]", "a: \"\\\n  x\"", "a: 'x\n  y'", "a: http://x:80/y", "a: [http://x, y:z]",
    "a: {x:1}", "a: {\"x\":1}", "a: |\n\n  x", "a:    # c\n  b: 1", "a: # c", "- a", "a", "[a]", "a: !<tag:yaml.org,2002:str> 12",
]


def scalar(rng):
    return rng.choice(SCALARS if rng.random() < BAD_SHARE else GOOD)


def attributes(rng, share):
    out = []
    for name, values in ATTRIBUTES.items():
        if rng.random() < share:
            value = rng.choice(ODD) if rng.random() < 0.02 else rng.choice(values)
            out.append(f"{name}: {value}")
    return out


def data(rng):
    if rng.random() < 0.1:
        return ["data: " + rng.choice(["{}", "null", ""])]
    lines = ["data:"]
    for key in rng.sample(KEYS, rng.randint(1, 6)):
        if key == "site":
            value = rng.choice(["lon", "par", "ber", "fra"])
        elif key == "role":
            value = rng.choice(["core", "edge", "edge-2"])
        elif key == "asn":
            value = rng.choice(["65001", "65002", "4200000000"])
        elif key == "tags":
            value = rng.choice(["[red, blue]", "[red]", "[]", "[blue, green]"])
        elif key == "nested":
            value = rng.choice(["{loc: {rack: r1, unit: 4}}", "{loc: {rack: r2}}", "{loc: null}", "{}", "text"])
        else:
            value = scalar(rng)
        lines.append(f"  {key}: {value}")
    if rng.random() < 0.2:
        lines.append("  multi: |\n    line one\n      line two\n    ")
    if rng.random() < 0.2:
        lines.append("  folded: >-\n    some\n    words\n\n    more")
    if rng.random() < 0.1:
        lines.append("  list:\n  - 1\n  - a: b\n    c: ~\n  -\n    - x")
    return lines


def options(rng):
    lines = ["connection_options:"]
    for plugin in rng.sample(PLUGINS, rng.randint(1, 2)):
        body = attributes(rng, 0.35)
        if rng.random() < 0.5:
            body.append("extras: " + rng.choice(EXTRAS))
        lines.append(f"  {plugin}:" + (" {}" if not body else ""))
        lines += ["    " + line for line in body]
    return lines


def element(rng, groups, merge):
    lines = []
    if merge and rng.random() < 0.3:
        lines.append("<<: " + rng.choice(merge))
    lines += attributes(rng, 0.4)
    if groups and rng.random() < 0.8:
        chosen = [rng.choice(groups) for _ in range(rng.randint(0, 4))]
        lines.append("groups: [" + ", ".join(chosen) + "]" if rng.random() < 0.7 or not chosen
                     else "groups:\n" + "\n".join(f"- {g}" for g in chosen))
    if rng.random() < 0.7:
        lines += data(rng)
    if rng.random() < 0.5:
        lines += options(rng)
    return lines


def indent(lines, by):
    return "\n".join((by + part).rstrip(" ") for line in lines for part in line.split("\n"))


def block(rng, name, lines, anchor=""):
    if not lines:
        return f"{name}:{anchor} {{}}"
    return f"{name}:{anchor}\n" + indent(lines, "  ")


def generate(rng):
    count = rng.randint(0, 7)
    names = [f"g{i}" for i in range(count)]
    groups = []
    for i, name in enumerate(names):
        above = names[i + 1:]
        if rng.random() < 0.02:
            above = names + ["nowhere"]
        groups.append(block(rng, name, element(rng, above, [])))
    hosts, anchors = [], []
    for i in range(rng.randint(1, 5)):
        merge = anchors + (["[" + ", ".join(rng.sample(anchors, 2)) + "]"] if len(anchors) > 1 else [])
        anchor = f" &a{i}" if rng.random() < 0.4 else ""
        lines = element(rng, names, merge)
        if anchor and lines:
            anchors.append(f"*a{i}")
        hosts.append(block(rng, f"h{i}", lines, anchor if lines else ""))
    defaults = attributes(rng, 0.4) + (data(rng) if rng.random() < 0.6 else [])
    defaults += options(rng) if rng.random() < 0.5 else []
    return {
        "hosts": "---\n" * (rng.random() < 0.5) + "\n".join(hosts) + "\n",
        "groups": "\n".join(groups) + "\n" if groups else rng.choice([None, "", "# none\n"]) if not names else None,
        "defaults": "\n".join(defaults) + "\n" if defaults else rng.choice([None, "---\n"]),
    }


def typed(value):
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", repr(value)]
    if isinstance(value, str):
        return ["text", value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return ["time", str(value)]
    if isinstance(value, (list, tuple)):
        return ["list", [typed(v) for v in value]]
    if isinstance(value, dict):
        return ["map", [[typed(k), typed(v)] for k, v in value.items()]]
    return ["other", repr(type(value))]


def attribute_values(element):
    return {name: typed(getattr(element, name)) for name in ATTRIBUTES}


def resolve(host):
    connections = {}
    for plugin in PLUGINS:
        parameters = host.get_connection_parameters(plugin)
        connections[plugin] = attribute_values(parameters)
        connections[plugin]["extras"] = typed(parameters.extras)
    return {
        "attributes": attribute_values(host),
        "groups": [g.name for g in host.groups],
        "all_groups": [g.name for g in host.extended_groups()],
        "data": typed(dict(host.items())),
        "connections": connections,
    }


def leaf(rng):
    """One test, as we write it and as Nornir's F."""
    kind = rng.randint(0, 8)
    if kind == 0:
        name = f"h{rng.randint(0, 5)}"
        return f"name={name}", lambda h: F(name=name)(h)
    if kind == 1:
        value = rng.choice(["ios", "frr", "junos"])
        return f"platform={value}", lambda h: F(platform=value)(h)
    if kind == 2:
        value = rng.choice(["lon", "par", "ber"])
        return f"site={value}", lambda h: F(site=value)(h)
    if kind == 3:
        value = rng.choice([65001, 65002])
        return f"asn={value}", lambda h: F(asn=value)(h)
    if kind == 4:
        value = rng.choice(["red", "blue"])
        return f"tags={value}", lambda h: F(tags__any=[value])(h)
    if kind == 5:
        value = rng.choice(["r1", "r2"])
        return f"nested__loc__rack={value}", lambda h: F(nested__loc__rack=value)(h)
    if kind == 6:
        group = f"g{rng.randint(0, 6)}"
        return f"group={group}", lambda h: F(has_parent_group=group)(h)
    if kind == 7:
        value = rng.choice([22, 0, 830])
        return f"port={value}", lambda h: F(port=value)(h)
    prefix = rng.choice(["edge", "co"])
    return f"role={prefix}*", lambda h: F(role__startswith=prefix)(h)


def expression(rng, depth):
    shape = rng.random()
    if depth == 0 or shape < 0.3:
        text, test = leaf(rng)
        if rng.random() < 0.25:
            if "*" in text or rng.random() < 0.5:
                return f"not {text}", lambda h: not test(h)
            return text.replace("=", "!=", 1), lambda h: not test(h)
        return text, test
    (a, fa), (b, fb) = expression(rng, depth - 1), expression(rng, depth - 1)
    if shape < 0.65:
        return f"({a}) and ({b})", lambda h: fa(h) and fb(h)
    return f"({a}) or {b}" if " or " not in b else f"({a}) or ({b})", lambda h: fa(h) or fb(h)


def solve(files, rng):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, text in files.items():
            if text is not None:
                (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        plugin = SimpleInventory(*(str(folder / f"{n}.yaml") for n in ("hosts", "groups", "defaults")))
        inventory = plugin.load()
        for group in inventory.groups.values():
            group.extended_groups()  # recursion without end, where groups inherit from each other
        hosts = {name: resolve(host) for name, host in inventory.hosts.items()}
        filters = []
        for _ in range(6):
            text, test = expression(rng, 2)
            filters.append([text, sorted(n for n, h in inventory.hosts.items() if test(h))])
    return hosts, filters


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        files = generate(rng)
        if number < len(SNIPPETS):
            files["hosts"] = block(rng, "h0", [block(rng, "data", [SNIPPETS[number]])]) + "\n"
        case = {"files": files, "error": None, "hosts": {}, "filters": []}
        try:
            case["hosts"], case["filters"] = solve(case["files"], rng)
        except Exception as error:  # whatever it is: Nornir cannot use this inventory
            case["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(case))


if __name__ == "__main__":
    import logging
    import warnings
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    main()
