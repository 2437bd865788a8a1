/* SPDX-License-Identifier: MIT */
/*
 * bounds.c: arithmetic on the bounds of numbers (bounds.h). A function may return wider bounds than
 * necessary, but they include every value that run.c can compute.
 */
#include "kernel/bpf/bounds.h"

#include "kernel/bpf/internal.h"

#define U32_TOP 0xfffffffful
#define SIGN64 (1ul << 63)
#define S64_LOWEST ((s64)SIGN64)
#define S32_LOWEST (-0x80000000l)
#define S32_HIGHEST 0x7fffffffl

/* ---- known bits ---- */

static struct tnum bits_add(struct tnum a, struct tnum b)
{
	u64 low = a.value + b.value, high = low + (a.mask + b.mask);
	u64 mask = (low ^ high) | a.mask | b.mask;

	return (struct tnum){ low & ~mask, mask };
}

static struct tnum bits_sub(struct tnum a, struct tnum b)
{
	u64 mid = a.value - b.value;
	u64 mask = ((mid + a.mask) ^ (mid - b.mask)) | a.mask | b.mask;

	return (struct tnum){ mid & ~mask, mask };
}

static struct tnum bits_and(struct tnum a, struct tnum b)
{
	u64 may = (a.value | a.mask) & (b.value | b.mask), is = a.value & b.value;

	return (struct tnum){ is, may & ~is };
}

static struct tnum bits_or(struct tnum a, struct tnum b)
{
	u64 is = a.value | b.value;

	return (struct tnum){ is, (a.mask | b.mask) & ~is };
}

static struct tnum bits_xor(struct tnum a, struct tnum b)
{
	u64 mask = a.mask | b.mask;

	return (struct tnum){ (a.value ^ b.value) & ~mask, mask };
}

static struct tnum bits_mul(struct tnum a, struct tnum b)
{
	struct tnum sum = { a.value * b.value, 0 }, part;

	for (; a.value || a.mask; a.value >>= 1, a.mask >>= 1) {
		if (a.value & 1) /* b's unknown bits count once */
			part = (struct tnum){ 0, b.mask };
		else if (a.mask & 1) /* adds b or nothing */
			part = (struct tnum){ 0, b.value | b.mask };
		else
			part = (struct tnum){ 0, 0 };
		sum = bits_add(sum, part);
		b.value <<= 1;
		b.mask <<= 1;
	}
	return sum;
}

/* Returns the bits that all numbers from @min to @max have in common, as known bits. */
static struct tnum bits_between(u64 min, u64 max)
{
	u64 differ = min ^ max, mask = differ ? ~0ul >> __builtin_clzl(differ) : 0;

	return (struct tnum){ min & ~mask, mask };
}

/*
 * Combines what two tnums know about one number, in *a. Returns false if they contradict each
 * other.
 */
static bool bits_meet(struct tnum *a, struct tnum b)
{
	bool ok = !((a->value ^ b.value) & ~a->mask & ~b.mask);
	u64 value = a->value | b.value, mask = a->mask & b.mask;

	*a = (struct tnum){ value & ~mask, mask };
	return ok;
}

static struct tnum bits_low(struct tnum a)
{
	return (struct tnum){ a.value & U32_TOP, a.mask & U32_TOP };
}

/* ---- ranges ---- */

static const struct range any_wide = { 0, ~0ul, S64_LOWEST, S64_MAX };
static const struct range any_low = { 0, U32_TOP, S32_LOWEST, S32_HIGHEST };

static struct range range_any(bool wide)
{
	return wide ? any_wide : any_low;
}

static s64 as_signed(u64 v, bool wide)
{
	return wide ? (s64)v : (s32)v;
}

static u64 as_unsigned(s64 v, bool wide)
{
	return wide ? (u64)v : (u32)v;
}

static struct range range_const(u64 v, bool wide)
{
	u64 u = wide ? v : (u32)v;

	return (struct range){ u, u, as_signed(u, wide), as_signed(u, wide) };
}

static void range_meet(struct range *r, u64 umin, u64 umax)
{
	r->umin = max(r->umin, umin);
	r->umax = min(r->umax, umax);
}

static void range_meet_signed(struct range *r, s64 smin, s64 smax)
{
	r->smin = max(r->smin, smin);
	r->smax = min(r->smax, smax);
}

static bool range_empty(const struct range *r)
{
	return r->umin > r->umax || r->smin > r->smax;
}

/* Narrows a range by the known bits. */
static void range_from_bits(struct range *r, struct tnum t, bool wide)
{
	u64 sign = wide ? SIGN64 : 1ul << 31;

	range_meet(r, t.value, t.value | t.mask);
	range_meet_signed(r, as_signed(t.value | (t.mask & sign), wide),
		as_signed(t.value | (t.mask & ~sign), wide));
}

/*
 * Narrows the signed and unsigned limits by each other, if the range does not cross a change of
 * sign.
 */
static void range_signs(struct range *r, bool wide)
{
	s64 a = as_signed(r->umin, wide), b = as_signed(r->umax, wide);

	if (a <= b)
		range_meet_signed(r, a, b);
	if (r->smin >= 0 || r->smax < 0)
		range_meet(r, as_unsigned(r->smin, wide), as_unsigned(r->smax, wide));
}

/* ---- narrowing by the other parts ---- */

/* Narrows each part once by the others. Returns false if no number satisfies all parts. */
static bool learn(struct bounds *b)
{
	struct range *w = &b->wide, *l = &b->low;
	struct tnum low = bits_low(b->bits), t;
	u64 upper;

	range_from_bits(w, b->bits, true);
	range_from_bits(l, low, false);
	range_signs(w, true);
	range_signs(l, false);
	if (range_empty(w) || range_empty(l))
		return false;
	if (w->umin >> 32 == w->umax >> 32) { /* the upper half is known */
		upper = w->umin & ~U32_TOP;
		range_meet(l, w->umin & U32_TOP, w->umax & U32_TOP);
		range_meet(w, upper | l->umin, upper | l->umax);
	}
	if (w->smin >= S32_LOWEST && w->smax <= S32_HIGHEST) {
		range_meet_signed(l, w->smin, w->smax);
		range_meet_signed(w, l->smin, l->smax);
	}
	if (range_empty(w) || range_empty(l))
		return false;
	if (!bits_meet(&b->bits, bits_between(w->umin, w->umax)))
		return false;
	t = bits_between(l->umin, l->umax);
	t.mask |= ~U32_TOP;
	return bits_meet(&b->bits, t);
}

bool bounds_settle(struct bounds *b)
{
	return learn(b) && learn(b) && learn(b);
}

struct bounds bounds_unknown(void)
{
	return (struct bounds){ { 0, ~0ul }, any_wide, any_low };
}

struct bounds bounds_const(u64 v)
{
	return (struct bounds){ { v, 0 }, range_const(v, true), range_const(v, false) };
}

struct bounds bounds_cast(const struct bounds *a, u32 bits, bool sign, bool wide)
{
	u64 keep = bits == 64 ? ~0ul : (1ul << bits) - 1, top = 1ul << (bits - 1);
	struct bounds r = bounds_unknown();

	r.bits.value = a->bits.value & keep;
	r.bits.mask = a->bits.mask & keep;
	/* Copy the sign bit, or its being unknown, to all bits above it. */
	if (sign) {
		r.bits.value |= r.bits.value & top ? ~keep : 0;
		r.bits.mask |= r.bits.mask & top ? ~keep : 0;
		r.wide.smin = -(s64)(top - 1) - 1;
		r.wide.smax = (s64)(top - 1);
		if (a->wide.smin >= r.wide.smin && a->wide.smax <= r.wide.smax) {
			r.wide.smin = a->wide.smin;
			r.wide.smax = a->wide.smax;
		}
		if (bits == 32)
			range_meet_signed(&r.wide, a->low.smin, a->low.smax);
	} else {
		r.wide.umax = keep;
		if (a->wide.umax <= keep)
			range_meet(&r.wide, a->wide.umin, a->wide.umax);
		if (bits == 32)
			range_meet(&r.wide, a->low.umin, a->low.umax);
	}
	bounds_settle(&r);
	return wide || (!sign && bits <= 32) ? r : bounds_cast(&r, 32, false, true);
}

struct bounds bounds_of_size(u32 bytes, bool sign)
{
	struct bounds any = bounds_unknown();

	return bounds_cast(&any, bytes * 8, sign, true);
}

bool bounds_is_const(const struct bounds *b)
{
	return !b->bits.mask;
}

bool bounds_within(const struct bounds *a, const struct bounds *b)
{
	return !(b->bits.mask & ~a->bits.mask) &&
	       !((a->bits.value ^ b->bits.value) & ~a->bits.mask) && a->wide.umin <= b->wide.umin &&
	       a->wide.umax >= b->wide.umax && a->wide.smin <= b->wide.smin &&
	       a->wide.smax >= b->wide.smax && a->low.umin <= b->low.umin &&
	       a->low.umax >= b->low.umax && a->low.smin <= b->low.smin &&
	       a->low.smax >= b->low.smax;
}

/* ---- operations ---- */

static struct range range_add(const struct range *a, const struct range *b, bool wide)
{
	struct range r = range_any(wide), any = r;
	u64 lo, hi;
	s64 slo, shi;

	if (!__builtin_add_overflow(a->umin, b->umin, &lo) &&
		!__builtin_add_overflow(a->umax, b->umax, &hi) && hi <= any.umax)
		range_meet(&r, lo, hi);
	if (!__builtin_add_overflow(a->smin, b->smin, &slo) && slo >= any.smin &&
		!__builtin_add_overflow(a->smax, b->smax, &shi) && shi <= any.smax)
		range_meet_signed(&r, slo, shi);
	return r;
}

static struct range range_sub(const struct range *a, const struct range *b, bool wide)
{
	struct range r = range_any(wide), any = r;
	s64 slo, shi;

	if (a->umin >= b->umax)
		range_meet(&r, a->umin - b->umax, a->umax - b->umin);
	if (!__builtin_sub_overflow(a->smin, b->smax, &slo) && slo >= any.smin &&
		!__builtin_sub_overflow(a->smax, b->smin, &shi) && shi <= any.smax)
		range_meet_signed(&r, slo, shi);
	return r;
}

static struct range range_mul(const struct range *a, const struct range *b, bool wide)
{
	struct range r = range_any(wide), any = r;
	u64 hi;

	if (!__builtin_mul_overflow(a->umax, b->umax, &hi) && hi <= any.umax)
		range_meet(&r, a->umin * b->umin, hi);
	return r;
}

/* Returns the limits of "a & b" that do not follow from the known bits. */
static struct range range_and(const struct range *a, const struct range *b, bool wide)
{
	struct range r = range_any(wide);

	range_meet(&r, 0, min(a->umax, b->umax));
	return r;
}

static struct range range_or(const struct range *a, const struct range *b, bool wide)
{
	struct range r = range_any(wide);

	range_meet(&r, max(a->umin, b->umin), r.umax);
	return r;
}

static struct range range_op(u8 op, const struct range *a, const struct range *b, bool wide)
{
	switch (op) {
	case BPF_ADD: return range_add(a, b, wide);
	case BPF_SUB: return range_sub(a, b, wide);
	case BPF_MUL: return range_mul(a, b, wide);
	case BPF_AND: return range_and(a, b, wide);
	case BPF_OR: return range_or(a, b, wide);
	default: return range_any(wide);
	}
}

static struct tnum bits_op(u8 op, struct tnum a, struct tnum b)
{
	switch (op) {
	case BPF_ADD: return bits_add(a, b);
	case BPF_SUB: return bits_sub(a, b);
	case BPF_MUL: return bits_mul(a, b);
	case BPF_AND: return bits_and(a, b);
	case BPF_OR: return bits_or(a, b);
	case BPF_XOR: return bits_xor(a, b);
	default: return (struct tnum){ 0, ~0ul };
	}
}

/*
 * Shifts a number by a known count. Its bits are *@t and its limits *@r, both of the width @wide.
 */
static void shift(u8 op, bool wide, u32 by, struct tnum *t, struct range *r)
{
	struct range out = range_any(wide);
	u64 keep = wide ? ~0ul : U32_TOP;

	switch (op) {
	case BPF_LSH:
		if (r->umax << by >> by == r->umax && r->umax << by <= keep)
			range_meet(&out, r->umin << by, r->umax << by);
		*t = (struct tnum){ t->value << by & keep, t->mask << by & keep };
		break;
	case BPF_RSH:
		range_meet(&out, r->umin >> by, r->umax >> by);
		*t = (struct tnum){ t->value >> by, t->mask >> by };
		break;
	default:
		range_meet_signed(&out, r->smin >> by, r->smax >> by);
		t->value = (u64)(as_signed(t->value, wide) >> by) & keep;
		t->mask = (u64)(as_signed(t->mask, wide) >> by) & keep;
	}
	*r = out;
}

static struct bounds do_shift(u8 op, bool wide, const struct bounds *a, const struct bounds *b)
{
	struct bounds r = bounds_unknown();
	struct range *part = wide ? &r.wide : &r.low;
	u64 by = b->bits.value & (wide ? 63 : 31);

	if (!bounds_is_const(b)) {
		if (op == BPF_RSH)
			range_meet(part, 0, wide ? a->wide.umax : a->low.umax);
		return r;
	}
	r.bits = wide ? a->bits : bits_low(a->bits);
	*part = wide ? a->wide : a->low;
	shift(op, wide, (u32)by, &r.bits, part);
	return r;
}

/*
 * Returns the bounds of a quotient or remainder. By zero, DIV gives 0 and MOD the dividend. Signed
 * results get no bounds.
 */
static struct bounds do_divide(
	u8 op, bool wide, s16 off, const struct bounds *a, const struct bounds *b)
{
	struct bounds r = bounds_unknown();
	const struct range *x = wide ? &a->wide : &a->low, *y = wide ? &b->wide : &b->low;
	struct range *out = wide ? &r.wide : &r.low;

	if (off)
		return r;
	if (op == BPF_DIV)
		range_meet(out, 0, x->umax);
	else
		range_meet(out, 0, y->umin ? min(x->umax, y->umax - 1) : x->umax);
	return r;
}

struct bounds bounds_alu(u8 op, bool wide, s16 off, const struct bounds *a, const struct bounds *b)
{
	struct bounds r = bounds_unknown();
	/* True if the lower half of the result depends only on the lower halves of the operands */
	bool low_alone = false;

	if (bounds_is_const(a) && bounds_is_const(b))
		return bounds_const(ebpf_alu(op, wide, off, a->bits.value, b->bits.value));
	switch (op) {
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH: r = do_shift(op, wide, a, b); break;
	case BPF_DIV:
	case BPF_MOD: r = do_divide(op, wide, off, a, b); break;
	default:
		low_alone = true;
		r.bits = bits_op(op, a->bits, b->bits);
		r.wide = range_op(op, &a->wide, &b->wide, true);
		r.low = range_op(op, &a->low, &b->low, false);
	}
	/* A 32-bit operation clears the upper half of the result. */
	if (!wide) {
		r.bits = bits_low(r.bits);
		r.wide = any_wide;
		range_meet(&r.wide, r.low.umin, r.low.umax);
	} else if (!low_alone) {
		r.low = any_low;
	}
	bounds_settle(&r);
	return r;
}

/* ---- comparisons ---- */

/* Narrows the range by the fact that the number is not @k, if @k is one of its limits. */
static void take_out(struct range *r, u64 k, bool wide)
{
	s64 s = as_signed(k, wide);

	if (r->umin == r->umax && r->umin == k) {
		r->umin = 1;
		r->umax = 0; /* an empty range */
		return;
	}
	r->umin += r->umin == k;
	r->umax -= r->umax == k;
	if (r->smin == r->smax)
		return;
	r->smin += r->smin == s;
	r->smax -= r->smax == s;
}

/* Narrows both ranges by a < b, or with @equal by a <= b. Returns false if that is impossible. */
static bool order(struct range *a, struct range *b, bool equal)
{
	if (!equal && (!b->umax || a->umin == ~0ul))
		return false;
	a->umax = min(a->umax, b->umax - !equal);
	b->umin = max(b->umin, a->umin + !equal);
	return !range_empty(a) && !range_empty(b);
}

static bool order_signed(struct range *a, struct range *b, bool equal)
{
	if (!equal && (b->smax == S64_LOWEST || a->smin == S64_MAX))
		return false;
	a->smax = min(a->smax, b->smax - !equal);
	b->smin = max(b->smin, a->smin + !equal);
	return !range_empty(a) && !range_empty(b);
}

static void make_equal(struct range *a, struct range *b)
{
	range_meet(a, b->umin, b->umax);
	range_meet_signed(a, b->smin, b->smax);
	*b = *a;
}

static bool refine_equal(bool wide, struct bounds *a, struct bounds *b)
{
	struct tnum t = b->bits;

	make_equal(&a->low, &b->low);
	if (wide) {
		make_equal(&a->wide, &b->wide);
	} else {
		t = bits_low(t);
		t.mask |= ~U32_TOP;
	}
	if (!bits_meet(&a->bits, t))
		return false;
	t = a->bits;
	if (!wide) {
		t = bits_low(t);
		t.mask |= ~U32_TOP;
	}
	return bits_meet(&b->bits, t);
}

static void refine_unequal(bool wide, struct bounds *a, struct bounds *b)
{
	struct range *ra = wide ? &a->wide : &a->low, *rb = wide ? &b->wide : &b->low;

	if (rb->umin == rb->umax)
		take_out(ra, rb->umin, wide);
	else if (ra->umin == ra->umax)
		take_out(rb, ra->umin, wide);
}

/*
 * Narrows @a by the fact that "a & b" is nonzero (@holds) or zero. Returns false if that is
 * impossible.
 */
static bool refine_set(bool wide, bool holds, struct bounds *a, const struct bounds *b)
{
	u64 k = b->bits.value;
	struct tnum zero;

	if (!wide ? b->bits.mask & U32_TOP : b->bits.mask)
		return true; /* the other operand is unknown */
	if (!wide)
		k &= U32_TOP;
	if (holds) { /* at least one of these bits is set */
		if (!((a->bits.value | a->bits.mask) & k))
			return false;
		if (!(k & (k - 1)))
			return bits_meet(&a->bits, (struct tnum){ k, ~k });
		return true;
	}
	zero = (struct tnum){ 0, ~k };
	return bits_meet(&a->bits, zero);
}

static u8 opposite(u8 op)
{
	switch (op) {
	case BPF_JEQ: return BPF_JNE;
	case BPF_JNE: return BPF_JEQ;
	case BPF_JGT: return BPF_JLE;
	case BPF_JLE: return BPF_JGT;
	case BPF_JGE: return BPF_JLT;
	case BPF_JLT: return BPF_JGE;
	case BPF_JSGT: return BPF_JSLE;
	case BPF_JSLE: return BPF_JSGT;
	case BPF_JSGE: return BPF_JSLT;
	default: return BPF_JSGE; /* @op is BPF_JSLT */
	}
}

bool bounds_refine(u8 op, bool wide, bool holds, struct bounds *a, struct bounds *b)
{
	struct range *ra = wide ? &a->wide : &a->low, *rb = wide ? &b->wide : &b->low;
	bool ok = true;

	if (op == BPF_JSET)
		return refine_set(wide, holds, a, b) && bounds_settle(a);
	if (!holds)
		op = opposite(op);
	switch (op) {
	case BPF_JEQ: ok = refine_equal(wide, a, b); break;
	case BPF_JNE: refine_unequal(wide, a, b); break;
	case BPF_JLT:
	case BPF_JLE: ok = order(ra, rb, op == BPF_JLE); break;
	case BPF_JGT:
	case BPF_JGE: ok = order(rb, ra, op == BPF_JGE); break;
	case BPF_JSLT:
	case BPF_JSLE: ok = order_signed(ra, rb, op == BPF_JSLE); break;
	case BPF_JSGT:
	case BPF_JSGE: ok = order_signed(rb, ra, op == BPF_JSGE); break;
	}
	return ok && bounds_settle(a) && bounds_settle(b);
}
