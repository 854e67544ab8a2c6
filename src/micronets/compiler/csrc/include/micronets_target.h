/* Chooses the kernels to build for the current core and compiler. No other file tests for the core or the compiler.
 *
 * Every kernel exists in portable C99 in csrc/plain, which defines its results and runs on every core. Some have a
 * second version in csrc/dsp, for Arm cores whose DSP extension multiplies two pairs of 16-bit values at once:
 * Cortex-M4, M7 and M33 (ARMv7E-M and ARMv8-M Main). Both give the same bytes. If MICRONETS_DSP is 0, the files of
 * csrc/dsp compile to nothing. If a file there is built, its counterpart in csrc/plain compiles to nothing. Some
 * kernels also have a version in csrc/mve, for cores with 16-byte vectors (Helium): Cortex-M52, M55 and M85. If
 * MICRONETS_MVE is 1, these are built and their counterparts in the other folders compile to nothing.
 *
 * C includes this header, and the assembler includes it for its numbers. */
#ifndef MICRONETS_TARGET_H
#define MICRONETS_TARGET_H

/* 1 if the target core has the DSP extension and the compiler accepts the assembly of micronets_dsp.h and csrc/dsp:
 * Thumb-2 in the syntax of GCC and Clang. */
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)
#define MICRONETS_DSP_CORE 1
#else
#define MICRONETS_DSP_CORE 0
#endif

/* 1 if the kernels for the DSP extension are built. The core decides, unless the command line does: -DMICRONETS_DSP=0
 * builds the portable kernels on any core. -DMICRONETS_DSP=1 builds the DSP kernels on any core with their instructions
 * implemented in C, so that every machine can test their logic. */
#ifndef MICRONETS_DSP
#define MICRONETS_DSP MICRONETS_DSP_CORE
#endif

/* 1 if the kernels in assembly (csrc/dsp, .S) are built. */
#define MICRONETS_DSP_ASSEMBLY (MICRONETS_DSP && MICRONETS_DSP_CORE)

/* 1 if the kernels for Arm's vector extension are built: on every core that has it, in packages for such cores, which
 * define MICRONETS_MVE_PACKAGE. -DMICRONETS_MVE=0 builds their counterparts instead. */
#ifndef MICRONETS_MVE
#if defined(MICRONETS_MVE_PACKAGE) && defined(__ARM_FEATURE_MVE) && defined(__GNUC__)
#define MICRONETS_MVE 1
#else
#define MICRONETS_MVE 0
#endif
#endif

/* 1 if C contains whole loops as inline assembly. They need 13 registers, which only an optimising GCC provides: Clang,
 * and GCC with -O0, compile the same loops from C. */
#if MICRONETS_DSP_ASSEMBLY && !defined(__clang__) && defined(__OPTIMIZE__)
#define MICRONETS_DSP_LOOPS 1
#else
#define MICRONETS_DSP_LOOPS 0
#endif

/* 1 if the core has no instruction for a 64-bit product, so that the compiler would call a library function: Cortex-M0+
 * and M23. The command line may define it too. */
#ifndef MICRONETS_NARROW_PRODUCTS
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#define MICRONETS_NARROW_PRODUCTS 1
#else
#define MICRONETS_NARROW_PRODUCTS 0
#endif
#endif

/* 1 if C contains loops as inline assembly for cores with 16-bit instructions: Cortex-M0+ and M23. From the same loops
 * in C, GCC generates additional moves between registers; only an optimising GCC leaves all eight low registers to the
 * assembly. */
#if MICRONETS_NARROW_PRODUCTS && defined(__thumb__) && !defined(__clang__) && defined(__OPTIMIZE__)
#define MICRONETS_THUMB_LOOPS 1
#else
#define MICRONETS_THUMB_LOOPS 0
#endif

/* 1 if there are 30 registers for values instead of 13. */
#if defined(__riscv) && !defined(__riscv_32e)
#define MICRONETS_MANY_REGISTERS 1
#else
#define MICRONETS_MANY_REGISTERS 0
#endif

#ifndef __ASSEMBLER__

/* MICRONETS_INLINE is for inner loops, which are fast only as part of the surrounding loop. MICRONETS_APART keeps a
 * loop out of its caller, so that it can use all registers. MICRONETS_LEADING_ZEROS counts the leading zero bits of a
 * 32-bit number above 0; it is undefined for compilers without such a function. */
#if defined(__GNUC__)
#define MICRONETS_LEADING_ZEROS(value) __builtin_clz(value)
#define MICRONETS_INLINE static inline __attribute__((always_inline))
#define MICRONETS_APART static __attribute__((noinline, unused))
#else
#define MICRONETS_INLINE static inline
#define MICRONETS_APART static
#endif

/* MICRONETS_SMALL is for code that is not time-critical: GCC compiles it for size, without calls of memset. */
#if defined(__GNUC__) && !defined(__clang__)
#define MICRONETS_SMALL __attribute__((optimize("Os", "no-tree-loop-distribute-patterns")))
#else
#define MICRONETS_SMALL
#endif

/* MICRONETS_IN_ORDER is for sums of unsigned products: GCC then adds each product in the order of the code, with a
 * multiply-add instruction if there is one, instead of first adding products to each other. Nor does it load so many
 * values in advance that sums spill to memory. */
#if defined(__GNUC__) && !defined(__clang__)
#define MICRONETS_IN_ORDER __attribute__((optimize("no-tree-reassoc", "no-schedule-insns")))
#else
#define MICRONETS_IN_ORDER
#endif

#endif
#endif
