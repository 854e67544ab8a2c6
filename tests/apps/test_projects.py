"""Firmware projects of every kind: each is built, listens to a sound, and prints what `Stream` decides."""

import configparser
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.boards.cores import core_of
from micronets.commands.front_end import with_front_end
from micronets.device.host_compiler import host_compiler
from micronets.device.kept_objects import ReadFiles, compile_once
from micronets.frontend import encode_wav
from micronets.frontend.camera import Camera
from micronets.frontend.frames import camera_codes
from micronets.frontend.image import ImageFrontEnd
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.streaming import Decision, Detector, Stream
from micronets.tflite import read, write
from tests.support.calling import call
from tests.support.generated_c import needs_host_compiler
from tests.support.listening import DETECTORS, LABELS, columns_model, listening_model, sound
from tests.support.micro import wake_model
from tests.support.spectral import MOVEMENTS, following_arrays, following_model, movement

STUBS = Path(__file__).parent / "stubs"
MODEL = listening_model(detector=replace(DETECTORS["slow"], never=(0,)))
SOUND = sound(4, 5)
BOARDS = ("NUCLEO-F446RE", "Raspberry Pi Pico 2", "Corstone-300 (MPS3 AN547)", "ESP32-C3-DevKitM-1")
KINDS = ("cmake", "zephyr", "platformio", "arduino", "esp-idf")
STRICT = ("-Wall", "-Wextra", "-Werror")
needs_cmake = pytest.mark.skipif(
    shutil.which("cmake") is None or not any(map(shutil.which, ("cc", "gcc", "clang"))),
    reason="needs cmake, and a C compiler that it finds",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tones.tflite"
    path.write_bytes(write(MODEL))
    return path


def made(model: Path, out: Path, kind: str, board: str | None = None, options: Sequence[str] = ()) -> Path:
    """Writes a project and returns its directory; options: further words of the command."""
    where = board or ("ESP32-C3-DevKitM-1" if kind == "esp-idf" else "NUCLEO-F446RE")
    found = call("app", model, "--board", where, "--out", out, "--for", kind, *options)
    assert found.code == 0, found.err
    return out


def lines_of(decisions: Sequence[Decision], labels: Sequence[str] = LABELS) -> list[str]:
    """Returns the lines that an application prints, as `listen` writes them."""
    return [f"{d.time / 16000:>8.2f} s  {labels[d.class_index]:<12}  {d.score / 32768:.2f}" for d in decisions]


def heard(*lost: tuple[int, int]) -> list[str]:
    """Returns the lines of the whole sound; lost: before which sample how many got lost."""
    stream, at = Stream(MODEL), 0
    found: list[Decision] = []
    for place, samples in lost:
        found += stream.feed(SOUND[at:place])
        stream.gap(samples)
        at = place
    return lines_of([*found, *stream.feed(SOUND[at:])])


def run(command: Sequence[str | Path], code: int = 0, **environment: str) -> list[str]:
    """Runs a program; returns what it prints. Fails where it ends with another code."""
    done = subprocess.run(
        [*map(str, command)], env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code, done.stdout + done.stderr
    return [line for line in (done.stdout + done.stderr).splitlines() if line]


def recording(folder: Path) -> Path:
    """Writes the sound as a WAV file."""
    path = folder / "sound.wav"
    path.write_bytes(encode_wav(SOUND, 16000))
    return path


def cmake(source: Path, build: str, *options: str) -> Path:
    """Builds a project with CMake and returns the program."""
    run(["cmake", "-S", source, "-B", source / build, *options])
    run(["cmake", "--build", source / build, "-j2"])
    return source / build / "app"


def in_qemu(source: Path, recorded: Path) -> list[str]:
    """Builds a project for CMake as its README says and runs it in QEMU; returns what it prints of a recording."""
    cmake(source, "build/qemu", f"-DCMAKE_TOOLCHAIN_FILE={source}/port/toolchain.cmake", "-DAPP_MACHINE=qemu")
    steps = re.search(r"^    (qemu-system.*?)\\\n(.*?)$", (source / "README.md").read_text(), re.MULTILINE)
    assert steps is not None
    words = f"{steps[1]}{steps[2]}".replace("build/", f"{source}/build/").split()
    return run([re.sub(r"recording\.\w+|frames\.raw", lambda _: str(recorded), word) for word in words])


def test_there_is_something_to_hear() -> None:
    assert len(heard()) > 8
    assert len({line.split()[2] for line in heard()}) > 2


@needs_cmake
def test_a_program_for_this_computer_hears_what_listen_hears(model: Path, tmp_path: Path) -> None:
    wav = recording(tmp_path)
    program = cmake(made(model, tmp_path / "app", "cmake"), "build/host")
    assert run([program, wav]) == heard()
    listened = call("listen", model, "--input", wav, "--runtime", "reference")
    assert listened.out.splitlines()[:-1] == heard()
    for words, text in (([], "no recording"), ([__file__], "the recording has to be a WAV file with one channel")):
        failed = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
        assert failed.returncode == 1
        assert text in failed.stdout


def test_recordings_of_other_kinds_are_refused(model: Path, tmp_path: Path) -> None:
    """A WAV file may hold pieces before its samples, and one with an odd number of bytes is padded."""
    program = program_of("cmake", made(model, tmp_path / "app", "cmake"), tmp_path)
    wav = tmp_path / "sound.wav"
    for channels, rate, well in ((1, 16000, True), (2, 16000, False), (1, 8000, False)):
        head = np.array([1, channels], "<u2").tobytes() + np.array([rate, 2 * rate * channels], "<u4").tobytes()
        body = b"fmt " + np.uint32(16).tobytes() + head + np.array([2 * channels, 16], "<u2").tobytes()
        body += b"note" + np.uint32(3).tobytes() + b"abc\0"
        body += b"data" + np.uint32(2 * SOUND.size).tobytes() + SOUND.astype("<i2").tobytes()
        wav.write_bytes(b"RIFF" + np.uint32(4 + len(body)).tobytes() + b"WAVE" + body)
        done = subprocess.run([program, wav], capture_output=True, text=True, timeout=60)
        assert done.returncode == (0 if well else 1)
        assert (done.stdout.splitlines() == heard()) == well
        assert ("ffmpeg -i RECORDING -ac 1 -ar 16000 -sample_fmt s16 converted.wav" in done.stdout) != well


@needs_cmake
@pytest.mark.parametrize("board", BOARDS)
def test_a_firmware_hears_the_same_in_qemu(model: Path, tmp_path: Path, board: str) -> None:
    """The processor reads the recording through semihosting; that of the Pico 2 is a Cortex-M55, which has its code."""
    core = core_of(load_board(board).core, board)
    if not any(map(shutil.which, core.gcc)):
        pytest.skip(f"needs one of {', '.join(core.gcc)}")
    assert core.qemu is not None
    if shutil.which(core.qemu.program) is None:
        pytest.skip(f"needs {core.qemu.program}")
    wav, source = recording(tmp_path), made(model, tmp_path / "app", "cmake", board)
    assert in_qemu(source, wav) == heard()


@needs_cmake
def test_a_network_that_takes_the_new_frames_alone_hears_the_same_in_qemu(tmp_path: Path) -> None:
    """`app` makes it of a model of whole windows, as `listen` does; its decisions are those of whole windows."""
    if not all(map(shutil.which, ("arm-none-eabi-gcc", "qemu-system-arm"))):
        pytest.skip("needs arm-none-eabi-gcc and qemu-system-arm")
    whole, path = columns_model(detector=replace(DETECTORS["slow"], hop_frames=6)), tmp_path / "columns.tflite"
    path.write_bytes(write(whole))
    wav, want = recording(tmp_path), lines_of(Stream(whole).feed(SOUND))
    assert len(want) > 2
    assert call("listen", path, "--input", wav).out.splitlines()[:-1] == want
    source = made(path, tmp_path / "app", "cmake")
    assert "The network takes 2 frames at a time" in (source / "network/columns_stream.h").read_text()
    assert in_qemu(source, wav) == want


@needs_cmake
def test_a_firmware_for_the_board_lies_in_its_memory(model: Path, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("needs arm-none-eabi-gcc")
    source = made(model, tmp_path / "app", "cmake")
    elf = cmake(source, "build/board", f"-DCMAKE_TOOLCHAIN_FILE={source}/port/toolchain.cmake", "-DAPP_MACHINE=board")
    symbols = run(["arm-none-eabi-nm", elf])
    addresses = {line.split()[2]: int(line.split()[0], 16) for line in symbols if len(line.split()) == 3}
    assert addresses["firmware_vectors"] == 0x0800_0000
    assert addresses["firmware_stack_top"] == 0x2000_1000


def built(
    source: Path,
    network: Path,
    files: Sequence[str],
    folder: Path,
    include: Sequence[Path],
    cxx: bool = False,
    defines: Sequence[str] = (),
) -> Path:
    """Builds files of a project and its network with this machine's compiler; returns the program.

    - source: the project.
    - network: the folder of the network.
    - files: paths in the project, or whole ones.
    - folder: where the program goes.
    - include: folders of headers.
    - cxx: whether it is linked as C++.
    - defines: macros for the files of the project.
    """
    needs_host_compiler()
    cc = host_compiler()
    compiler = ["c++"] if cxx else [*cc]
    if cxx and shutil.which("c++") is None:
        pytest.skip("needs c++")
    flags, files_of_all = ["-O1", *STRICT], ReadFiles([network, STUBS, *include])
    own, objects = [source / file for file in files], []
    for i, path in enumerate([*own, *(p for p in network.glob("*.[cS]") if p.name != "example.c")]):
        objects.append(folder / f"{i}.o")
        sketch = path.suffix in (".ino", ".cpp")
        words, first = (["c++"], [STUBS / "arduino/Arduino.h"]) if sketch else ([*cc], [])
        language = ["-x", "c++"] if sketch else ["-std=gnu11"]
        macros = [f"-D{name}" for name in defines] if path in own else []
        compile_once(words, [*language, *flags, *macros], files_of_all, path, objects[-1], run, first)
    run([*compiler, *objects, "-o", folder / "program"])
    return folder / "program"


def program_of(kind: str, source: Path, folder: Path, example: str = "listen_pdm") -> Path:
    """Builds a project with this machine's compiler, on stand-ins for its system; returns the program.

    - kind: the kind of project.
    - source: the project.
    - folder: where the program goes.
    - example: the sketch, for Arduino.
    """
    match kind:
        case "cmake":
            files, here = ["app/app.c", "port/wav_sensor.c", "port/host.c"], [source / "app", source / "port"]
            return built(source, source / "network", files, folder, here)
        case "arduino":
            sketch, stubs = f"examples/{example}", STUBS / "arduino"
            files = [f"{sketch}/app.c", f"{sketch}/{example}.ino", str(stubs / "main.cpp")]
            return built(source, source / "src", files, folder, [source / sketch, stubs], cxx=True)
        case "zephyr":
            here = [source / "src", STUBS / "zephyr"]
            return built(source, source / "network", ["src/app.c", "src/zephyr.c"], folder, here)
        case "esp-idf":
            (network,) = source.glob("components/*/network")
            stubs = STUBS / "espidf"
            files = ["main/app.c", "main/espidf.c", str(stubs / "main.c")]
            return built(source, network, files, folder, [source / "main", stubs])
        case "platformio":
            (network,) = source.glob("lib/*")
            here = [source / "src", STUBS / "stm32"]
            return built(source, network, ["src/app.c", "src/stm32.c"], folder, here, defines=["STM32F446xx"])
        case _:
            raise AssertionError(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wake_word_of_the_field_becomes_a_project_of_every_kind(kind: str, tmp_path: Path) -> None:
    """The network carries nothing; the command says that it takes TFLM's own front end."""
    network, samples, sampled = tmp_path / "hey.tflite", sound(5, seed=4), tmp_path / "sound"
    network.write_bytes(write(wake_model()))
    samples.astype("<i2").tofile(sampled)
    decided = Stream(with_front_end(network, "micro").model).feed(samples)
    want = lines_of(decided, ("hey",))
    assert want
    source = made(network, tmp_path / "app", kind, options=("--front-end", "micro"))
    program = program_of(kind, source, tmp_path)
    if kind != "cmake":
        assert run([program], code=int(kind == "zephyr"), RECORDING=str(sampled)) == want
        return
    wav = tmp_path / "sound.wav"
    wav.write_bytes(encode_wav(samples, 16000))
    assert run([program, wav]) == want
    if all(map(shutil.which, ("cmake", "arm-none-eabi-gcc", "qemu-system-arm"))):
        assert in_qemu(source, wav) == want


@pytest.mark.parametrize("example", ["listen_pdm", "listen_i2s"])
def test_arduino_s_sketches_hear_the_same(model: Path, tmp_path: Path, example: str) -> None:
    source = made(model, tmp_path / "app", "arduino")
    program = program_of("arduino", source, tmp_path, example)
    SOUND.astype("<i2").tofile(tmp_path / "sound")
    assert run([program], RECORDING=str(tmp_path / "sound")) == heard()
    properties = dict(line.split("=", 1) for line in (source / "library.properties").read_text().splitlines())
    assert properties["name"] == "micronets_tones"
    assert (source / "src" / properties["includes"]).is_file()
    assert not (source / "src/example.c").exists()


def test_arduino_s_ring_tells_what_it_had_no_room_for(model: Path, tmp_path: Path) -> None:
    if shutil.which("c++") is None:
        pytest.skip("needs c++")
    source = made(model, tmp_path / "app", "arduino")
    main = tmp_path / "ring.cpp"
    main.write_text(
        """
        #define RING_LOCK()
        #define RING_UNLOCK()
        #include "examples/listen_pdm/ring.h"
        int main()
        {
            static int16_t samples[5000], out[5000];
            uint32_t lost;
            for (int i = 0; i < 5000; i++) { samples[i] = (int16_t)i; }
            for (int i = 0; i < 4000; i++) { ring_put(samples[i]); }
            if (ring_take(out, 100, &lost) != 100 || lost != 0 || out[99] != 99) return 1;
            for (int i = 0; i < 300; i++) { ring_put(samples[i]); } /* 196 fit */
            if (ring_take(out, 100, &lost) != 0 || lost != 4096 + 104) return 2;
            for (int i = 0; i < 50; i++) { ring_put(samples[i]); }
            return ring_take(out, 100, &lost) == 50 && lost == 0 && out[49] == 49 ? 0 : 3;
        }"""
    )
    run(["c++", *STRICT, f"-I{source}", main, "-o", tmp_path / "ring"])
    run([tmp_path / "ring"])


def test_zephyr_s_application_hears_the_same(model: Path, tmp_path: Path) -> None:
    """After blocks that nobody took in time, it tells that samples were lost, and listens on."""
    source = made(model, tmp_path / "app", "zephyr")
    program = program_of("zephyr", source, tmp_path)
    SOUND.astype("<i2").tofile(tmp_path / "sound")
    for overrun, want in (({}, heard()), ({"OVERRUN": "1"}, heard((9 * 320, 16 * 320)))):
        known = {"RECORDING": str(tmp_path / "sound"), **overrun}
        done = subprocess.run([program], env=known, capture_output=True, text=True, timeout=60)
        assert done.stdout.splitlines() == want
        assert done.returncode == 1  # at the end of the sound, the microphone has failed
    config = (source / "prj.conf").read_text()
    assert f"config {config.split('=')[0].removeprefix('CONFIG_')}\n" in (source / "network/zephyr/Kconfig").read_text()


def test_esp_idf_s_application_hears_the_same(model: Path, tmp_path: Path) -> None:
    source = made(model, tmp_path / "app", "esp-idf")
    network, program = source / "components/tones/network", program_of("esp-idf", source, tmp_path)
    SOUND.astype("<i2").tofile(tmp_path / "sound")
    assert run([program], RECORDING=str(tmp_path / "sound")) == heard()
    assert run([program], RECORDING=str(tmp_path / "sound"), OVERRUN="1") == heard((16000, 100))
    listed = re.findall(r'"network/(.*?)"', (source / "components/tones/CMakeLists.txt").read_text())
    assert sorted(listed) == sorted(p.name for p in network.glob("*.[cS]") if p.name != "example.c")
    assert "REQUIRES tones driver" in (source / "main/CMakeLists.txt").read_text()


def test_platformio_s_project_hears_the_same(model: Path, tmp_path: Path) -> None:
    source = made(model, tmp_path / "app", "platformio")
    network, program = source / "lib/micronets_tones", program_of("platformio", source, tmp_path)
    SOUND.astype("<i2").tofile(tmp_path / "sound")
    assert run([program], RECORDING=str(tmp_path / "sound")) == heard()
    config = configparser.ConfigParser()
    config.read(source / "platformio.ini")
    assert config["env:nucleo_f446re"]["board"] == "nucleo_f446re"
    assert json.loads((network / "library.json").read_text())["name"] == "micronets_tones"


def test_platformio_reads_its_manifests(model: Path, tmp_path: Path) -> None:
    """It also knows the manifests of libraries for Arduino."""
    if shutil.which("pio") is None:
        pytest.skip("needs pip install platformio")
    project, sketches = (made(model, tmp_path / kind, kind) for kind in ("platformio", "arduino"))
    known = {"PLATFORMIO_CORE_DIR": str(tmp_path / "core")}
    assert any("nucleo_f446re" in line for line in run(["pio", "project", "config", "-d", project], **known))
    for library in (project / "lib/micronets_tones", sketches):
        assert any("Wrote a tarball" in line for line in run(["pio", "pkg", "pack", library, "-o", tmp_path], **known))
    (sketches / "library.properties").write_text("name=\n")
    run(["pio", "pkg", "pack", sketches, "-o", tmp_path], code=1, **known)


def test_espressif_s_component_manager_reads_its_manifest(model: Path, tmp_path: Path) -> None:
    manager = pytest.importorskip("idf_component_tools.manager", reason="needs pip install idf-component-manager")
    source = made(model, tmp_path / "app", "esp-idf")
    found = manager.ManifestManager(source / "components/tones", "tones").load()
    assert found.dependencies == {"idf": ">=5.1"}
    assert "4" in found.description


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_calls_the_network_by_its_name(model: Path, tmp_path: Path, kind: str) -> None:
    source = made(model, tmp_path / "app", kind)
    for path in source.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not re.search(r"micronets_model_|MICRONETS_MODEL_|model(_stream)?\.h", text), path
            network = path.parent != source and (path.parent / ".micronets-files.json").exists()
            if not network and path.suffix in (".c", ".h", ".ino", ".md"):
                lines = [line for line in text.splitlines() if not line.startswith("|")]
                assert max(map(len, lines), default=0) <= 120, path
    readme = (source / "README.md").read_text()
    assert "It hears `yes`, `no`, `stop`." in " ".join(readme.split())
    for name in re.findall(r"^\| `(.*?)` \|", readme, re.MULTILINE):
        assert (source / name).exists(), name


def test_what_was_edited_is_kept(model: Path, tmp_path: Path) -> None:
    out = made(model, tmp_path / "app", "cmake")
    before = tree(out)
    mine = "/* mine */\n"
    (out / "app/app.c").write_text(mine)
    (out / "port/uart.c").write_text(mine)
    found = call("app", model, "--board", "NUCLEO-F446RE", "--out", out, "--name", "other", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["kept"] == ["app/app.c"]
    assert (out / "app/app.c").read_text() == (out / "port/uart.c").read_text() == mine
    assert (out / "network/other.h").is_file()
    assert not (out / "network/tones.h").exists()
    told = call("app", model, "--board", "NUCLEO-F446RE", "--out", out)
    assert f"{out}/app/app.c: kept, as it was edited" in told.out
    (out / "port/uart.c").unlink()
    (out / "app/app.c").unlink()
    made(model, out, "cmake")
    assert tree(out) == before


def test_a_network_can_be_compiled_anew_by_itself(model: Path, tmp_path: Path) -> None:
    out = made(model, tmp_path / "app", "cmake")
    found = call("compile", model, "--board", "NUCLEO-F446RE", "--out", out / "network")
    assert found.code == 0, found.err


def tree(folder: Path) -> Mapping[str, str]:
    """Returns the text of every file in a folder."""
    return {
        str(p.relative_to(folder)): p.read_text()
        for p in folder.rglob("*")
        if p.is_file() and p.name != ".micronets-files.json"
    }


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--for", "arduino-ide"), "--for arduino-ide: there is no such kind of project; did you mean 'arduino'?"),
        (("--for", "esp-idf"), "--for esp-idf: NUCLEO-F446RE has no ESP32; name a board that has one"),
        (
            ("--for", "platformio", "--board", "NUCLEO-L4R5ZI"),
            "--for platformio: there is no microphone driver for NUCLEO-L4R5ZI, only for NUCLEO-F446RE, NUCLEO-F746ZG",
        ),
        (("--name", "main()"), "name 'main()': is not a valid C name"),
        (("--board", "ESP32-S9"), "board"),
    ],
)
def test_what_cannot_be_is_one_line(model: Path, tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    board = () if "--board" in words else ("--board", "NUCLEO-F446RE")
    found = call("app", model, *board, "--out", tmp_path / "app", *words)
    assert found.code == 2
    assert text in found.err
    assert len(found.err.splitlines()) == 1
    assert not (tmp_path / "app").exists()


def test_a_model_without_a_front_end_is_one_line(tmp_path: Path) -> None:
    bare = listening_model()
    path = tmp_path / "bare.tflite"
    path.write_bytes(write(type(bare)(bare.arch, bare.quant, bare.weights, {})))
    found = call("app", path, "--board", "NUCLEO-F446RE", "--out", tmp_path / "app")
    assert found.code == 2
    assert "no listening application can be made from it: it has no integer front end for sound" in found.err
    assert not (tmp_path / "app").exists()


@pytest.mark.parametrize("place", ["", "network"])
def test_others_files_are_not_touched(model: Path, tmp_path: Path, place: str) -> None:
    theirs = tmp_path / "app" / place / "app.c"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    found = call("app", model, "--board", "NUCLEO-F446RE", "--out", tmp_path / "app")
    assert found.code == 2
    assert "name a new or empty directory" in found.err
    assert [p for p in (tmp_path / "app").rglob("*") if p.is_file()] == [theirs]


MOVED = Detector(hop_frames=2, average=2, thresholds=(9000,) * 4, refractory_ms=(500,) * 4, never=(0,))
FOLLOWERS = {
    "spectral": following_model(MOVED, axes=3),
    "standardised": read(write(following_arrays(replace(MOVED, hop_frames=16)))),  # with scales of 32 bits
}
MOVEMENT = movement(60)


def follower(folder: Path, name: str = "spectral") -> Path:
    """Writes the model of that front end."""
    path = folder / "moves.tflite"
    path.write_bytes(write(FOLLOWERS[name]))
    return path


def followed(name: str) -> list[str]:
    """Returns the lines of the whole movement, as the model of that front end decides."""
    return [
        f"{d.time / 50:>8.2f} s  {MOVEMENTS[d.class_index]:<12}  {d.score / 32768:.2f}"
        for d in Stream(FOLLOWERS[name]).feed(MOVEMENT)
    ]


def table(folder: Path) -> Path:
    """Writes the movement as a CSV file in the forms that numbers have, with headings, a comment and empty lines."""
    path = folder / "movement.csv"
    forms = ("{:.17g}", "{:+.3f}", "{:.9e}", " {:.2f} ", "{:.25f}")
    rows = [",".join(forms[(i + k) % 5].format(v) for k, v in enumerate(row)) for i, row in enumerate(MOVEMENT)]
    path.write_text("\n".join(["# by hand", "x,y,z", *rows[:7], "", "# pause", *rows[7:]]))
    return path


@needs_cmake
@pytest.mark.parametrize("name", FOLLOWERS)
def test_a_sensor_s_program_and_firmware_find_what_listen_finds(name: str, tmp_path: Path) -> None:
    model, csv, want = follower(tmp_path, name), table(tmp_path), followed(name)
    source = made(model, tmp_path / "app", "cmake")
    assert len(want) > 8
    listened = call("listen", model, "--input", csv, "--runtime", "reference")
    assert listened.out.splitlines()[:-1] == want
    program = cmake(source, "build/host")
    assert run([program, csv]) == want
    for text in ("1,2\n", "1,2,3,4\n", "1,2,3\n4,a,6\n", "1,2,nan\n", "1,2,3e\n"):
        (tmp_path / "bad.csv").write_text(text)
        failed = subprocess.run([program, tmp_path / "bad.csv"], capture_output=True, text=True, timeout=60)
        assert failed.returncode == 1
        assert f"line {len(text.splitlines())} of the recording does not hold a number for each axis" in failed.stdout
    if not shutil.which("arm-none-eabi-gcc") or not shutil.which("qemu-system-arm"):
        pytest.skip("needs arm-none-eabi-gcc and qemu-system-arm")
    assert in_qemu(source, csv) == want
    readme = (source / "README.md").read_text()
    assert "50 samples a second of 3 axes" in readme.replace("\n", " ")


@pytest.mark.parametrize("name", FOLLOWERS)
def test_a_csv_file_gives_the_steps_that_python_gives(name: str, tmp_path: Path) -> None:
    """Middles between two steps go to the even one, and what is too large is held to 16 bits, or to 32."""
    source = made(follower(tmp_path, name), tmp_path / "app", "cmake")
    shown = tmp_path / "shown.c"
    shown.write_text(
        '#include <stdio.h>\n#include "app.h"\n#include "sensor.h"\n'
        "int32_t app_run(void)\n{\n    sensor_sample s[3];\n    uint32_t lost;\n    int32_t state = sensor_start(1);\n"
        '    while (state == 0 && sensor_read(s, 1, &lost) > 0) {\n        printf("%d %d %d\\n", s[0], s[1], s[2]);\n'
        "    }\n    return 0;\n}\n"
    )
    files = [str(shown), "port/csv_sensor.c", "port/host.c"]
    program = built(source, source / "network", files, tmp_path, [source / "app", source / "port"])
    rng = np.random.default_rng(5)
    values = np.concatenate(
        [
            rng.integers(-70000, 70000, 3000) / 8,
            rng.normal(0, 1, 3000),
            [1e300, -1e300, 1e-300, 8191.75, -8192, 0.125],
            [-(2.0**30) - 0.25, 2.0**30 - 0.25, 2.0**30 - 0.75],
        ]
    ).reshape(-1, 3)
    texts = [[repr(float(v)) for v in row] for row in values]
    (tmp_path / "values.csv").write_text("".join(f"{';'.join(row)}\n" for row in texts))
    front_end = Stream(FOLLOWERS[name]).plan.signal
    found = [[int(word) for word in line.split()] for line in run([program, tmp_path / "values.csv"])]
    np.testing.assert_array_equal(found, front_end.integers(values))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_other_projects_have_no_driver_of_a_sensor(tmp_path: Path, kind: str) -> None:
    found = call("app", follower(tmp_path), "--board", "NUCLEO-F446RE", "--out", tmp_path / "app", "--for", kind)
    assert found.code == 2
    assert f"--for {kind}: has no driver of a sensor; take --for cmake and write" in found.err


VIEW = ("cup", "plant", "nothing")
CAMERAS = {"20x14:gray": 1, "17x13:rgb565": 3, "24x20:yuv422": 3}


def looking_model(colour: int) -> QuantizedModel:
    """Returns a random network that looks at images of 8 x 8 pixels; colour: its channels."""
    fe = ImageFrontEnd(resolution=8, colour=colour, fit="letterbox", filter="bilinear")
    layer = FullyConnected(name="logits", inputs=(INPUT,), units=len(VIEW), activation="none")
    made = with_random_weights(Arch(fe.input_shape, (layer,)), 3)
    texts = {"micronets.labels": json.dumps(VIEW), "micronets.frontend": fe.to_json(), "micronets.task": "images"}
    return replace(made, quant={**made.quant, INPUT: TensorQuant(1 / 128, 0)}, metadata=texts)


@pytest.mark.parametrize("frames", CAMERAS)
def test_a_camera_s_frames_give_the_classes_of_the_reference(frames: str, tmp_path: Path) -> None:
    path, camera, model = tmp_path / "view.tflite", Camera.parse(frames), looking_model(CAMERAS[frames])
    path.write_bytes(write(model))
    patches = np.random.default_rng(1).choice([0, 255], (12, 7, 9)).repeat(3, 1).repeat(6, 2)
    x = patches[:, : camera.height, : camera.row_bytes].astype(np.uint8)
    fe, quant = ImageFrontEnd.from_json(model.metadata["micronets.frontend"]), model.quant[INPUT]
    outputs = reference.run(model, camera_codes(x, camera, fe, quant.scale, quant.zero_point)).reshape(len(x), -1)
    want = [f"{i:>8}  {VIEW[row.argmax()]:<12}{row.max():>6}" for i, row in enumerate(outputs, 1)]
    assert len(set(outputs.argmax(1).tolist())) > 1
    source = tmp_path / "app"
    found = call("app", path, "--board", "NUCLEO-F446RE", "--out", source, "--camera", frames)
    assert found.code == 0, found.err
    raw = tmp_path / "frames.raw"
    raw.write_bytes(x.tobytes())
    files = ["app/app.c", "port/raw_camera.c", "port/host.c"]
    program = built(source, source / "network", files, tmp_path, [source / "app", source / "port"])
    assert run([program, raw]) == want
    for size, text in ((camera.row_bytes + 1, "the file ends within a row"), (camera.row_bytes, "is not whole")):
        raw.write_bytes(x.tobytes()[:size])
        failed = subprocess.run([program, raw], capture_output=True, text=True, timeout=60)
        assert failed.returncode == 1
        assert text in failed.stdout
    if frames != "17x13:rgb565" or not all(map(shutil.which, ("cmake", "arm-none-eabi-gcc", "qemu-system-arm"))):
        return
    raw.write_bytes(x.tobytes())
    assert in_qemu(source, raw) == want
    readme = (source / "README.md").read_text()
    assert "frames of 17 x 13 pixels (rgb565)" in " ".join(readme.split())


@pytest.mark.parametrize("pixels", ["rgb565", "gray"])
def test_arduino_s_sketch_of_a_camera_gives_the_classes_of_the_reference(pixels: str, tmp_path: Path) -> None:
    path, camera, model = tmp_path / "view.tflite", Camera.parse(f"160x120:{pixels}"), looking_model(3)
    path.write_bytes(write(model))
    x = np.random.default_rng(1).choice([0, 255], (6, 8, 10)).repeat(15, 1).repeat(camera.row_bytes // 10, 2)
    x = x.astype(np.uint8)
    fe, quant = ImageFrontEnd.from_json(model.metadata["micronets.frontend"]), model.quant[INPUT]
    outputs = reference.run(model, camera_codes(x, camera, fe, quant.scale, quant.zero_point)).reshape(len(x), -1)
    source = made(path, tmp_path / "app", "arduino", options=("--camera", f"160x120:{pixels}"))
    program = program_of("arduino", source, tmp_path, "look_ov767x")
    (tmp_path / "frames").write_bytes(x.tobytes())
    want = [f"{i:>8}  {VIEW[row.argmax()]:<12}{row.max():>6}" for i, row in enumerate(outputs, 1)]
    assert run([program], RECORDING=str(tmp_path / "frames")) == want
    properties = (source / "library.properties").read_text()
    assert "includes=view.h\n" in properties
    assert "depends=Arduino_OV767X\n" in properties
    assert "From the frames of a camera to classes" in properties
    for name in re.findall(r"^\| `(.*?)` \|", (source / "README.md").read_text(), re.MULTILINE):
        assert (source / name).exists(), name


def test_a_camera_is_for_models_of_pictures_and_they_need_one(model: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "view.tflite", ("--board", "NUCLEO-F446RE", "--out", tmp_path / "app")
    path.write_bytes(write(looking_model(1)))
    for words, text in (
        ((path,), "takes images; give the frames of its camera: --camera 160x120:rgb565"),
        ((path, "--camera", "160x120"), "camera: '160x120' is not one; write width, height and pixels"),
        ((path, "--camera", "8x8:gray", "--for", "zephyr"), "write the three functions of its camera.h"),
        (
            (path, "--camera", "160x120:rgb565le", "--for", "arduino"),
            "gives frames of 160x120, 176x144, 320x240 as rgb565, yuv422, gray, not 160x120:rgb565le; use one of them",
        ),
        ((model, "--camera", "8x8:gray"), "the model has no image front end"),
    ):
        found = call("app", *words, *out)
        assert found.code == 2
        assert text in found.error
