"""Runs a network on a real board over a serial line to the firmware of `firmware/serial`.

The file monitor.c of that firmware describes the commands. As the line may be unreliable, every request is repeated
until its answer arrives undamaged; repeating a request is harmless. The packages of the extra `board` are needed.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from micronets.device.board.frames import PADDING, PAYLOAD_BYTES, Frame, FrameParser, encode_frame
from micronets.errors import DeviceError, SpecError

PROTOCOL = 1
"""The version of the protocol."""

BAUD = 115_200
"""The default speed of a serial line, in bits per second."""

_IDENTIFY, _WRITE, _RUN, _RESULT, _READ, _LAYERS = range(1, 7)
_ANSWER, _REFUSED = 0x80, 0x7F
_REASONS = {
    1: "an unknown command",
    2: "a bad request",
    3: "a run without an input",
    4: "a question for a result that is not there",
}
_LOST = (3, 4)  # reasons that a board gives only if it was reset meanwhile
_TRIES = 8  # attempts before the board counts as silent
_ANSWER_S = 0.25  # seconds to wait for an answer, beyond the time for its bytes
_RUN_S = 60.0  # seconds that all runs of one request may take
_RESTARTS = 3  # attempts to run a sample if the board is reset meanwhile
_UNKNOWN_STACK = 0xFFFFFFFF
_IDENTITY = struct.Struct("<HBB7IHH8s")
_MACHINE_OF_NUMBER: dict[int, MachineKind] = {1: "board", 2: "emulator", 3: "host"}
_COUNTER_OF_NUMBER: dict[int, CounterUnit] = {1: "cycles", 2: "ticks", 3: "ns"}

MachineKind = Literal["board", "emulator", "host"]
"""The kinds of machine that execute the firmware."""

CounterUnit = Literal["cycles", "ticks", "ns"]
"""The units of a counter: cycles of the core, ticks of SysTick, or nanoseconds."""


@dataclass(frozen=True)
class Identity:
    """The firmware's answer about itself and the machine that executes it.

    - machine: `board`, `emulator` or `host`.
    - counter: the unit of its counts: `cycles` of the core (DWT CYCCNT), `ticks` of SysTick, or `ns`.
    - clock_hz: the core's clock, as the firmware set it.
    - counter_hz: counts per second.
    - input_bytes, output_bytes, arena_bytes: sizes of the network's input, output and arena.
    - flash_bytes, code_bytes: sizes of the network's image and of the code in it, without the monitor around it.
    - layers: number of the network's layers.
    - model: hash of the network (`monitor.model_hash`).
    - board: name of the board that the firmware was built for.
    - toolchain, flags: the compiler of the firmware, and its flags.
    - settings: clock source, wait states and caches, in words.
    """

    machine: MachineKind
    counter: CounterUnit
    clock_hz: int
    counter_hz: int
    input_bytes: int
    output_bytes: int
    arena_bytes: int
    flash_bytes: int
    code_bytes: int
    layers: int
    model: bytes
    board: str
    toolchain: str
    flags: str
    settings: str


@dataclass(frozen=True)
class InferenceCounts:
    """The machine's counts for inferences of one input, in the unit that `Identity.counter` names.

    - first: the count of the first inference.
    - least, most: the counts of the fastest and of the slowest inference.
    - layers: the count of each layer of the first inference.
    - stack_bytes: bytes of stack that the network used below its caller; None if the machine cannot measure it.
    """

    first: int
    least: int
    most: int
    layers: tuple[int, ...]
    stack_bytes: int | None


class _Silence(Exception):
    """No answer arrived after all attempts."""


class _Reset(Exception):
    """The board was reset and has lost the data sent to it."""


class Session:
    """An open serial line to the firmware; it is closed at the end of a `with` block."""

    def __init__(self, port: str, baud: int = BAUD) -> None:
        """Opens the port.

        - port: its name, such as /dev/ttyACM0 or COM3.
        - baud: its speed, in bits per second.

        Raises `DeviceError` if the port cannot be opened, `SpecError` for a speed that it cannot have, and
        `ModuleNotFoundError` without pyserial.
        """
        import serial

        self.port, self.baud = port, baud
        self._failures = (serial.SerialException, OSError)
        self._sequence = 0
        self._heard = 0  # bytes since the last answer that were not part of one
        self._doing = "opening it"
        try:
            self._line: Any = serial.Serial(port, baud, timeout=0.02, write_timeout=10, exclusive=True)
        except ValueError as e:
            raise SpecError(f"serial port {port}: {baud} baud is not possible ({e})") from e
        except self._failures as e:
            raise DeviceError(f"serial port {port}: {_open_failure(e)}; {_ports()}") from e

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def identify(self) -> Identity:
        """Asks the firmware about itself and its machine, and returns the answer.

        Raises `DeviceError` if none answers, or one with another version of the protocol.
        """
        with self._step("asking who is there"):
            try:
                raw = self._ask(_IDENTIFY)
            except _Silence as e:
                raise DeviceError(f"serial port {self.port}: {self._silence()}") from e
        version = int.from_bytes(raw[:2], "little")
        if version != PROTOCOL:
            raise DeviceError(
                f"serial port {self.port}: the firmware speaks version {version} of the protocol, this micronets "
                f"version {PROTOCOL}: write its own firmware to the board (--flash)"
            )
        if len(raw) < _IDENTITY.size:
            raise DeviceError(
                f"serial port {self.port}: the firmware's description of itself is cut off: write it again (--flash)"
            )
        _, machine, counter, clock, rate, inputs, outputs, arena, flash, code, layers, _, model = _IDENTITY.unpack_from(
            raw
        )
        texts = [t.decode("utf-8", "replace") for t in raw[_IDENTITY.size :].split(b"\0")][:4]
        board, toolchain, flags, settings = [*texts, "", "", "", ""][:4]
        return Identity(
            _MACHINE_OF_NUMBER.get(machine, "emulator"),
            _COUNTER_OF_NUMBER.get(counter, "ticks"),
            *(clock, rate, inputs, outputs, arena, flash, code, layers),
            model=model,
            board=board,
            toolchain=toolchain,
            flags=flags,
            settings=settings,
        )

    def run(self, who: Identity, sample: bytes, runs: int = 1) -> tuple[bytes, InferenceCounts]:
        """Runs the network on one input, and returns its output and the counts.

        - who: the result of `identify`.
        - sample: the input, of `who.input_bytes` bytes.
        - runs: the number of inferences. The network overwrites its input, so all inferences after the first compute on
          its remains; they only show how the counts vary.

        Raises `DeviceError` if the board falls silent or is reset again and again.
        """
        for _ in range(_RESTARTS):
            try:
                return self._run(who, sample, runs)
            except _Reset:
                continue
            except _Silence as e:
                raise DeviceError(
                    f"serial port {self.port}: the board fell silent while {self._doing}: is it still plugged in, did "
                    "it crash?"
                ) from e
        raise DeviceError(
            f"serial port {self.port}: the board was reset {_RESTARTS} times while {self._doing}: is its power steady?"
        )

    def _run(self, who: Identity, sample: bytes, runs: int) -> tuple[bytes, InferenceCounts]:
        """One attempt of `run`, with its arguments. Raises `_Reset` to start again, and `_Silence` to give up."""
        with self._step("writing the input"):
            piece = PAYLOAD_BYTES - 4
            for at in range(0, len(sample), piece):
                self._ask(_WRITE, struct.pack("<I", at) + sample[at : at + piece])
        with self._step("running the network"):
            self._ask(_RUN, struct.pack("<I", runs))
            first, least, most, stack = struct.unpack("<4I", self._result())
        with self._step("reading the output"):
            output = b"".join(
                self._ask(_READ, struct.pack("<IH", at, n)) for at, n in _pieces(who.output_bytes, PAYLOAD_BYTES)
            )
            raw = b"".join(
                self._ask(_LAYERS, struct.pack("<HH", at, n)) for at, n in _pieces(who.layers, PAYLOAD_BYTES // 4)
            )
        if len(output) != who.output_bytes or len(raw) != 4 * who.layers:
            raise DeviceError(
                f"serial port {self.port}: the firmware's answers are too short: write it again (--flash)"
            )
        layers = struct.unpack(f"<{who.layers}I", raw)
        return output, InferenceCounts(first, least, most, layers, None if stack == _UNKNOWN_STACK else stack)

    def _result(self) -> bytes:
        """Returns the payload of the result. Repeats the request until the runs are over, as the board does not listen
        meanwhile."""
        end, pause = time.monotonic() + _RUN_S, 0.05
        for k in range(1_000_000):
            try:
                return self._ask(_RESULT, tries=1, seconds=pause, padded=k % 8 == 7)
            except _Silence:
                pause = min(1.0, 1.5 * pause)
                if time.monotonic() > end:
                    raise
        raise _Silence

    def _ask(
        self, kind: int, payload: bytes = b"", tries: int = 0, seconds: float = _ANSWER_S, padded: bool = False
    ) -> bytes:
        """Sends a request until its answer comes, and returns the payload of the answer.

        - kind: the type of the request's frame.
        - payload: its payload.
        - tries: the most attempts; 0 for `_TRIES`.
        - seconds: how long to wait for an answer, beyond the time for its bytes.
        - padded: whether to send padding before the first attempt, as before all others.

        Raises `_Silence` if no answer arrives, `_Reset` if the board has lost its data, and `DeviceError` if it refuses
        the request for another reason.
        """
        self._sequence = (self._sequence + 1) % 256
        request = encode_frame(Frame(kind, self._sequence, payload))
        wait = seconds + 10 * (len(request) + PAYLOAD_BYTES) / self.baud
        for attempt in range(tries or _TRIES):
            parser = FrameParser()
            # After a failure the board may be waiting for the rest of a frame whose length was damaged.
            self._line.write((PADDING if attempt or padded else b"") + request)
            end = time.monotonic() + wait + (10 * len(PADDING) / self.baud if attempt or padded else 0)
            while time.monotonic() < end:
                data = self._line.read(max(1, self._line.in_waiting))
                self._heard += len(data)
                for frame in parser.feed(data):
                    if frame.sequence != self._sequence:
                        continue  # the answer to an earlier, abandoned request
                    if frame.type == kind | _ANSWER:
                        self._heard = 0
                        return frame.payload
                    if frame.type == _REFUSED:
                        self._refused(frame.payload)
        raise _Silence

    def _refused(self, payload: bytes) -> None:
        """Raises the error for a request that was refused; `payload` begins with the reason."""
        reason = payload[0] if payload else 0
        if reason in _LOST:
            raise _Reset
        what = _REASONS.get(reason, f"something (reason {reason})")
        raise DeviceError(
            f"serial port {self.port}: the firmware refuses {what} while {self._doing}: write it again (--flash)"
        )

    def _silence(self) -> str:
        """Returns why there may be no answer, as a message."""
        if self._heard:
            return (
                f"{self._heard:,} bytes came at {self.baud:,} baud, but no answer: other firmware is on the board "
                "(--flash writes ours), the line is bad, or its speed is another (serial:PORT@BAUD)"
            )
        return (
            f"nothing answers at {self.baud:,} baud: is the board on, is this its port, and is the firmware on it "
            "(--flash writes it)?"
        )

    @contextmanager
    def _step(self, doing: str) -> Iterator[None]:
        """Adds the current step to errors in the block, and converts a broken line to a `DeviceError`."""
        self._doing = doing
        try:
            yield
        except self._failures as e:
            raise DeviceError(
                f"serial port {self.port}: the line broke off while {doing}: was the board unplugged?"
            ) from e


def _pieces(total: int, most: int) -> list[tuple[int, int]]:
    """Divides `total` into pieces of at most `most`; returns the start and the length of each."""
    return [(at, min(most, total - at)) for at in range(0, total, most)]


def _open_failure(error: Exception) -> str:
    """Returns why a port could not be opened, as a message."""
    text = str(getattr(error, "strerror", None) or error)
    if "No such file" in text or "FileNotFoundError" in text:
        return "there is no such port"
    if "Permission denied" in text or "PermissionError" in text:
        return "no permission to open it; on Linux, join the group that owns it (often dialout)"
    if "exclusively lock" in text or "busy" in text:
        return "another program holds it; close that"
    return f"cannot open it ({' '.join(text.split())})"


def _ports() -> str:
    """Returns a message that lists the serial ports."""
    from serial.tools import list_ports

    found = sorted(p.device for p in list_ports.comports())
    return f"there are: {', '.join(found)}" if found else "no serial port is there: is the board plugged in?"


def parse_device(device: str) -> tuple[str, int]:
    """Returns the port and the speed of a device `serial:PORT[@BAUD]`. Raises `SpecError` for any other text."""
    port, at, rate = device.removeprefix("serial:").rpartition("@")
    if not at:
        port, rate = rate, str(BAUD)
    if not port:
        raise SpecError(
            f"device '{device}': name a port: serial:/dev/ttyACM0, serial:COM3, or with a speed serial:COM3@921600"
        )
    if not rate.isdigit() or not 1200 <= int(rate) <= 4_000_000:
        raise SpecError(f"device '{device}': the speed '{rate}' is not a number from 1200 to 4000000")
    return port, int(rate)


def run_all(
    session: Session, who: Identity, x: npt.NDArray[np.int8], runs: int
) -> tuple[npt.NDArray[np.int8], InferenceCounts]:
    """Runs the network on several inputs.

    - who: what the session's `identify` returned.
    - x: inputs int8 `[N, input bytes]`, N at least 1.
    - runs: the number of inferences of the first input.

    Returns outputs int8 `[N, output bytes]` and the counts for the first input. Raises the `DeviceError` of
    `Session.run`.
    """
    first, counts = session.run(who, x[0].tobytes(), runs)
    rest = [session.run(who, sample.tobytes())[0] for sample in x[1:]]
    return np.frombuffer(b"".join([first, *rest]), np.int8).reshape(len(x), who.output_bytes), counts
