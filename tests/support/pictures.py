"""The C of front ends of pictures, as tests call it."""

from collections.abc import Mapping

CALL = "micronets_model_frontend_picture((const uint8_t *)in, work, (int8_t *)out)"
"""The call for `tests.support.front_end_firmware.simulated`."""


def work_bytes(files: Mapping[str, str]) -> int:
    """Returns the bytes that the header of a front end of pictures asks for."""
    line = next(line for line in files["model_frontend.h"].splitlines() if "FRONTEND_BYTES " in line)
    return int(line.split()[-1])
