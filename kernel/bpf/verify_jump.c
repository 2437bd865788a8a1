/* SPDX-License-Identifier: MIT */
/*
 * verify_jump.c: conditional jumps: which branches are possible, and what is known on each of them.
 */
#include "kernel/bpf/verify.h"
#include "kernel/lib/string.h"

#define WAYS 2 /* branch 0: not taken, branch 1: taken */
#define WAITING_MAX 8192

typedef void reg_fn(struct reg *r, const void *arg);

static void for_each_reg(struct state *s, reg_fn *fn, const void *arg)
{
	for (u32 f = 0; f <= s->depth; f++) {
		struct frame *fr = s->frame[f];

		for (u32 i = 0; i < MAX_BPF_REG; i++)
			fn(&fr->r[i], arg);
		for (u32 i = 0; i < fr->nr_slots; i++)
			if (fr->s[i].spilled)
				fn(&fr->s[i].r, arg);
	}
}

/* ---- registers with equal ids have equal bounds ---- */

static void same_number(struct reg *r, const void *arg)
{
	const struct reg *known = arg;

	if (r->kind == NUMBER && r->id == known->id)
		r->b = known->b;
}

static void sync_equal(struct state *s, const struct reg *known)
{
	struct reg copy = *known;

	if (copy.id)
		for_each_reg(s, same_number, &copy);
}

struct null_check {
	u32 id;
	bool null;
};

static void mark_null(struct reg *r, const void *arg)
{
	const struct null_check *c = arg;

	if (!r->maybe_null || r->id != c->id)
		return;
	if (c->null) {
		*r = reg_number(bounds_const(0));
	} else {
		r->maybe_null = false;
		r->id = 0;
	}
}

struct packet_check {
	u32 id, range;
};

static void mark_packet(struct reg *r, const void *arg)
{
	const struct packet_check *c = arg;

	if (r->kind == PACKET && r->id == c->id)
		r->range = max(r->range, c->range);
}

/* ---- the kinds of comparisons ---- */

/* Follows both branches without new knowledge, as for most comparisons of pointers. */
static void nothing_learned(bool can[WAYS])
{
	can[0] = can[1] = true;
}

static void split_null(struct state *way[WAYS], const struct reg *p, u8 op)
{
	struct null_check c = { .id = p->id };

	for (u32 w = 0; w < WAYS; w++) {
		c.null = (op == BPF_JEQ) == (w == 1);
		for_each_reg(way[w], mark_null, &c);
	}
}

/* Learns from "p op end", a comparison of the packet pointer @p with the packet's end. */
static void split_packet(struct state *way[WAYS], const struct reg *p, u8 op)
{
	struct packet_check c = { .id = p->id };
	u32 inside;

	/* inside: the branch on which p <= end or p < end is true */
	switch (op) {
	case BPF_JGT: inside = 0; break;
	case BPF_JGE: inside = 0; break;
	case BPF_JLT: inside = 1; break;
	case BPF_JLE: inside = 1; break;
	default: return;
	}
	if (p->off < 0 || p->off > 0xffff || (s64)p->off + p->b.wide.smax > 0xffff ||
		p->b.wide.smin < 0)
		return;
	c.range = (u32)p->off + (op == BPF_JGE || op == BPF_JLT ? 1 : 0);
	for_each_reg(way[inside], mark_packet, &c);
}

static u8 turned(u8 op)
{
	switch (op) {
	case BPF_JGT: return BPF_JLT;
	case BPF_JLT: return BPF_JGT;
	case BPF_JGE: return BPF_JLE;
	case BPF_JLE: return BPF_JGE;
	default: return op;
	}
}

/*
 * Narrows the numbers of a comparison in the states of both branches, and stores in @can which of
 * them are possible. @imm: the constant operand. Returns 0.
 */
static int split_numbers(struct verifier *v, const struct bpf_insn *i, struct state *way[WAYS],
	const struct reg *imm, bool can[WAYS])
{
	bool wide = BPF_CLASS(i->code) == BPF_JMP, x = BPF_SRC(i->code) == BPF_X;

	for (u32 w = 0; w < WAYS; w++) {
		struct frame *f = way[w]->frame[way[w]->depth];
		struct reg a = f->r[i->dst_reg], b = x ? f->r[i->src_reg] : *imm;

		if (x && i->dst_reg == i->src_reg) { /* a register compared with itself */
			can[w] = bounds_is_const(&a.b) || BPF_OP(i->code) == BPF_JSET ?
					 true :
					 ebpf_jump_taken(BPF_OP(i->code), wide, 0, 0) == (w == 1);
			if (bounds_is_const(&a.b))
				can[w] = ebpf_jump_taken(BPF_OP(i->code), wide, a.b.bits.value,
						 a.b.bits.value) == (w == 1);
			continue;
		}
		can[w] = bounds_refine(BPF_OP(i->code), wide, w, &a.b, &b.b);
		if (!can[w])
			continue;
		f->r[i->dst_reg] = a;
		sync_equal(way[w], &a);
		if (!x)
			continue;
		/*
		 * If both registers hold the same number, narrowing the first may have narrowed the
		 * second.
		 */
		f->r[i->src_reg].b = b.b;
		sync_equal(way[w], &f->r[i->src_reg]);
	}
	return 0;
}

/*
 * Handles comparisons of all kinds, also of pointers. Stores in @can which branches are possible,
 * and narrows the states of both branches. Returns 0, or -EACCES if the program may not make the
 * comparison.
 */
static int compare(
	struct verifier *v, const struct bpf_insn *i, struct state *way[WAYS], bool can[WAYS])
{
	bool wide = BPF_CLASS(i->code) == BPF_JMP, x = BPF_SRC(i->code) == BPF_X;
	struct reg imm = reg_number(bounds_const((u64)(s64)i->imm));
	struct reg a = *reg_at(v, i->dst_reg), b = x ? *reg_at(v, i->src_reg) : imm;
	u8 op = BPF_OP(i->code);

	if (!is_pointer(&a) && !is_pointer(&b))
		return split_numbers(v, i, way, &imm, can);
	nothing_learned(can);
	if (is_pointer(&a) && !x && !i->imm && wide && (op == BPF_JEQ || op == BPF_JNE)) {
		if (a.maybe_null)
			split_null(way, &a, op);
		else /* never null, so never equal to 0 */
			can[op == BPF_JEQ] = false;
		return 0;
	}
	if (wide && a.kind == PACKET && b.kind == PACKET_END) {
		split_packet(way, &a, op);
		return 0;
	}
	if (wide && a.kind == PACKET_END && b.kind == PACKET) {
		split_packet(way, &b, turned(op));
		return 0;
	}
	if (!v->rights->perfmon)
		return refuse(v, -EACCES, "R%u pointer comparison prohibited",
			is_pointer(&a) ? i->dst_reg : i->src_reg);
	return 0;
}

/*
 * Continues at the next instruction or at the jump's target. If both are possible, the second
 * branch waits. Returns 0, 1 if neither is possible, or -errno.
 */
int verify_branch(struct verifier *v, const struct bpf_insn *i)
{
	struct state *s = v->now, *other, *way[WAYS];
	bool can[WAYS] = { false, false };
	u32 target = (u32)ebpf_target(i, s->pc);
	int err = check_read(v, i->dst_reg);

	if (!err && BPF_SRC(i->code) == BPF_X)
		err = check_read(v, i->src_reg);
	if (err)
		return err;
	if (v->nr_waiting >= WAITING_MAX)
		return refuse(v, -E2BIG, "The sequence of %u jumps is too complex.", v->nr_waiting);
	other = state_copy(s, false);
	if (!other)
		return -ENOMEM;
	way[0] = s;
	way[1] = other;
	err = compare(v, i, way, can);
	if (err || (!can[0] && !can[1])) {
		state_free(other);
		return err   ? err :
			       /* Contradicting bounds: no run reaches this jump. */
			       1;
	}
	s->pc++;
	other->pc = target;
	if (can[0] && can[1]) {
		if (s->parent)
			s->parent->branches++;
		other->next = v->waiting;
		v->waiting = other;
		v->nr_waiting++;
	} else if (can[1]) {
		return resume(v, other);
	} else {
		state_free(other);
	}
	return 0;
}
