/* SPDX-License-Identifier: MIT */
/*
 * verify.c: proves of a program, before it may run, that it reads nothing that was not written, touches nothing but its stack and its
 * context, tells nothing of pointers, and ends with 0 or 1.
 *
 * Jumps only go forward (form.c), so one pass in the order of the instructions knows all ways to each of them. The state in front of
 * an instruction says what each register and each stack slot holds on every way there: a number in [min, max], a pointer into the context or
 * the stack at a known distance, or nothing that may be used. A jump leaves its state at its target (at[]), where it is joined with
 * what comes from elsewhere: different kinds of things join to nothing. A comparison narrows the number in either direction; a
 * direction that cannot be is not followed.
 *
 * This is stricter than Linux, which follows each way by itself and can prove loops; more strict too in that a pointer is never made a
 * number nor compared. Errors are Linux's: EACCES for what a program must not touch, EINVAL for what is not a program.
 *
 * Invariant: a state says no less than what is true of the machine in run.c. Memory: at most one state a target, charged to the loader.
 */
#include "kernel/bpf/internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/task.h"

#define SLOTS (EBPF_STACK / 8)
#define MAX_DISTANCE 4096 /* of a pointer from where it started */
#define U32_MAX_ ((u64)0xffffffff)

enum kind { NOTHING, NUMBER, CTX, STACK };

struct reg {
	u64 min, max; /* of a number */
	s16 off;      /* of a pointer: from the context's start, from r10 */
	u8 kind;
};
/* Eight bytes of the stack: a pointer, or bytes of which some were written. */
struct slot {
	s16 off;
	u8 kind; /* CTX, STACK, or NOTHING: bytes */
	u8 written;
};
struct state {
	struct reg r[MAX_BPF_REG];
	struct slot s[SLOTS];
};
struct verifier {
	const struct bpf_insn *insn;
	struct state now;
	u32 ctx;   /* bytes that r1 points to */
	bool live; /* is there a way to where we are? */
	u32 pc;
	struct state **at;
	struct ebpf_log *log;
};

static bool is_pointer(const struct reg *r)
{
	return r->kind == CTX || r->kind == STACK;
}

static bool is_const(const struct reg *r)
{
	return r->kind == NUMBER && r->min == r->max;
}

static struct reg number(u64 min, u64 max)
{
	return (struct reg){ .kind = NUMBER, .min = min, .max = max };
}

static struct reg unknown(bool wide)
{
	return number(0, wide ? ~0ul : U32_MAX_);
}

#define refuse(v, err, fmt, ...)                                                                   \
	({                                                                                         \
		ebpf_log((v)->log, "%u: " fmt "\n", (v)->pc, ##__VA_ARGS__);                       \
		err;                                                                               \
	})

/* ---- joining ---- */

static void join_reg(struct reg *a, const struct reg *b)
{
	if (a->kind != b->kind || (is_pointer(a) && a->off != b->off)) {
		a->kind = NOTHING;
		return;
	}
	a->min = min(a->min, b->min);
	a->max = max(a->max, b->max);
}

static void join_slot(struct slot *a, const struct slot *b)
{
	if (a->kind == b->kind && (a->kind == NOTHING || a->off == b->off))
		a->written &= b->written;
	else
		*a = (struct slot){};
}

static void join(struct state *a, const struct state *b)
{
	for (u32 i = 0; i < MAX_BPF_REG; i++)
		join_reg(&a->r[i], &b->r[i]);
	for (u32 i = 0; i < SLOTS; i++)
		join_slot(&a->s[i], &b->s[i]);
}

/* The present state goes to @target too. */
static int leave_at(struct verifier *v, u32 target)
{
	struct state *s = v->at[target];

	if (s) {
		join(s, &v->now);
		return 0;
	}
	s = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_ACCOUNT);
	if (!s)
		return -ENOMEM;
	*s = v->now;
	v->at[target] = s;
	return 0;
}

static void arrive(struct verifier *v)
{
	struct state *s = v->at[v->pc];

	if (!s)
		return;
	if (v->live)
		join(&v->now, s);
	else
		v->now = *s;
	v->live = true;
	kfree(s);
	v->at[v->pc] = NULL;
}

/* ---- registers ---- */

static int check_read(struct verifier *v, u32 reg)
{
	return v->now.r[reg].kind == NOTHING ? refuse(v, -EACCES, "R%u !read_ok", reg) : 0;
}

static int check_number(struct verifier *v, u32 reg, const char *what)
{
	int err = check_read(v, reg);

	if (!err && is_pointer(&v->now.r[reg]))
		err = refuse(v, -EACCES, "R%u pointer %s prohibited", reg, what);
	return err;
}

static int check_write(struct verifier *v, u32 reg)
{
	return reg == BPF_REG_10 ? refuse(v, -EACCES, "frame pointer is read only") : 0;
}

/* ---- arithmetic ---- */

static struct reg shifted(const struct reg *a, const struct reg *b, u8 op, bool wide)
{
	u32 by = b->min & (wide ? 63 : 31);

	if (!is_const(b))
		return op == BPF_RSH ? number(0, a->max) : unknown(wide);
	if (op == BPF_RSH)
		return number(a->min >> by, a->max >> by);
	if (a->max << by >> by != a->max)
		return unknown(wide);
	return number(a->min << by, a->max << by);
}

static u64 all_ones_up_to(u64 v)
{
	return v ? ~0ul >> __builtin_clzl(v) : 0;
}

/* The range of @a op @b, both numbers, as if in 64 bits without overflow, which is "unknown". */
static struct reg range_of(const struct reg *a, const struct reg *b, u8 op, bool wide)
{
	u64 min, max;

	switch (op) {
	case BPF_MOV: return *b;
	case BPF_ADD:
		if (__builtin_add_overflow(a->max, b->max, &max))
			break;
		return number(a->min + b->min, max);
	case BPF_SUB:
		if (a->min < b->max)
			break;
		return number(a->min - b->max, a->max - b->min);
	case BPF_MUL:
		if (__builtin_mul_overflow(a->max, b->max, &max))
			break;
		return number(a->min * b->min, max);
	case BPF_DIV: return number(0, a->max);
	case BPF_MOD:
		min = b->min ? b->max - 1 : ~0ul; /* x % 0 is x */
		return number(0, min(a->max, min));
	case BPF_AND: return number(0, min(a->max, b->max));
	case BPF_OR:
	case BPF_XOR: return number(0, all_ones_up_to(a->max | b->max));
	case BPF_LSH:
	case BPF_RSH: return shifted(a, b, op, wide);
	}
	return unknown(wide);
}

static struct reg narrow(const struct reg *r)
{
	if (is_const(r))
		return number((u32)r->min, (u32)r->min);
	return r->max > U32_MAX_ ? unknown(false) : *r;
}

static struct reg compute(struct reg a, struct reg b, u8 op, bool wide)
{
	struct reg r;

	if (!wide) {
		a = narrow(&a);
		b = narrow(&b);
	}
	if (is_const(&a) && is_const(&b)) {
		u64 v = ebpf_alu(op, wide, a.min, b.min);

		return number(v, v);
	}
	r = range_of(&a, &b, op, wide);
	return wide || r.max <= U32_MAX_ ? r : unknown(false);
}

/* A pointer and a number that is known. */
static int move_pointer(struct verifier *v, u32 dst, const struct reg *src, u8 op, bool wide)
{
	struct reg *d = &v->now.r[dst];
	struct reg p = is_pointer(d) ? *d : *src;
	const struct reg *by = is_pointer(d) ? src : d;
	s64 off = (s64)by->min;

	if (!wide || !is_const(by) || (op != BPF_ADD && (op != BPF_SUB || !is_pointer(d))))
		return refuse(v, -EACCES, "R%u pointer arithmetic prohibited", dst);
	if (off < -MAX_DISTANCE || off > MAX_DISTANCE)
		return refuse(v, -EACCES, "R%u pointer offset %ld is too far", dst, (long)off);
	off = p.off + (op == BPF_ADD ? off : -off);
	if (off < -MAX_DISTANCE || off > MAX_DISTANCE)
		return refuse(v, -EACCES, "R%u pointer offset %ld is too far", dst, (long)off);
	p.off = (s16)off;
	*d = p;
	return 0;
}

static int do_end(struct verifier *v, const struct bpf_insn *i)
{
	int err = check_number(v, i->dst_reg, "arithmetic");

	if (!err)
		err = check_write(v, i->dst_reg);
	if (!err)
		v->now.r[i->dst_reg] =
			i->imm == 64 ? unknown(true) : number(0, (1ul << i->imm) - 1);
	return err;
}

static int do_alu(struct verifier *v, const struct bpf_insn *i)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64, x = BPF_SRC(i->code) == BPF_X;
	struct reg *dst = &v->now.r[i->dst_reg], src = number((u64)(s64)i->imm, (u64)(s64)i->imm);
	u8 op = BPF_OP(i->code);
	int err = 0;

	if (op == BPF_END)
		return do_end(v, i);
	if (x)
		err = check_read(v, i->src_reg);
	if (!err && op != BPF_MOV)
		err = check_read(v, i->dst_reg);
	if (!err)
		err = check_write(v, i->dst_reg);
	if (err)
		return err;
	if (x)
		src = v->now.r[i->src_reg];
	if (op == BPF_MOV && wide)
		*dst = src;
	else if (op == BPF_MOV && is_pointer(&src))
		return refuse(v, -EACCES, "R%u partial copy of pointer", i->src_reg);
	else if (op == BPF_MOV)
		*dst = narrow(&src);
	else if (is_pointer(dst) || is_pointer(&src))
		return move_pointer(v, i->dst_reg, &src, op, wide);
	else
		*dst = compute(*dst, src, op, wide);
	return 0;
}

/* ---- memory ---- */

static int check_ctx(struct verifier *v, s32 off, u32 size, bool write)
{
	/* access_type may be read in parts, the numbers only whole */
	if (!v->ctx || write || off < 0 || off > (s32)v->ctx - 4 || size > 4 || off % (s32)size ||
		(off >= (s32)offsetof(struct bpf_cgroup_dev_ctx, major) && size != 4))
		return refuse(v, -EACCES, "invalid bpf_context access off=%d size=%u", off, size);
	return 0;
}

/* May @size bytes at register @reg + @off be touched? *slot and the bits of *bytes: where on the stack; NULL: in the context. */
static int check_access(
	struct verifier *v, u32 reg, s16 off, u32 size, bool write, struct slot **slot, u8 *bytes)
{
	const struct reg *r = &v->now.r[reg];
	s32 at = r->off + off;
	int err = check_read(v, reg);

	*slot = NULL;
	if (err)
		return err;
	if (r->kind == NUMBER)
		return refuse(v, -EACCES, "R%u invalid mem access 'scalar'", reg);
	if (r->kind == CTX)
		return check_ctx(v, at, size, write);
	if (at < -EBPF_STACK || at > -(s32)size)
		return refuse(v, -EACCES, "invalid stack access off=%d size=%u", at, size);
	if (at & (s32)(size - 1))
		return refuse(v, -EACCES, "misaligned stack access off=%d size=%u", at, size);
	at += EBPF_STACK;
	*slot = &v->now.s[at / 8];
	*bytes = (u8)(((1u << size) - 1) << (at % 8));
	return 0;
}

static int do_load(struct verifier *v, const struct bpf_insn *i)
{
	struct reg *dst = &v->now.r[i->dst_reg];
	u32 size = ebpf_size(i->code);
	struct slot *s;
	u8 bytes;
	int err = check_access(v, i->src_reg, i->off, size, false, &s, &bytes);

	if (!err)
		err = check_write(v, i->dst_reg);
	if (err)
		return err;
	if (s && (s->written & bytes) != bytes)
		return refuse(v, -EACCES, "invalid read from stack off %d size %u",
			v->now.r[i->src_reg].off + i->off, size);
	if (s && s->kind != NOTHING) {
		if (size != 8)
			return refuse(v, -EACCES, "invalid size of register fill");
		*dst = (struct reg){ .kind = s->kind, .off = s->off };
	} else {
		*dst = size == 8 ? unknown(true) : number(0, (1ul << size * 8) - 1);
	}
	return 0;
}

static void write_bytes(struct slot *s, u8 bytes)
{
	s->kind = NOTHING;
	s->written |= bytes;
}

static int do_store(struct verifier *v, const struct bpf_insn *i)
{
	const struct reg *src = &v->now.r[i->src_reg];
	bool x = BPF_CLASS(i->code) == BPF_STX;
	u32 size = ebpf_size(i->code);
	struct slot *s;
	u8 bytes;
	int err = x ? check_read(v, i->src_reg) : 0;

	if (!err)
		err = check_access(v, i->dst_reg, i->off, size, true, &s, &bytes);
	if (err)
		return err;
	if (!x || !is_pointer(src))
		write_bytes(s, bytes);
	else if (size != 8)
		return refuse(v, -EACCES, "invalid size of register spill");
	else
		*s = (struct slot){ .kind = src->kind, .off = src->off, .written = 0xff };
	return 0;
}

static int do_atomic(struct verifier *v, const struct bpf_insn *i)
{
	bool cmpxchg = i->imm == BPF_CMPXCHG;
	u32 size = ebpf_size(i->code), result = cmpxchg ? BPF_REG_0 : i->src_reg;
	struct slot *s;
	u8 bytes;
	int err = check_number(v, i->src_reg, "store by atomic");

	if (!err && cmpxchg)
		err = check_number(v, BPF_REG_0, "comparison");
	if (!err)
		err = check_access(v, i->dst_reg, i->off, size, true, &s, &bytes);
	if (!err && i->imm & BPF_FETCH)
		err = check_write(v, result);
	if (err)
		return err;
	if (s->kind != NOTHING || (s->written & bytes) != bytes)
		return refuse(v, -EACCES, "invalid read from stack");
	if (i->imm & BPF_FETCH)
		v->now.r[result] = unknown(size == 8);
	return 0;
}

/* ---- jumps ---- */

static u8 opposite(u8 op)
{
	switch (op) {
	case BPF_JEQ: return BPF_JNE;
	case BPF_JNE: return BPF_JEQ;
	case BPF_JGT: return BPF_JLE;
	case BPF_JLE: return BPF_JGT;
	case BPF_JGE: return BPF_JLT;
	case BPF_JLT: return BPF_JGE;
	default: return BPF_JA; /* says nothing of the range */
	}
}

/* What is left of @r where "r op k" holds; false: it cannot hold. */
static bool refine(struct reg *r, u8 op, u64 k)
{
	u64 lo = r->min, hi = r->max;

	switch (op) {
	case BPF_JEQ:
		lo = max(lo, k);
		hi = min(hi, k);
		break;
	case BPF_JNE:
		if (lo == k && hi == k)
			return false;
		lo += lo == k;
		hi -= hi == k;
		break;
	case BPF_JGT:
		if (k == ~0ul)
			return false;
		lo = max(lo, k + 1);
		break;
	case BPF_JGE: lo = max(lo, k); break;
	case BPF_JLT:
		if (!k)
			return false;
		hi = min(hi, k - 1);
		break;
	case BPF_JLE: hi = min(hi, k); break;
	}
	if (lo > hi)
		return false;
	r->min = lo;
	r->max = hi;
	return true;
}

/* Which ways can a comparison with @src go, and what is @dst then? */
static void split(const struct reg *dst, const struct reg *src, u8 op, bool wide, struct reg way[2],
	bool can[2])
{
	u64 k = wide ? src->min : (u32)src->min;

	way[0] = way[1] = *dst;
	can[0] = can[1] = true;
	if (!is_const(src) || (!wide && dst->max > U32_MAX_))
		return;
	if (is_const(dst)) {
		can[1] = ebpf_jump_taken(op, wide, dst->min, k);
		can[0] = !can[1];
		return;
	}
	can[1] = refine(&way[1], op, k);
	can[0] = refine(&way[0], opposite(op), k);
}

static int do_exit(struct verifier *v)
{
	const struct reg *r = &v->now.r[BPF_REG_0];
	int err = check_read(v, BPF_REG_0);

	if (err)
		return err;
	v->live = false;
	if (r->kind != NUMBER || r->max > 1)
		return refuse(v, -EINVAL,
			"At program exit the register R0 should have been in (0x0; 0x1)");
	return 0;
}

static int do_jump(struct verifier *v, const struct bpf_insn *i)
{
	struct reg src = number((u64)(s64)i->imm, (u64)(s64)i->imm), way[2];
	u32 target = v->pc + 1 + (u16)i->off; /* forward: checked */
	u8 op = BPF_OP(i->code);
	bool can[2];
	int err = 0;

	if (op == BPF_EXIT)
		return do_exit(v);
	if (op == BPF_JA) {
		err = leave_at(v, target);
		v->live = false;
		return err;
	}
	if (BPF_SRC(i->code) == BPF_X) {
		err = check_number(v, i->src_reg, "comparison");
		src = v->now.r[i->src_reg];
	}
	if (!err)
		err = check_number(v, i->dst_reg, "comparison");
	if (err)
		return err;
	split(&v->now.r[i->dst_reg], &src, op, BPF_CLASS(i->code) == BPF_JMP, way, can);
	if (can[1]) {
		v->now.r[i->dst_reg] = way[1];
		err = leave_at(v, target);
	}
	v->now.r[i->dst_reg] = way[0];
	v->live = can[0];
	return err;
}

/* ---- the pass ---- */

static int step(struct verifier *v, const struct bpf_insn *i)
{
	int err;
	u64 k;

	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64: return do_alu(v, i);
	case BPF_LDX: return do_load(v, i);
	case BPF_ST: return do_store(v, i);
	case BPF_STX: return BPF_MODE(i->code) == BPF_ATOMIC ? do_atomic(v, i) : do_store(v, i);
	case BPF_LD:
		err = check_write(v, i->dst_reg);
		k = (u32)i->imm | (u64)(u32)i[1].imm << 32;
		v->now.r[i->dst_reg] = number(k, k);
		return err;
	default: return do_jump(v, i);
	}
}

static int pass(struct verifier *v, u32 n)
{
	int err = 0;

	for (v->pc = 0; v->pc < n && !err; v->pc++) {
		if (!(v->pc & 255))
			cond_resched();
		arrive(v);
		if (v->live)
			err = step(v, &v->insn[v->pc]);
		if (ebpf_is_imm64(&v->insn[v->pc]))
			v->pc++;
	}
	return err;
}

int ebpf_verify(const struct bpf_insn *insn, u32 n, u32 type, struct ebpf_log *log)
{
	struct verifier *v;
	int err = ebpf_check_form(insn, n, log);

	if (err)
		return err;
	v = kzalloc(sizeof(*v), GFP_KERNEL | __GFP_ACCOUNT);
	if (!v)
		return -ENOMEM;
	err = -ENOMEM;
	v->at = kzalloc(n * sizeof(struct state *), GFP_KERNEL | __GFP_ACCOUNT);
	if (!v->at)
		goto out;
	v->insn = insn;
	v->ctx = type == BPF_PROG_TYPE_CGROUP_DEVICE ? EBPF_CTX : 0;
	v->log = log;
	v->live = true;
	v->now.r[BPF_REG_1].kind = CTX;
	v->now.r[BPF_REG_10].kind = STACK;
	err = pass(v, n);
	for (u32 i = 0; i < n; i++)
		kfree(v->at[i]);
	kfree(v->at);
out:
	kfree(v);
	return err;
}
