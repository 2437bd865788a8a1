/* SPDX-License-Identifier: MIT */
/*
 * verify_mem.c: loads and stores of the stack, the context, values of maps, and packets. Also
 * checks memory that a program passes to helpers.
 */
#include <linux/filter.h>

#include "kernel/bpf/map.h"
#include "kernel/bpf/verify.h"
#include "kernel/lib/string.h"

#define CTX_MAX 4096

/* ---- the stack ---- */

/* Records that the function of @frame uses @bytes bytes of stack. */
static void note_depth(struct verifier *v, u32 frame, u32 bytes)
{
	u16 *d = &v->depth_of[v->now->frame[frame]->start];

	*d = max(*d, (u16)bytes);
}

static struct slot *slot_of(struct frame *f, s32 at)
{
	return &f->s[(u32)(-at - 1) / 8];
}

/* Returns the bit for the byte at @at in its slot. Bit 0 is the lowest address. */
static u8 byte_bit(s32 at)
{
	return (u8)(1u << (u32)(at & 7));
}

/*
 * Sets [*lo, *hi) to the bytes of the stack that an access may touch. Refuses the access if it may
 * be outside of the stack. Returns 0 or -errno.
 */
static int stack_span(struct verifier *v, const struct reg *p, s32 off, u32 size, s32 *lo, s32 *hi)
{
	s64 min = (s64)p->off + off + p->b.wide.smin,
	    max = (s64)p->off + off + p->b.wide.smax + size;

	if (p->b.wide.smin < -MAX_OFF || p->b.wide.smax > MAX_OFF)
		return refuse(v, -EACCES, "invalid unbounded variable-offset access to stack");
	if (min < -EBPF_STACK || max > 0)
		return refuse(v, -EACCES, "invalid %s stack off=%ld size=%u",
			bounds_is_const(&p->b) ? "access to" : "variable-offset access to",
			(long)min, size);
	note_depth(v, p->frame, (u32)-min);
	*lo = (s32)min;
	*hi = (s32)max;
	return 0;
}

/*
 * Checks that the bytes [lo, hi) of the frame's stack were written, and that they belong to no
 * pointer unless @pointers is set. @size is for the log. Returns 0 or -EACCES.
 */
static int check_initialised(
	struct verifier *v, struct frame *f, s32 lo, s32 hi, u32 size, bool pointers)
{
	struct slot *s;

	for (s32 at = lo; at < hi; at++) {
		s = slot_of(f, at);
		if (!(s->written & byte_bit(at)))
			return refuse(v, -EACCES, "invalid read from stack off %d+%d size %u", lo,
				at - lo, size);
		if (!pointers && s->spilled && is_pointer(&s->r))
			return refuse(v, -EACCES,
				"invalid read from stack off %d+%d size %u: a pointer", lo, at - lo,
				size);
	}
	return 0;
}

/*
 * Marks the contents of [lo, hi) as unknown. @sure: all these bytes are written, so they are
 * initialised.
 */
static void scribble(struct frame *f, s32 lo, s32 hi, bool sure)
{
	for (s32 at = lo; at < hi; at++) {
		struct slot *s = slot_of(f, at);

		s->spilled = 0;
		if (sure)
			s->written |= byte_bit(at);
	}
}

/* Loads @size bytes of the stack into the instruction's register. Returns 0 or -EACCES. */
static int stack_load(struct verifier *v, const struct bpf_insn *i, u32 size, bool sign)
{
	const struct reg *p = reg_at(v, i->src_reg);
	struct frame *f = v->now->frame[p->frame];
	struct reg *dst = reg_at(v, i->dst_reg);
	s32 lo = 0, hi = 0;
	int err = stack_span(v, p, i->off, size, &lo, &hi);
	struct slot *s;

	if (!err && bounds_is_const(&p->b) && lo % (s32)size)
		err = refuse(v, -EACCES, "misaligned stack access off %d size %u", lo, size);
	if (err)
		return err;
	s = slot_of(f, lo);
	if (bounds_is_const(&p->b) && s->spilled && is_pointer(&s->r)) {
		if (size != 8)
			return refuse(v, -EACCES, "invalid size of register fill");
		*dst = s->r;
		return 0;
	}
	err = check_initialised(v, f, lo, hi, size, v->rights->perfmon);
	if (err)
		return err;
	if (bounds_is_const(&p->b) && s->spilled && !(lo & 7) && size <= s->spilled) {
		struct reg r = s->r;

		if (size < 8 || sign)
			r = reg_number(bounds_cast(&r.b, size * 8, sign, true));
		*dst = r;
	} else {
		*dst = reg_number(bounds_of_size(size, sign));
	}
	return 0;
}

/* Stores @size bytes of *what in the stack, at @off from *p. Returns 0 or -errno. */
static int stack_store(
	struct verifier *v, const struct reg *p, s16 off, u32 size, const struct reg *what)
{
	struct frame *f = v->now->frame[p->frame];
	s32 lo = 0, hi = 0;
	int err = stack_span(v, p, off, size, &lo, &hi);
	bool sure = bounds_is_const(&p->b);
	struct slot *s;

	if (!err && sure && lo % (s32)size)
		err = refuse(v, -EACCES, "misaligned stack access off %d size %u", lo, size);
	if (err)
		return err;
	s = slot_of(f, lo);
	if (is_pointer(what)) {
		if (size != 8)
			return refuse(v, -EACCES, "invalid size of register spill");
		if (!sure)
			return refuse(
				v, -EACCES, "spilling a pointer to a variable place is prohibited");
		if (what->kind == STACK && p->frame != v->now->depth)
			return refuse(v, -EINVAL,
				"cannot spill pointers to stack into stack frame of the caller");
	}
	if (!v->rights->perfmon && s->spilled && is_pointer(&s->r) && size != 8)
		return refuse(v, -EACCES, "attempt to corrupt spilled pointer on stack");
	scribble(f, lo, hi, sure);
	if (sure && !(lo & 7) && size >= 4) {
		s->spilled = (u8)size;
		s->r = *what;
		if (size == 4)
			s->r.id = 0;
	}
	return 0;
}

/* ---- values, packets ---- */

/*
 * Checks that @size bytes at @off from the pointer in @r lie within the @room bytes from its base.
 * @what: the region, for the log.
 */
static int check_region(struct verifier *v, u32 r, s32 off, u32 size, u32 room, const char *what)
{
	const struct reg *p = reg_at(v, r);
	s64 min = (s64)p->off + off + p->b.wide.smin;

	if (p->b.wide.smin < 0 && min < 0)
		return refuse(v, -EACCES,
			"R%u min value is negative, either use unsigned index or do a if (index "
			">=0) check.",
			r);
	if (p->b.wide.umax >= MAX_OFF && p->b.wide.smin >= 0)
		return refuse(v, -EACCES,
			"R%u unbounded memory access, make sure to bounds check any such access",
			r);
	if (min < 0 || (s64)p->off + off + p->b.wide.smax + size > room)
		return refuse(v, -EACCES, "invalid access to %s=%u off=%ld size=%u", what, room,
			(long)min, size);
	return 0;
}

static int check_value(struct verifier *v, u32 r, s32 off, u32 size, bool write)
{
	const struct bpf_map *m = reg_at(v, r)->map;

	if (write && m->flags & BPF_F_RDONLY_PROG)
		return refuse(v, -EACCES, "write into map forbidden, value_size=%u off=%d size=%u",
			m->value_size, reg_at(v, r)->off + off, size);
	if (!write && m->flags & BPF_F_WRONLY_PROG)
		return refuse(v, -EACCES, "read from map forbidden, value_size=%u off=%d size=%u",
			m->value_size, reg_at(v, r)->off + off, size);
	return check_region(v, r, off, size, m->value_size, "map value, value_size");
}

static int check_packet(struct verifier *v, u32 r, s32 off, u32 size, bool write)
{
	const struct reg *p = reg_at(v, r);
	s64 at = (s64)p->off + off;

	if (write)
		return refuse(v, -EACCES, "cannot write into packet");
	if (p->b.wide.smin < 0)
		return refuse(v, -EACCES,
			"R%u min value is negative, either use unsigned index or do a if (index "
			">=0) check.",
			r);
	if (at < 0 || at + size > p->range)
		return refuse(v, -EACCES,
			"invalid access to packet, off=%ld size=%u, R%u(id=%u,off=%d,r=%u)",
			(long)at, size, r, p->id, p->off, p->range);
	return 0;
}

/* Checks an access to the context. *field: the kind of the field. Returns 0 or -errno. */
static int check_ctx(
	struct verifier *v, u32 r, s32 off, u32 size, bool write, enum ebpf_field *field)
{
	const struct reg *p = reg_at(v, r);
	s64 at = (s64)p->off + off;

	*field = FIELD_NONE;
	if (p->off)
		return refuse(v, -EACCES, "dereference of modified ctx ptr R%u off=%d disallowed",
			r, p->off);
	if (at >= 0 && at < CTX_MAX && !(at % size))
		*field = v->code->type->field(v->rights, (u32)at, size, write);
	if (*field == FIELD_NONE)
		return refuse(
			v, -EACCES, "invalid bpf_context access off=%ld size=%u", (long)at, size);
	return 0;
}

static int check_no_null(struct verifier *v, u32 r)
{
	const struct reg *p = reg_at(v, r);

	if (p->maybe_null || !is_pointer(p) || p->kind == MAP || p->kind == PACKET_END)
		return refuse(v, -EACCES, "R%u invalid mem access '%s'", r, kind_name(p));
	return 0;
}

static int check_alignment(struct verifier *v, u32 r, s32 off, u32 size)
{
	const struct reg *p = reg_at(v, r);

	if ((p->off + off) % (s32)size || (p->b.bits.value | p->b.bits.mask) & (size - 1) ||
		(p->kind == PACKET && (p->off + off + 2) % (s32)size))
		return refuse(v, -EACCES, "misaligned %s access off %d size %u", kind_name(p),
			p->off + off, size);
	return 0;
}

/* ---- the instructions ---- */

int verify_load(struct verifier *v, const struct bpf_insn *i)
{
	u32 size = ebpf_size(i->code), r = i->src_reg;
	bool sign = BPF_MODE(i->code) == EBPF_MEMSX;
	enum ebpf_field field = FIELD_NUMBER;
	const struct reg *p;
	int err = check_read(v, r);

	if (!err)
		err = check_write(v, i->dst_reg);
	if (!err)
		err = check_no_null(v, r);
	if (err)
		return err;
	p = reg_at(v, r);
	if (p->kind == STACK)
		return stack_load(v, i, size, sign);
	if (v->rights->strict && p->kind != CTX)
		err = check_alignment(v, r, i->off, size);
	if (!err)
		err = p->kind == CTX   ? check_ctx(v, r, i->off, size, false, &field) :
		      p->kind == VALUE ? check_value(v, r, i->off, size, false) :
					 check_packet(v, r, i->off, size, false);
	if (!err && sign && field != FIELD_NUMBER) /* a sign-extending load cuts pointers */
		err = refuse(v, -EACCES, "invalid bpf_context access off=%d size=%u", i->off, size);
	if (err)
		return err;
	if (field == FIELD_NUMBER)
		*reg_at(v, i->dst_reg) = reg_number(bounds_of_size(size, sign));
	else
		*reg_at(v, i->dst_reg) = reg_pointer(field == FIELD_PACKET ? PACKET : PACKET_END);
	return 0;
}

int verify_store(struct verifier *v, const struct bpf_insn *i)
{
	bool x = BPF_CLASS(i->code) == BPF_STX;
	u32 size = ebpf_size(i->code), r = i->dst_reg;
	struct reg what = reg_number(bounds_const((u64)(s64)i->imm));
	enum ebpf_field field;
	const struct reg *p;
	int err = x ? check_read(v, i->src_reg) : 0;

	if (!err)
		err = check_read(v, r);
	if (!err)
		err = check_no_null(v, r);
	if (err)
		return err;
	p = reg_at(v, r);
	if (x)
		what = *reg_at(v, i->src_reg);
	if (p->kind == STACK)
		return stack_store(v, p, i->off, size, &what);
	if (is_pointer(&what) && (!v->rights->perfmon || p->kind == CTX))
		return refuse(v, -EACCES, "R%u leaks addr into %s", i->src_reg,
			p->kind == VALUE ? "map" : kind_name(p));
	if (v->rights->strict && p->kind != CTX)
		err = check_alignment(v, r, i->off, size);
	if (err)
		return err;
	return p->kind == CTX   ? check_ctx(v, r, i->off, size, true, &field) :
	       p->kind == VALUE ? check_value(v, r, i->off, size, true) :
				  check_packet(v, r, i->off, size, true);
}

int verify_atomic(struct verifier *v, const struct bpf_insn *i)
{
	bool cmpxchg = i->imm == BPF_CMPXCHG;
	u32 size = ebpf_size(i->code), result = cmpxchg ? BPF_REG_0 : i->src_reg;
	struct reg any = reg_number(bounds_unknown());
	const struct reg *p;
	s32 lo = 0, hi = 0;
	int err = check_read(v, i->src_reg);

	if (!err)
		err = check_read(v, i->dst_reg);
	if (!err && cmpxchg)
		err = check_read(v, BPF_REG_0);
	if (!err && is_pointer(reg_at(v, i->src_reg)))
		err = refuse(v, -EACCES, "R%u leaks addr into mem", i->src_reg);
	if (!err && cmpxchg && is_pointer(reg_at(v, BPF_REG_0)))
		err = refuse(v, -EACCES, "R0 leaks addr into mem");
	if (!err)
		err = check_no_null(v, i->dst_reg);
	if (err)
		return err;
	p = reg_at(v, i->dst_reg);
	if (p->kind != STACK && p->kind != VALUE)
		return refuse(v, -EACCES, "BPF_ATOMIC stores into R%u %s is not allowed",
			i->dst_reg, kind_name(p));
	err = check_alignment(v, i->dst_reg, i->off, size);
	if (!err && p->kind == VALUE) {
		err = check_value(v, i->dst_reg, i->off, size, false);
		if (!err)
			err = check_value(v, i->dst_reg, i->off, size, true);
	} else if (!err) {
		err = stack_span(v, p, i->off, size, &lo, &hi);
		if (!err)
			err = check_initialised(v, v->now->frame[p->frame], lo, hi, size, false);
		if (!err)
			err = stack_store(v, p, i->off, size, &any);
	}
	if (!err && i->imm & BPF_FETCH)
		err = check_write(v, result);
	if (!err && i->imm & BPF_FETCH)
		*reg_at(v, result) = reg_number(bounds_of_size(size, false));
	return err;
}

/*
 * Verifies BPF_LD_ABS and BPF_LD_IND, for which r6 must be the context. At run time, r0 gets the
 * packet's bytes, or the program ends with 0.
 */
int verify_legacy_load(struct verifier *v, const struct bpf_insn *i)
{
	int err;

	if (!v->code->type->packet)
		return refuse(v, -EINVAL,
			"BPF_LD_[ABS|IND] instructions not allowed for this program type");
	err = check_read(v, BPF_REG_6);
	if (!err && BPF_MODE(i->code) == BPF_IND)
		err = check_number(v, i->src_reg, "offset");
	if (err)
		return err;
	if (reg_at(v, BPF_REG_6)->kind != CTX || reg_at(v, BPF_REG_6)->off)
		return refuse(v, -EINVAL, "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
	for (u32 r = BPF_REG_0; r <= BPF_REG_5; r++)
		reg_at(v, r)->kind = NOTHING;
	*reg_at(v, BPF_REG_0) = reg_number(bounds_of_size(ebpf_size(i->code), false));
	return 0;
}

/* ---- memory for helpers ---- */

int check_helper_memory(struct verifier *v, u32 r, u32 size, bool write)
{
	struct reg *p = reg_at(v, r);
	s32 lo = 0, hi = 0;
	int err;

	if (p->maybe_null)
		return refuse(v, -EACCES, "R%u type=%s expected=fp", r, kind_name(p));
	switch (p->kind) {
	case VALUE: return check_value(v, r, 0, size, write);
	case STACK:
		err = stack_span(v, p, 0, size, &lo, &hi);
		if (err)
			return err;
		if (!write)
			return check_initialised(
				v, v->now->frame[p->frame], lo, hi, size, v->rights->perfmon);
		scribble(v->now->frame[p->frame], lo, hi, bounds_is_const(&p->b));
		return 0;
	default: return refuse(v, -EACCES, "R%u type=%s expected=fp, map_value", r, kind_name(p));
	}
}
