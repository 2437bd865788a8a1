/* SPDX-License-Identifier: MIT */
/*
 * verify.c: proves that a program may run: it reads only initialised data, accesses only its stack,
 * its context, the packet and the values of its maps, passes arguments of the right types to
 * helpers, and ends.
 *
 * The program is simulated with knowledge about its registers and its stack (struct state) instead
 * of values. Each path is followed separately, and paths that are still to be followed wait on a
 * list (as in Linux's Documentation/bpf/verifier.rst). Where paths meet, the state is kept (struct
 * verifier.kept). Another path that arrives there with a state that the kept state covers can end,
 * provided that all paths from the kept state were followed to their ends (branches is 0). A path
 * that returns to a state like an earlier state of its own loops for ever, and is refused.
 * Verification stops at a million instructions, or at a signal, since with many frames and slots a
 * million may take long.
 *
 *	form.c                                   instructions, jumps
 *	bounds.c                                 numbers
 *	verify_state.c                           whether a state covers another
 *	verify_alu.c, _jump.c, _mem.c, _call.c   the instructions by kind
 *
 * This verifier is stricter than Linux's: it never forgets precise numbers, so long loops reach the
 * limit earlier. Bytes of the stack may never be read before they are written, whatever
 * capabilities the loader has. Functions are verified at each call, never on their own.
 *
 * Invariant: a state never excludes anything that can happen in the machine of run.c. Memory:
 * states are charged to the loading task's group, and their number is limited.
 */
#include "kernel/bpf/verify.h"

#include "kernel/bpf/map.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

#define KEPT_MAX 4096 /* kept states of all instructions */
/* Most states kept for one instruction, without those that have unexamined branches. */
#define KEPT_AT_ONE 64
/*
 * Most kept states with which the current state is compared, the newest first. It limits the time.
 */
#define LOOKS 64
#define LIVE_PASSES 64
#define STEPS_MAX 10000000
/* A function's part of the stack is rounded up to a multiple of this, in bytes. */
#define DEPTH_UNIT 32

struct reg reg_number(struct bounds b)
{
	return (struct reg){ .kind = NUMBER, .b = b };
}

struct reg reg_pointer(enum kind kind)
{
	return (struct reg){ .kind = (u8)kind, .b = bounds_const(0) };
}

const char *kind_name(const struct reg *r)
{
	switch (r->kind) {
	case NUMBER: return "scalar";
	case CTX: return "ctx";
	case STACK: return "fp";
	case MAP: return "map_ptr";
	case VALUE: return r->maybe_null ? "map_value_or_null" : "map_value";
	case PACKET: return "pkt";
	case PACKET_END: return "pkt_end";
	default: return "?";
	}
}

/* ---- registers ---- */

int check_read(struct verifier *v, u32 r)
{
	return reg_at(v, r)->kind == NOTHING ? refuse(v, -EACCES, "R%u !read_ok", r) : 0;
}

int check_number(struct verifier *v, u32 r, const char *what)
{
	int err = check_read(v, r);

	if (!err && is_pointer(reg_at(v, r)))
		err = refuse(v, -EACCES, "R%u pointer %s prohibited", r, what);
	return err;
}

int check_write(struct verifier *v, u32 r)
{
	return r == BPF_REG_10 ? refuse(v, -EACCES, "frame pointer is read only") : 0;
}

/* ---- registers that are still read: computed backwards until nothing changes ---- */

static u16 reg_bit(u32 r)
{
	return (u16)(1u << r);
}

#define CALLER_SAVED ((u16)0x3f) /* r0 to r5 */

static void uses(const struct bpf_insn *i, u16 *reads, u16 *writes)
{
	u8 class = BPF_CLASS(i->code), op = BPF_OP(i->code);
	u16 src = BPF_SRC(i->code) == BPF_X ? reg_bit(i->src_reg) : 0, dst = reg_bit(i->dst_reg);

	*reads = *writes = 0;
	switch (class) {
	case BPF_ALU:
	case BPF_ALU64:
		if (op == BPF_END)
			src = 0;
		*reads = op == BPF_MOV ? src : src | dst;
		*writes = dst;
		break;
	case BPF_LDX:
		*reads = reg_bit(i->src_reg);
		*writes = dst;
		break;
	case BPF_ST: *reads = dst; break;
	case BPF_STX:
		*reads = dst | reg_bit(i->src_reg);
		if (BPF_MODE(i->code) == BPF_ATOMIC && i->imm == BPF_CMPXCHG)
			*reads |= reg_bit(BPF_REG_0);
		/* A fetch writes only a register that it also reads. */
		break;
	case BPF_LD:
		if (ebpf_is_imm64(i)) {
			*writes = dst;
			break;
		}
		*reads = reg_bit(BPF_REG_6) |
			 (BPF_MODE(i->code) == BPF_IND ? reg_bit(i->src_reg) : 0);
		*writes = CALLER_SAVED;
		break;
	default:
		if (op == BPF_CALL) {
			*reads = CALLER_SAVED & ~1u;
			*writes = CALLER_SAVED;
		} else if (op == BPF_EXIT) {
			*reads = reg_bit(BPF_REG_0);
		} else if (op != BPF_JA) {
			*reads = src | dst;
		}
	}
}

static u16 live_after(const struct verifier *v, u32 pc)
{
	const struct bpf_insn *i = &v->code->insn[pc];
	u16 live = 0;

	if (ebpf_is_jump(i) && BPF_OP(i->code) == BPF_EXIT)
		return 0;
	if (ebpf_is_jump(i) && BPF_OP(i->code) != BPF_CALL)
		live = v->live[ebpf_target(i, pc)];
	if (!ebpf_is_jump(i) || BPF_OP(i->code) != BPF_JA)
		live |= v->live[pc + (ebpf_is_imm64(i) ? 2 : 1)];
	return live;
}

static void find_live(struct verifier *v)
{
	bool changed = true;
	u16 reads, writes, live;

	for (u32 pass = 0; changed && pass < LIVE_PASSES; pass++) {
		changed = false;
		for (u32 pc = v->code->n; pc--;) {
			if (!(pc & 4095))
				cond_resched();
			if (!v->code->insn[pc].code)
				continue; /* second half of a 16-byte instruction */
			uses(&v->code->insn[pc], &reads, &writes);
			live = (u16)((live_after(v, pc) & ~writes) | reads);
			changed |= live != v->live[pc];
			v->live[pc] = live;
		}
	}
	/* If the passes have found no fixed point, assume that all registers are live. */
	if (changed)
		memset(v->live, 0xff, v->code->n * sizeof(*v->live));
}

/* ---- paths ---- */

/*
 * Ends a path. Counts down the branches of the kept states on it, from the last one upwards, until
 * a state has branches left.
 */
static void way_ends(struct verifier *v)
{
	for (struct state *s = v->now->parent; s && !--s->branches;)
		s = s->parent;
	state_free(v->now);
	v->now = NULL;
}

int resume(struct verifier *v, struct state *s)
{
	state_free(v->now);
	v->now = state_copy(s, true);
	state_free(s);
	return v->now ? 0 : -ENOMEM;
}

/* Continues with the next waiting path. Returns 0 or -ENOMEM. v->now is NULL if no path waits. */
static int next_way(struct verifier *v)
{
	struct state *s = v->waiting;

	way_ends(v);
	if (!s)
		return 0;
	v->waiting = s->next;
	v->nr_waiting--;
	s->next = NULL;
	return resume(v, s);
}

/*
 * Frees the oldest of the states kept for @pc without unexamined branches, if there are too many.
 */
static void forget(struct verifier *v, u32 pc)
{
	struct state **last = NULL, *s;
	u32 n = 0;

	for (struct state **p = &v->kept[pc]; *p; p = &(*p)->next)
		if (!(*p)->branches) {
			last = p;
			n++;
		}
	if (n <= KEPT_AT_ONE)
		return;
	s = *last;
	*last = s->next;
	state_free(s);
	v->nr_kept--;
}

/* Keeps a copy of the current state, unless too many are kept already. Returns 0 or -ENOMEM. */
static int keep(struct verifier *v)
{
	struct state *s;

	if (v->nr_kept >= KEPT_MAX)
		return 0;
	s = state_copy(v->now, false);
	if (!s)
		return -ENOMEM;
	s->branches = 1;
	s->next = v->kept[s->pc];
	v->kept[s->pc] = s;
	v->now->parent = s;
	v->nr_kept++;
	v->last_processed = v->processed;
	v->last_jumps = v->jumps;
	forget(v, s->pc);
	return 0;
}

/*
 * Compares the current state with those kept for its pc. Returns 1 if a kept state covers the rest
 * of the path, 0 to continue, or -errno.
 */
static int meet(struct verifier *v)
{
	u32 jumps = v->jumps - v->last_jumps, insns = v->processed - v->last_processed;
	bool loop = false;
	u32 looks = LOOKS;

	for (struct state *s = v->kept[v->now->pc]; s && looks--; s = s->next) {
		if (!state_covers(v, s, v->now)) {
			loop |= s->branches;
			continue;
		}
		if (!s->branches)
			return 1;
		loop = true;
		if (state_covers(v, v->now, s))
			return refuse(v, -EINVAL, "infinite loop detected at insn %u", v->now->pc);
	}
	if (loop ? jumps < 20 && insns < 100 : jumps < 2 || insns < 8)
		return 0; /* too soon after the last kept state */
	return keep(v);
}

/* ---- calls and returns ---- */

/* Enters a function of the program, with r1 to r5 of the caller. Returns 0 or -errno. */
static int do_call(struct verifier *v, const struct bpf_insn *i)
{
	struct state *s = v->now;
	struct frame *from = frame_now(v), *f;

	if (s->depth + 1 >= EBPF_FRAMES)
		return refuse(v, -E2BIG, "the call stack of %u frames is too deep", s->depth + 2);
	f = frame_new(SLOTS);
	if (!f)
		return -ENOMEM;
	for (u32 r = BPF_REG_1; r <= BPF_REG_5; r++)
		f->r[r] = from->r[r];
	f->r[BPF_REG_10] = reg_pointer(STACK);
	f->r[BPF_REG_10].frame = (u8)(s->depth + 1);
	for (u32 r = BPF_REG_0; r <= BPF_REG_5; r++)
		from->r[r].kind = NOTHING;
	f->callsite = s->pc;
	s->frame[++s->depth] = f;
	s->pc = f->start = (u32)ebpf_target(i, s->pc);
	return 0;
}

/* Checks r0 at the end of the program. Returns 0, -EACCES or -EINVAL. */
static int check_result(struct verifier *v)
{
	const struct reg *r0 = reg_at(v, BPF_REG_0);
	u64 most = v->rights->attach_type == BPF_CGROUP_INET_EGRESS ? 3 : 1;

	if (!v->code->type->verdict)
		return is_pointer(r0) && !v->rights->perfmon ?
			       refuse(v, -EACCES, "R0 leaks addr as return value") :
			       0;
	if (r0->kind != NUMBER)
		return refuse(v, -EINVAL,
			"At program exit the register R0 is not a known value (%s)", kind_name(r0));
	if (r0->b.wide.umax > most)
		return refuse(v, -EINVAL,
			"At program exit the register R0 has smin=%ld smax=%ld should have been in "
			"[0, %lu]",
			(long)r0->b.wide.smin, (long)r0->b.wide.smax, (unsigned long)most);
	return 0;
}

/* Leaves a function. Returns 0, 1 at the end of the program, or -errno. */
static int do_exit(struct verifier *v)
{
	struct state *s = v->now;
	struct frame *f = frame_now(v);
	int err = check_read(v, BPF_REG_0);

	if (err)
		return err;
	if (!s->depth) {
		err = check_result(v);
		return err ? err : 1;
	}
	if (f->r[BPF_REG_0].kind == STACK)
		return refuse(v, -EINVAL, "cannot return stack pointer to the caller");
	s->frame[s->depth--] = NULL;
	frame_now(v)->r[BPF_REG_0] = f->r[BPF_REG_0];
	s->pc = f->callsite + 1;
	kfree(f);
	return 0;
}

/* ---- one instruction: returns 0, 1 (the path ends) or -errno, and sets pc to the next one ---- */

static int do_jump(struct verifier *v, const struct bpf_insn *i)
{
	struct state *s = v->now;
	int err;

	v->jumps++;
	switch (BPF_OP(i->code)) {
	case BPF_JA: s->pc = (u32)ebpf_target(i, s->pc); return 0;
	case BPF_EXIT: return do_exit(v);
	case BPF_CALL:
		if (i->src_reg == BPF_PSEUDO_CALL)
			return do_call(v, i);
		err = verify_helper(v, i);
		s->pc++;
		return err;
	default: return verify_branch(v, i);
	}
}

static int do_constant(struct verifier *v, const struct bpf_insn *i)
{
	struct reg *dst = reg_at(v, i->dst_reg);
	int err = check_write(v, i->dst_reg);

	if (err)
		return err;
	if (!i->src_reg) {
		*dst = reg_number(bounds_const((u32)i->imm | (u64)(u32)i[1].imm << 32));
		return 0;
	}
	if ((u32)i->imm >= v->code->nr_maps)
		return refuse(v, -EINVAL, "there is no such map");
	*dst = reg_pointer(i->src_reg == BPF_PSEUDO_MAP_FD ? MAP : VALUE);
	dst->map = v->code->maps[i->imm];
	if (dst->kind == VALUE)
		dst->off = i[1].imm;
	return 0;
}

static int step(struct verifier *v, const struct bpf_insn *i)
{
	int err;

	switch (BPF_CLASS(i->code)) {
	case BPF_JMP:
	case BPF_JMP32: return do_jump(v, i);
	case BPF_ALU:
	case BPF_ALU64: err = verify_alu(v, i); break;
	case BPF_LDX: err = verify_load(v, i); break;
	case BPF_ST: err = verify_store(v, i); break;
	case BPF_STX:
		err = BPF_MODE(i->code) == BPF_ATOMIC ? verify_atomic(v, i) : verify_store(v, i);
		break;
	default: err = ebpf_is_imm64(i) ? do_constant(v, i) : verify_legacy_load(v, i);
	}
	v->now->pc += ebpf_is_imm64(i) ? 2 : 1;
	return err;
}

/* Follows all paths. Returns 0 or -errno; -E2BIG: too many instructions; -EAGAIN: a signal. */
static int walk(struct verifier *v)
{
	int err = 0;
	u32 pc;

	while (v->now && err >= 0) {
		if (++v->processed > EBPF_MAX_INSNS)
			return refuse(v, -E2BIG, "BPF program is too large. Processed %u insn",
				v->processed);
		if (!(v->processed & 255)) {
			cond_resched();
			if (wait_interrupted(TASK_INTERRUPTIBLE))
				return -EAGAIN;
		}
		pc = v->now->pc;
		err = v->starts[pc] & FLOW_MEET ? meet(v) : 0;
		if (!err)
			err = step(v, &v->code->insn[pc]);
		if (err < 0)
			ebpf_log(v->log, "at insn %u (%02x)\n", pc, v->code->insn[pc].code);
		else if (err)
			err = next_way(v);
	}
	return err;
}

/* ---- the stack use of nested calls ---- */

static u32 share(const struct verifier *v, u32 start)
{
	return max(round_up((u32)v->depth_of[start], DEPTH_UNIT), (u32)DEPTH_UNIT);
}

/*
 * Checks the stack use of the function that begins at @start and of the functions that it calls.
 * The callers of the function use @used bytes of stack. @frames: the number of nested functions,
 * including this one. Stores the stack use of the function in its call instructions. Returns 0 or
 * -errno.
 */
static int check_depth(struct verifier *v, u32 start, u32 used, u32 frames)
{
	struct bpf_insn *insn = v->code->insn;
	int err = 0;

	used += share(v, start);
	if (used > EBPF_STACK)
		return refuse(v, -EACCES, "combined stack size of %u calls is %u. Too large",
			frames, used);
	for (u32 pc = start; pc < v->code->n && !err; pc++) {
		if (pc > start && v->starts[pc] & FLOW_START)
			break;
		if (++v->steps > STEPS_MAX)
			return refuse(v, -E2BIG, "too many ways through the functions");
		if (!(v->steps & 4095))
			cond_resched();
		if (!ebpf_is_call(&insn[pc], BPF_PSEUDO_CALL))
			continue;
		if (frames == EBPF_FRAMES)
			return refuse(
				v, -E2BIG, "the call stack of %u frames is too deep", frames + 1);
		insn[pc].off = (s16)share(v, start);
		err = check_depth(v, (u32)ebpf_target(&insn[pc], pc), used, frames + 1);
	}
	return err;
}

/* ---- the whole program ---- */

static void verifier_free(struct verifier *v)
{
	struct state *s;

	for (u32 pc = 0; v->kept && pc < v->code->n; pc++)
		while ((s = v->kept[pc])) {
			v->kept[pc] = s->next;
			state_free(s);
		}
	while ((s = v->waiting)) {
		v->waiting = s->next;
		state_free(s);
	}
	state_free(v->now);
	kfree(v->kept);
	kfree(v->live);
	kfree(v->starts);
	kfree(v->depth_of);
	kfree(v);
}

static struct verifier *verifier_new(
	struct ebpf_code *code, const struct ebpf_rights *r, struct ebpf_log *log)
{
	struct verifier *v = kzalloc(sizeof(*v), GFP_KERNEL | __GFP_ACCOUNT);
	gfp_t gfp = GFP_KERNEL | __GFP_ACCOUNT;

	if (!v)
		return NULL;
	v->code = code;
	v->rights = r;
	v->log = log;
	v->kept = kzalloc(code->n * sizeof(*v->kept), gfp);
	v->live = kzalloc(code->n * sizeof(*v->live), gfp);
	v->starts = kzalloc(code->n * sizeof(*v->starts), gfp);
	v->depth_of = kzalloc(code->n * sizeof(*v->depth_of), gfp);
	if (v->kept && v->live && v->starts && v->depth_of)
		return v;
	verifier_free(v);
	return NULL;
}

static int begin(struct verifier *v)
{
	struct frame *f;

	v->now = kzalloc(sizeof(*v->now), GFP_KERNEL | __GFP_ACCOUNT);
	if (!v->now)
		return -ENOMEM;
	f = v->now->frame[0] = frame_new(SLOTS);
	if (!f)
		return -ENOMEM;
	f->r[BPF_REG_1] = reg_pointer(CTX);
	f->r[BPF_REG_10] = reg_pointer(STACK);
	return 0;
}

int ebpf_verify(
	struct ebpf_code *code, const struct ebpf_rights *r, struct ebpf_log *log, u32 *processed)
{
	struct verifier *v = verifier_new(code, r, log);
	int err;

	*processed = 0;
	if (!v)
		return -ENOMEM;
	err = ebpf_check_form(code, v->starts, log);
	if (!err)
		err = begin(v);
	if (!err) {
		find_live(v);
		err = walk(v);
		*processed = v->processed;
	}
	if (!err)
		err = check_depth(v, 0, 0, 1);
	verifier_free(v);
	return err;
}
