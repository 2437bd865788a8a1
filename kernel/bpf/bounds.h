/* SPDX-License-Identifier: MIT */
/*
 * bounds.h: what the verifier knows of a number: some of its bits, and its limits when it is read
 * as 64 bits and as its lower 32, unsigned and signed. All parts are true at the same time;
 * bounds_settle() narrows each part by the others.
 *
 * Known bits (tnum): a bit that is set in @mask is unknown, @value has the others (Vishwanathan et
 * al., "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers", 2022).
 */
#ifndef NESTLING_BPF_BOUNDS_H
#define NESTLING_BPF_BOUNDS_H

#include "kernel/lib/types.h"

struct tnum {
	u64 value, mask;
};

/* Of 32 bits: umin and umax with zeros above, smin and smax with the sign. */
struct range {
	u64 umin, umax;
	s64 smin, smax;
};

struct bounds {
	struct tnum bits;
	struct range wide, low; /* all 64 bits; the lower 32 */
};

struct bounds bounds_const(u64 v);
struct bounds bounds_unknown(void);
/* Of a value of @bytes bytes (1, 2, 4, 8), extended by zeros or by its sign. */
struct bounds bounds_of_size(u32 bytes, bool sign);
bool bounds_is_const(const struct bounds *b);
/* Each part learns from the others. False: nothing is left, so there is no such number. */
bool bounds_settle(struct bounds *b);
/*
 * The result of an operation of BPF_ALU64 (wide) or BPF_ALU; @off: 1 of BPF_DIV and BPF_MOD are
 * signed.
 */
struct bounds bounds_alu(u8 op, bool wide, s16 off, const struct bounds *a, const struct bounds *b);
/* The lower @bits of it, with zeros above or the sign; the upper half zero unless @wide. */
struct bounds bounds_cast(const struct bounds *a, u32 bits, bool sign, bool wide);
/*
 * What is left of two numbers of which "a op b" is true (or is not: @holds). False: it cannot be.
 */
bool bounds_refine(u8 op, bool wide, bool holds, struct bounds *a, struct bounds *b);
/* Is all that @b may be something that @a may be? */
bool bounds_within(const struct bounds *a, const struct bounds *b);

#endif
