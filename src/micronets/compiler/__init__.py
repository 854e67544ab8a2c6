"""The compiler: turns an integer network into portable C with the same bytes, by passes, kernels and a memory plan."""

from micronets.compiler.generate.model_c import Compiled, compile_model, compiled_contents
from micronets.compiler.memory.choose_patches import plan_patches
from micronets.compiler.memory.plan import ArenaPlan, plan_arena
from micronets.compiler.passes.pipeline import optimise
from micronets.frontend.camera import camera_of

__all__ = [
    "ArenaPlan",
    "Compiled",
    "camera_of",
    "compile_model",
    "compiled_contents",
    "optimise",
    "plan_arena",
    "plan_patches",
]
