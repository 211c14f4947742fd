"""Seal the cards of all shipped checkpoints again, after the library renamed or gave up an option.

usage: python tools/reseal_cards.py

Each card takes its recipe, and the defaults of what that leaves out, from recipes/NAME.toml; weights, metrics and
everything else stay as training wrote them. Afterwards `pytest tests -k shipped` must find every network as it was.
"""

import json
from dataclasses import fields

from mricourse.files import write_whole
from mricourse.training.cards import CHECKPOINTS, Card, shipped
from mricourse.training.recipes import load_recipe

for name in shipped():
    path = CHECKPOINTS / f"{name}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    recipe = load_recipe(name)
    content |= {"recipe": recipe.written, "defaults": recipe.defaults}
    card = Card(**{field.name: content[field.name] for field in fields(Card)})
    write_whole(path, card.text())
