/* Chooses the kernels that are built for the core and the compiler at hand. No other file asks which core or compiler
 * that is.
 *
 * Every kernel is written in portable C99 in csrc/plain, which defines what it computes and runs on every core. Some
 * are written a second time in csrc/dsp, for Arm cores whose DSP extension multiplies two pairs of 16-bit values at
 * once: Cortex-M4, M7 and M33 (ARMv7E-M and ARMv8-M Main). Both give the same bytes. A file of csrc/dsp is empty
 * where MICRONETS_DSP is 0, and a file of csrc/plain that has a counterpart there is empty where that is built. Some
 * are written in csrc/mve as well, for cores with vectors of 16 bytes (Helium): Cortex-M52, M55 and M85. Where
 * MICRONETS_MVE is 1 these are built, and their counterparts in the other folders are empty.
 *
 * This header is read by C and, for its numbers, by the assembler. */
#ifndef MICRONETS_TARGET_H
#define MICRONETS_TARGET_H

/* 1 if the core that the compiler builds for has the DSP extension, and the compiler takes the assembly of
 * micronets_dsp.h and of csrc/dsp: Thumb-2, as GCC and Clang assemble it. */
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)
#define MICRONETS_DSP_CORE 1
#else
#define MICRONETS_DSP_CORE 0
#endif

/* 1 if the kernels for the DSP extension are built. That is decided by the core, unless it is given on the command
 * line: -DMICRONETS_DSP=0 builds the portable kernels on any core, and -DMICRONETS_DSP=1 builds the others on any core,
 * their instructions written out in C, so that their logic can be tested on every machine. */
#ifndef MICRONETS_DSP
#define MICRONETS_DSP MICRONETS_DSP_CORE
#endif

/* 1 if the kernels in assembly (csrc/dsp, .S) are built. */
#define MICRONETS_DSP_ASSEMBLY (MICRONETS_DSP && MICRONETS_DSP_CORE)

/* 1 if the kernels for Arm's vector extension are built: in packages for a core that has it, which say so by
 * MICRONETS_MVE_PACKAGE, on every such core. -DMICRONETS_MVE=0 builds their counterparts on it. */
#ifndef MICRONETS_MVE
#if defined(MICRONETS_MVE_PACKAGE) && defined(__ARM_FEATURE_MVE) && defined(__GNUC__)
#define MICRONETS_MVE 1
#else
#define MICRONETS_MVE 0
#endif
#endif

/* 1 if whole loops are written as inline assembly within C. They need 13 registers, which only an optimising GCC finds:
 * Clang, and GCC with -O0, compile the same loops from C. */
#if MICRONETS_DSP_ASSEMBLY && !defined(__clang__) && defined(__OPTIMIZE__)
#define MICRONETS_DSP_LOOPS 1
#else
#define MICRONETS_DSP_LOOPS 0
#endif

/* 1 if the core has no instruction for a product of 64 bits, which would call a function of the compiler's: Cortex-M0+
 * and M23. It may be given on the command line as well. */
#ifndef MICRONETS_NARROW_PRODUCTS
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#define MICRONETS_NARROW_PRODUCTS 1
#else
#define MICRONETS_NARROW_PRODUCTS 0
#endif
#endif

/* 1 if loops are written as inline assembly for cores whose instructions have 16 bits: Cortex-M0+ and M23. GCC adds
 * moves between registers to the same loops in C, and only an optimising one leaves all eight low registers to them. */
#if MICRONETS_NARROW_PRODUCTS && defined(__thumb__) && !defined(__clang__) && defined(__OPTIMIZE__)
#define MICRONETS_THUMB_LOOPS 1
#else
#define MICRONETS_THUMB_LOOPS 0
#endif

/* 1 if there are 30 registers for values, and not 13. */
#if defined(__riscv) && !defined(__riscv_32e)
#define MICRONETS_MANY_REGISTERS 1
#else
#define MICRONETS_MANY_REGISTERS 0
#endif

#ifndef __ASSEMBLER__

/* MICRONETS_INLINE is for inner loops, which are fast only as part of the loop around them. MICRONETS_APART keeps a
 * loop out of its caller, so that it has all registers for itself. MICRONETS_LEADING_ZEROS counts the zeros in front of
 * a 32-bit number above 0; it is not there for compilers without a function for that. */
#if defined(__GNUC__)
#define MICRONETS_LEADING_ZEROS(value) __builtin_clz(value)
#define MICRONETS_INLINE static inline __attribute__((always_inline))
#define MICRONETS_APART static __attribute__((noinline, unused))
#else
#define MICRONETS_INLINE static inline
#define MICRONETS_APART static
#endif

/* MICRONETS_SMALL is for code that takes little of the time: GCC compiles it for size, without calls of memset. */
#if defined(__GNUC__) && !defined(__clang__)
#define MICRONETS_SMALL __attribute__((optimize("Os", "no-tree-loop-distribute-patterns")))
#else
#define MICRONETS_SMALL
#endif

/* MICRONETS_IN_ORDER is for sums of products without a sign: GCC adds each product as the code says, by an instruction
 * that multiplies and adds where there is one, and not the products to each other first. Nor does it load so many
 * values ahead that sums lie in memory. */
#if defined(__GNUC__) && !defined(__clang__)
#define MICRONETS_IN_ORDER __attribute__((optimize("no-tree-reassoc", "no-schedule-insns")))
#else
#define MICRONETS_IN_ORDER
#endif

#endif
#endif
