"""`view_of`: the inputs of a second model, such as a teacher, for the examples of a training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol, TypeGuard

from micronets.errors import SpecError
from micronets.tasks.base import Card, MakeView, TaskData


class ShowsViews(TaskData, Protocol):
    """Data, such as images, from which inputs for another model can be made by that model's own front end."""

    def view(self, card: Card, settings: Mapping[str, int]) -> MakeView:
        """Returns a function that makes inputs for the model of `card` from the examples of a training.

        - `settings`: the input settings of the network that is trained.
        """


def shows_views(data: object) -> TypeGuard[ShowsViews]:
    """Returns whether inputs for another model can be made from the data, by that model's own front end.

    A stand-in for such data, as in a dry run, passes the method on; `isinstance` would not find it.
    """
    return callable(getattr(data, "view", None))


def view_of(data: TaskData, card: Card, settings: Mapping[str, int]) -> MakeView:
    """Returns a function that makes inputs for the model of `card`, augmented like those of the trained network.

    Images pass the model's own front end, at its resolution and in its colours. For other data, the inputs are those of
    the trained network, so that both need the same front end; one may compute in integers and the other in floats.

    - `data`: the data of the training.
    - `card`: the other model.
    - `settings`: input settings of the network that is trained.

    Raises `SpecError` for a model for which these data give no inputs.
    """
    if shows_views(data):
        return data.view(card, settings)
    shape = data.input_shape(settings)
    own = data.metadata(settings).get("micronets.frontend")
    if card.frontend is not None and own is not None and _features(card.frontend) != _features(own):
        raise SpecError(
            f"{card.where}: has another front end than the network; for task {data.name} both get the same inputs: "
            "use a model with the same front end, or fix the input with [space.fix]"
        )
    if card.input_shape != shape:
        raise SpecError(
            f"{card.where}: its input is {card.input_shape}, the network's {shape}; fix the input with [space.fix]"
        )
    return lambda indices, generator: data.augmented(indices, settings, generator)


def _features(front_end: str) -> dict[str, object]:
    """Returns the parameters of a front end without its arithmetic, which changes features by one step at most."""
    return {key: value for key, value in json.loads(front_end).items() if key != "arithmetic"}
