"""`app`: writes a firmware project around a model: sensor, network, detector, output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from micronets import __version__, output_directory, records
from micronets.apps.project import Listener
from micronets.apps.projects import PROJECT_KINDS, project_files
from micronets.apps.sensors import CAMERA, Frames, Sensor, listens_text, looks_text, sensor_of
from micronets.arguments import checked
from micronets.boards.board import Board, load_board
from micronets.commands.compile import check_package, places_named
from micronets.commands.incremental import new_frames_alone
from micronets.compiler.generate import package
from micronets.compiler.generate.names import Names, name_from
from micronets.compiler.kernels.goal import DEFAULT_GOAL
from micronets.errors import SpecError, UnsupportedError, did_you_mean
from micronets.frontend.camera import camera_of
from micronets.quantized.labels import labels_of
from micronets.records import JsonObject
from micronets.runtimes import OUR_C
from micronets.streaming.carried import image_front_end
from micronets.streaming.plan import plan_stream, unstreamable
from micronets.terminal import amount
from micronets.tflite import ModelFile, ModelSource


@dataclass(frozen=True, kw_only=True)
class Application:
    """The firmware project that `micronets app` wrote.

    - `model`: the model's path.
    - `board`: the board's name.
    - `out`: the directory of the project.
    - `kind`: the kind of project.
    - `name`: the base of the names of the network's files, functions and macros.
    - `network`: the network's folder in the project.
    - `files`: all other files, by path in the project.
    - `kept`: those of them that were left unchanged, because somebody has edited them.
    - `arena_bytes`: bytes of the arena of our C.
    - `constant_bytes`: bytes of its weights and tables.
    """

    model: str
    board: str
    out: str
    kind: str
    name: str
    network: str
    files: tuple[str, ...]
    kept: tuple[str, ...]
    arena_bytes: int
    constant_bytes: int

    def to_json(self) -> JsonObject:
        """Returns the record as `micronets app --json` prints it."""
        return records.to_json(self)

    def text(self) -> str:
        """Returns the text of the record for a terminal."""
        lines = [
            f"{self.out}: an application ({self.kind}) for {self.board}; README.md says how to build and change it",
            f"{self.out}/{self.network}: the network '{self.name}': arena {amount(self.arena_bytes, 'B')}, weights and "
            f"tables {amount(self.constant_bytes, 'B')}",
            *(f"{self.out}/{name}: kept, as it was edited; delete it to get a new one" for name in self.kept),
        ]
        return "\n".join(lines)


@checked
def app(
    model: ModelSource,
    board: str | Path | Board,
    out: str | Path,
    kind: str = "cmake",
    name: str | None = None,
    camera: str = "",
    optimise: str = DEFAULT_GOAL,
) -> Application:
    """Writes a firmware project around a streaming or image model to the directory `out`, and returns what it wrote.

    - `model`: the path of a `.tflite`, or a model in memory. It must contain labels and a front end for audio, a sensor
      (`spectral`) or images. A model that can take only the new frames, and computes less that way, is made incremental
      (`commands.incremental.new_frames_alone`).
    - `board`: a name, the path of a board's TOML file, or a board.
    - `out`: the directory of the project.
    - `kind`: cmake, zephyr, platformio, arduino or esp-idf.
    - `name`: the base of the names of the network's files, functions and macros; None takes the name of the model's
      file.
    - `camera`: the camera's frames, for an image model, as for `compile`, such as 160x120:rgb565.
    - `optimise`: the goal by which the kernels are chosen, as for `compile`.

    An earlier project is replaced except for files that somebody has edited, and other files in the directory stay.
    Raises `FileError`, `SpecError`, `UnsupportedError` for a model that cannot listen, and `DoesNotFit` for one whose
    arena or constants exceed the board's memory.
    """
    where, file = load_board(board), new_frames_alone(model)
    if kind not in PROJECT_KINDS:
        raise SpecError(f"--for {kind}: there is no such kind of project; {did_you_mean(kind, PROJECT_KINDS)}")
    sensor, takes, frames = _sensor(file, camera)
    names = Names(name_from(Path(file.name).stem) if name is None else name)
    made = OUR_C.compile(file, where, "auto", names.name, camera, optimise)
    assert made.arena_c_bytes is not None, "our C has an arena"
    project = project_files(
        Listener(
            title=package.title(file.model),
            names=names,
            network=made.files,
            arena_bytes=made.arena_c_bytes,
            constant_bytes=made.constant_bytes,
            sensor=sensor,
            takes=takes,
            frames=frames,
            board=where,
            version=__version__,
        ),
        kind,
    )
    place, folder = Path(out), Path(out) / project.folder
    kept = output_directory.edited(place, project.files)
    check_package(place, project.files, kept)
    check_package(folder, project.network)
    with places_named(place):
        output_directory.write_files(place, project.files, spared=kept)
        output_directory.write_files(folder, project.network)
    return Application(
        model=file.name,
        board=where.name,
        out=str(out),
        kind=kind,
        name=names.name,
        network=project.folder,
        files=tuple(sorted(project.files)),
        kept=kept,
        arena_bytes=made.arena_c_bytes,
        constant_bytes=made.constant_bytes,
    )


def _sensor(file: ModelFile, camera: str) -> tuple[Sensor, str, Frames | None]:
    """Returns a model's sensor, sentences about its application's input and output, and its camera's frames.

    Raises `UnsupportedError` for a model that neither listens nor looks, and `SpecError` for a camera that is missing
    or impossible.
    """
    model = file.model
    image = image_front_end(model)
    if image is not None:
        chosen, labels = camera_of(camera or image.camera), labels_of(model)
        if chosen is None:
            raise SpecError(f"{file.name}: takes images; give the frames of its camera: --camera 160x120:rgb565")
        arch = model.arch
        if not labels or len(arch.inputs) > 1 or arch.types()[arch.outputs[0]] != "int8" or arch.variables():
            raise UnsupportedError(
                f"{file.name}: no camera application can be made from it: it needs one input, one output of int8 with "
                "labels in the metadata, and no state; use the C that micronets compile writes"
            )
        frames = Frames(chosen.width, chosen.height, chosen.pixels)
        return CAMERA, looks_text(frames, labels), frames
    if camera:
        raise SpecError(f"--camera {camera}: the model has no image front end that fits its input")
    if (why := unstreamable(model)) is not None:
        raise UnsupportedError(
            f"{file.name}: no listening application can be made from it: {why}; use a model of task kws or features, "
            "or use the C that micronets compile writes"
        )
    plan = plan_stream(model, file.name)
    return sensor_of(plan), listens_text(plan), None
