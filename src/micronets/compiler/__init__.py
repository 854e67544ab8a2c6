"""Any int8 network as C that is smaller than TFLM and computes the same bytes."""

from micronets.compiler.generate.model_c import Compiled, compile_model
from micronets.compiler.memory.choose_patches import plan_patches
from micronets.compiler.memory.plan import ArenaPlan, plan_arena
from micronets.compiler.passes.pipeline import optimise

__all__ = ["ArenaPlan", "Compiled", "compile_model", "optimise", "plan_arena", "plan_patches"]
