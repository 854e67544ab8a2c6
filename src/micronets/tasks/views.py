"""`view_of`: how a second model, such as a teacher, sees the examples that a network is trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol, TypeGuard

from micronets.errors import SpecError
from micronets.tasks.base import Card, MakeView, TaskData


class ShowsViews(TaskData, Protocol):
    """Data that another model can see through a front end of its own, such as pictures."""

    def view(self, card: Card, settings: Mapping[str, int]) -> MakeView:
        """Returns what the model of `card` sees, of examples as a network with the input `settings` gets them."""


def shows_views(data: object) -> TypeGuard[ShowsViews]:
    """Returns whether another model can see the data through a front end of its own.

    What stands for such data, as in a dry run, has the method from them, which `isinstance` would not see.
    """
    return callable(getattr(data, "view", None))


def view_of(data: TaskData, card: Card, settings: Mapping[str, int]) -> MakeView:
    """Returns what the model of `card` sees of training examples, disturbed as for the network that is trained.

    Pictures are shown through the model's own front end, at its own resolution and in its own colours. Of other data
    the model gets what the network gets, so its front end has to be the same, in integers or in floats.

    - `data`: the data of the training.
    - `card`: the other model.
    - `settings`: input settings of the network that is trained.

    Raises `SpecError` for a model that cannot be shown these data.
    """
    if shows_views(data):
        return data.view(card, settings)
    shape = data.input_shape(settings)
    own = data.metadata(settings).get("micronets.frontend")
    if card.frontend is not None and own is not None and _features(card.frontend) != _features(own):
        raise SpecError(
            f"{card.where}: has another front end than the network; for task {data.name} both get the same inputs: "
            "take a model of the same front end, or fix the input with [space.fix]"
        )
    if card.input_shape != shape:
        raise SpecError(
            f"{card.where}: its input is {card.input_shape}, the network's {shape}; fix the input with [space.fix]"
        )
    return lambda indices, generator: data.augmented(indices, settings, generator)


def _features(front_end: str) -> dict[str, object]:
    """Returns the parameters of a front end without its arithmetic, by which features differ by one pixel at most."""
    return {key: value for key, value in json.loads(front_end).items() if key != "arithmetic"}
