"""Neural networks designed for, and deployed on, microcontrollers.

    import micronets as mn                  # for more: help(mn.search) etc.; docs/python.md

Deploy an int8 `.tflite`. A model is a path or a value, a board a name, the path of a TOML file, or a value.

    read(path)                              a .tflite -> QuantizedModel
    write(model, path, portable=False)      and back
    inspect(model, board, *, simulate=False)  its costs, a row per layer -> Inspection; also of an Arch
    invoke(model, x, runtime='reference')   its outputs for inputs; runtimes: reference, c, tflm
    tensors(model, x, runtime='reference')  every tensor, by the name of its layer
    compile(model, board, out, runtime='c', patches='auto', name=None, camera='', optimise='size')  C99 -> Compilation
    app(model, board, out, kind='cmake', name=None, camera='', optimise='size')  a firmware project -> Application
    measure(model, board, device='sim', *, compiler=None, samples=5, seed=0, patches='auto', flash=False, runtime='c',
            optimise='size')                built, run, every output byte compared -> Measurement
    evaluate(model, task=None, data=None, *, test=None, split='test', runtime=None, front_end=None, labels=None,
             progress=None)                 its accuracy or AUC on data -> Evaluation

Design a network for data, a board and a budget (needs torch).

    arrays(x, y, *, x_val=None, y_val=None, x_test=None, y_test=None, classes=None, group=None, augment=None, noise=0.0,
           shift=0.0, standardise=True, sample_rate=None, source='arrays')   numpy arrays as a data set
    data_from_torch(train, *, val=None, test=None, classes=None, channels='first', augment=None, noise=0.0, shift=0.0,
                    standardise=True, sample_rate=None, source='torch data set')   a torch data set
    load_data(name, path=None, **options)   files as a data set of a task; without a path, synthetic examples
    from_torch(module, example)             a trained nn.Module -> FloatNetwork, for quantise, export and train
    search(space, data, *, board, budget=None, options=None, fix=None, settings=None, runtime='tflm',
           latency_model=None, seed=0, out=None, progress=None)
                                            the best network of a space that fits -> SearchResult
    train(network, data, *, settings=None, input_settings=None, teacher=None, seed=0, out=None, progress=None)
                                            an Arch, a SearchResult or a FloatNetwork, trained -> TrainResult
    quantise(trained, data, *, batches=4, batch=256)  in integers -> QuantizedModel
    export(trained, path, data=None)        the same, into a .tflite
    run(config, *, out=None, overrides=(), resume=False, progress=None)  all of it, from a TOML file -> Run
    sweep(config, *, out=None, overrides=(), resume=False, progress=None)  many boards and limits -> Sweep

Nouns

    networks    Arch, layers (layers.Conv2D ...), INPUT, FloatNetwork, QuantizedModel, LayerWeights, TensorQuant
    boards      Board, load_board, Budget; training: TrainSettings, TrainResult, Config
    spaces      SearchSpace, Choice, Block, Template, Inputs, Space, derive, SearchSettings, SearchResult
    data        Task, TaskData, Outline, Card, Examples, Score, FrontEnd, ImageFrontEnd, SensorAugmentation
    results     Inspection, Compilation, Application, Measurement, Evaluation, Run, Sweep: to_json(), text(), rows()
    errors      MicronetsError is the base of all errors that a user can cause
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # as in `typing`, whose import would delay the command line's handling of Ctrl-C
if TYPE_CHECKING:
    from micronets.boards.board import Board as Board
    from micronets.boards.board import Budget as Budget
    from micronets.boards.board import load_board as load_board
    from micronets.commands.app import Application as Application
    from micronets.commands.app import app as app
    from micronets.commands.compile import Compilation as Compilation
    from micronets.commands.compile import compile as compile
    from micronets.commands.evaluate import Evaluation as Evaluation
    from micronets.commands.evaluate import evaluate as evaluate
    from micronets.commands.export import export as export
    from micronets.commands.export import quantise as quantise
    from micronets.commands.from_torch import from_torch as from_torch
    from micronets.commands.inspect import Inspection as Inspection
    from micronets.commands.inspect import inspect as inspect
    from micronets.commands.invoke import invoke as invoke
    from micronets.commands.invoke import tensors as tensors
    from micronets.commands.measure import measure as measure
    from micronets.commands.model_file import read as read
    from micronets.commands.model_file import write as write
    from micronets.commands.search import search as search
    from micronets.commands.train import train as train
    from micronets.design.dnas import SearchResult as SearchResult
    from micronets.design.search_settings import SearchSettings as SearchSettings
    from micronets.design.train import TrainResult as TrainResult
    from micronets.design.train_settings import TrainSettings as TrainSettings
    from micronets.errors import MicronetsError as MicronetsError
    from micronets.frontend import FrontEnd as FrontEnd
    from micronets.frontend.image import ImageFrontEnd as ImageFrontEnd
    from micronets.importers.network import FloatNetwork as FloatNetwork
    from micronets.ir import layers as layers
    from micronets.ir.arch import Arch as Arch
    from micronets.ir.layers import INPUT as INPUT
    from micronets.ir.space import Block as Block
    from micronets.ir.space import Choice as Choice
    from micronets.ir.space import SearchSpace as SearchSpace
    from micronets.ir.space import Template as Template
    from micronets.ir.space import derive as derive
    from micronets.ir.spaces import Space as Space
    from micronets.ir.spaces.inputs import Inputs as Inputs
    from micronets.pipeline.config import Config as Config
    from micronets.pipeline.perform import Run as Run
    from micronets.pipeline.perform import run as run
    from micronets.pipeline.sweep import Sweep as Sweep
    from micronets.pipeline.sweep import sweep as sweep
    from micronets.quantized.model import LayerWeights as LayerWeights
    from micronets.quantized.model import QuantizedModel as QuantizedModel
    from micronets.quantized.model import TensorQuant as TensorQuant
    from micronets.runtimes import Measurement as Measurement
    from micronets.tasks import Card as Card
    from micronets.tasks import Examples as Examples
    from micronets.tasks import Outline as Outline
    from micronets.tasks import Score as Score
    from micronets.tasks import Task as Task
    from micronets.tasks import TaskData as TaskData
    from micronets.tasks import load as load_data  # noqa: F401 -- under a name of its own here
    from micronets.tasks.arrays.augment import SensorAugmentation as SensorAugmentation
    from micronets.tasks.arrays.in_memory import arrays as arrays
    from micronets.tasks.arrays.in_memory import data_from_torch as data_from_torch

_HOMES = {
    "boards.board": ("Board", "Budget", "load_board"),
    "commands.app": ("Application", "app"),
    "commands.compile": ("Compilation", "compile"),
    "commands.evaluate": ("Evaluation", "evaluate"),
    "commands.export": ("export", "quantise"),
    "commands.from_torch": ("from_torch",),
    "commands.inspect": ("Inspection", "inspect"),
    "commands.invoke": ("invoke", "tensors"),
    "commands.measure": ("measure",),
    "commands.model_file": ("read", "write"),
    "commands.search": ("search",),
    "commands.train": ("train",),
    "design.dnas": ("SearchResult",),
    "design.search_settings": ("SearchSettings",),
    "design.train": ("TrainResult",),
    "design.train_settings": ("TrainSettings",),
    "errors": ("MicronetsError",),
    "frontend": ("FrontEnd",),
    "frontend.image": ("ImageFrontEnd",),
    "importers.network": ("FloatNetwork",),
    "ir": ("layers",),
    "ir.arch": ("Arch",),
    "ir.layers": ("INPUT",),
    "ir.space": ("Block", "Choice", "SearchSpace", "Template", "derive"),
    "ir.spaces": ("Space",),
    "ir.spaces.inputs": ("Inputs",),
    "pipeline.config": ("Config",),
    "pipeline.perform": ("Run", "run"),
    "pipeline.sweep": ("Sweep", "sweep"),
    "quantized.model": ("LayerWeights", "QuantizedModel", "TensorQuant"),
    "runtimes": ("Measurement",),
    "tasks": ("Card", "Examples", "Outline", "Score", "Task", "TaskData", "load as load_data"),
    "tasks.arrays.augment": ("SensorAugmentation",),
    "tasks.arrays.in_memory": ("arrays", "data_from_torch"),
}
"""By module, the names that are here as well. They are looked up on first use: importing is quick, and the deploy half
needs no torch. A test compares this table with the imports above, which are for type checkers."""

_PLACES = {names.split()[-1]: (home, names.split()[0]) for home, own in _HOMES.items() for names in own}

__all__ = sorted(_PLACES)

if TYPE_CHECKING:
    from typing import Any


def __getattr__(name: str) -> Any:
    """The object of that name, from the module that defines it."""
    from importlib import import_module

    if name not in _PLACES:
        raise AttributeError(f"module 'micronets' has no attribute '{name}'")
    home, own = _PLACES[name]
    try:
        module = import_module(f"micronets.{home}")
    except ModuleNotFoundError as e:
        from micronets.installation import EXTRAS, install

        missing = (e.name or "").split(".")[0]
        if missing in EXTRAS:
            e.add_note(f"micronets.{name} needs the package '{missing}': {install(EXTRAS[missing])}")
        raise
    # `layers` is a module itself, and a module is no attribute of its package before it is imported.
    return getattr(module, own) if hasattr(module, own) else import_module(f"micronets.{home}.{own}")
