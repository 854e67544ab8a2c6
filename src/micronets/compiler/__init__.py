"""Any int8 network as C that is smaller than TFLM and computes the same bytes."""

from micronets.compiler.arena import ArenaPlan, plan_arena
from micronets.compiler.codegen import Compiled, compile_model
from micronets.compiler.passes import optimise
from micronets.compiler.patches import plan_patches

__all__ = ["ArenaPlan", "Compiled", "compile_model", "optimise", "plan_arena", "plan_patches"]
