/* SPDX-License-Identifier: MIT */
/*
 * bounds.h: what the verifier knows about a number: some of its bits, and limits of its 64 bits and
 * of its lower 32 bits, each read as unsigned and as signed. All these parts are true at the same
 * time, and bounds_settle() narrows each part by the others.
 *
 * Known bits (tnum): a bit that is set in @mask is unknown, @value has the known bits (Vishwanathan
 * et al., "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers", 2022).
 *
 * The functions use only their arguments, and do not sleep. Bounds that they return are settled.
 */
#ifndef NESTLING_BPF_BOUNDS_H
#define NESTLING_BPF_BOUNDS_H

#include "kernel/lib/types.h"

struct tnum {
	u64 value, mask;
};

/*
 * Limits of a number. For the lower 32 bits, umin and umax are zero-extended, and smin and smax
 * sign-extended.
 */
struct range {
	u64 umin, umax;
	s64 smin, smax;
};

struct bounds {
	struct tnum bits;
	struct range wide, low; /* of all 64 bits, of the lower 32 */
};

struct bounds bounds_const(u64 v);
struct bounds bounds_unknown(void); /* of any 64-bit number */
/*
 * Returns the bounds of an unknown value of @bytes bytes (1, 2, 4, 8) that is zero-extended, or
 * with @sign sign-extended.
 */
struct bounds bounds_of_size(u32 bytes, bool sign);
bool bounds_is_const(const struct bounds *b);
/* Narrows each part by the others. Returns false if no number can satisfy all parts. */
bool bounds_settle(struct bounds *b);
/*
 * Returns the bounds of "a op b", an operation of BPF_ALU64 (@wide) or BPF_ALU. @op: BPF_ADD and so
 * on. @off: 1 for signed BPF_DIV and BPF_MOD.
 */
struct bounds bounds_alu(u8 op, bool wide, s16 off, const struct bounds *a, const struct bounds *b);
/*
 * Returns the bounds of the lower @bits bits, zero-extended, or with @sign sign-extended. Unless
 * @wide, the upper 32 bits of the result are zero.
 */
struct bounds bounds_cast(const struct bounds *a, u32 bits, bool sign, bool wide);
/*
 * Narrows the bounds of two numbers for which "a op b" is true (@holds) or false. @op: BPF_JEQ and
 * so on; unless @wide it compares the lower 32 bits. Returns false if no such numbers exist.
 */
bool bounds_refine(u8 op, bool wide, bool holds, struct bounds *a, struct bounds *b);
/* True if @a allows all numbers that @b allows. */
bool bounds_within(const struct bounds *a, const struct bounds *b);

#endif
