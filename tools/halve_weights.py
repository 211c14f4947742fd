"""Store the weights of a shipped checkpoint in half precision, and seal its card again.

usage: python tools/halve_weights.py NAME

For networks of many weights, where it saves megabytes. Loading makes single precision of them. Afterwards
`mricourse evaluate NAME` must find what the card says, to 0.01 dB.
"""

import hashlib
import json
import sys
from dataclasses import fields

import torch
from safetensors.torch import load, save

from mricourse.files import write_whole
from mricourse.training.cards import CHECKPOINTS, Card

name = sys.argv[1]
weights, path = CHECKPOINTS / f"{name}.safetensors", CHECKPOINTS / f"{name}.json"
content = save({key: value.to(torch.float16) for key, value in load(weights.read_bytes()).items()})
known = json.loads(path.read_text(encoding="utf-8")) | {"weights_sha256": hashlib.sha256(content).hexdigest()}
card = Card(**{field.name: known[field.name] for field in fields(Card)})
write_whole(weights, content)
write_whole(path, card.text())
