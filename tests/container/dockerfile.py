"""Reads a Dockerfile, as far as ours goes: instructions and stages; no heredocs, no parser directives."""

import json
from dataclasses import dataclass
from pathlib import Path
from string import Template


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `name` in capitals, `rest` what follows it, its continued lines joined."""

    name: str
    rest: str

    def exec_form(self) -> list[str]:
        """The arguments of an instruction in exec form, such as `CMD ["linefit", "serve"]`. Raises: ValueError: shell form."""
        arguments = json.loads(self.rest[self.rest.index("[") :])
        return [str(argument) for argument in arguments]

    def pairs(self) -> dict[str, str]:
        """The `KEY=value` pairs of an ENV or ARG; ours have no blanks in a value."""
        return dict(pair.split("=", 1) for pair in self.rest.split() if "=" in pair)


def instructions(text: str) -> list[Instruction]:
    """All instructions in order; comment lines are dropped, also between continued lines, as a builder drops them."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = lines.replace("\\\n", " ")
    words = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [Instruction(name.upper(), " ".join(rest.split())) for name, rest in words]


def stages(path: Path) -> list[list[Instruction]]:
    """The instructions of each stage, its FROM first; what stands before the first FROM is left out."""
    found: list[list[Instruction]] = []
    for instruction in instructions(path.read_text(encoding="utf-8")):
        if instruction.name == "FROM":
            found.append([instruction])
        elif found:
            found[-1].append(instruction)
    return found


def only(stage: list[Instruction], name: str) -> Instruction:
    """The one instruction of that name in the stage. Raises: ValueError: there are none, or several."""
    (found,) = (instruction for instruction in stage if instruction.name == name)
    return found


def environment(stage: list[Instruction], start: dict[str, str]) -> dict[str, str]:
    """`start` with the stage's ENV applied in order; a later line sees the earlier ones, as in a builder."""
    values = dict(start)
    for instruction in stage:
        if instruction.name == "ENV":
            values |= {key: Template(value).substitute(values) for key, value in instruction.pairs().items()}
    return values
