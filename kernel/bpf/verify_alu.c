/* SPDX-License-Identifier: MIT */
/* verify_alu.c: arithmetic on numbers and pointers. */
#include "kernel/bpf/verify.h"

static int check_bpf_end(struct verifier *v, const struct bpf_insn *i)
{
	int err = check_read(v, i->dst_reg);

	if (!err)
		err = check_number(v, i->dst_reg, "arithmetic");
	if (!err)
		err = check_write(v, i->dst_reg);
	return err;
}

static struct bounds value_of_imm(s32 imm)
{
	return bounds_const((u64)(s64)imm);
}

static int do_end(struct verifier *v, const struct bpf_insn *i)
{
	struct reg *dst = reg_at(v, i->dst_reg);
	int err = check_bpf_end(v, i);
	bool turns = BPF_CLASS(i->code) == BPF_ALU64 || BPF_SRC(i->code) == BPF_TO_BE;

	if (err)
		return err;
	if (turns) /* a byte swap: only its width is known */
		*dst = reg_number(bounds_of_size((u32)i->imm / 8, false));
	else
		*dst = reg_number(bounds_cast(&dst->b, (u32)i->imm, false, true));
	return 0;
}

static int do_neg(struct verifier *v, const struct bpf_insn *i)
{
	struct reg *dst = reg_at(v, i->dst_reg);
	struct bounds zero = bounds_const(0);
	int err = check_bpf_end(v, i);

	if (!err)
		*dst = reg_number(
			bounds_alu(BPF_SUB, BPF_CLASS(i->code) == BPF_ALU64, 0, &zero, &dst->b));
	return err;
}

/* Gives a number in a register an id, so that its copies are known to be equal to it. */
static void name_number(struct verifier *v, struct reg *r)
{
	if (r->kind == NUMBER && !r->id && !bounds_is_const(&r->b))
		r->id = ++v->ids;
}

static int do_mov(struct verifier *v, const struct bpf_insn *i)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	struct reg *dst = reg_at(v, i->dst_reg), *src = reg_at(v, i->src_reg);
	u32 bits = i->off ? (u32)i->off : wide ? 64 : 32;
	int err = BPF_SRC(i->code) == BPF_X ? check_read(v, i->src_reg) : 0;

	if (!err)
		err = check_write(v, i->dst_reg);
	if (err)
		return err;
	if (BPF_SRC(i->code) == BPF_K) {
		*dst = reg_number(bounds_const(wide ? (u64)(s64)i->imm : (u32)i->imm));
		return 0;
	}
	if (wide && !i->off) {
		name_number(v, src);
		*dst = *src;
		return 0;
	}
	if (is_pointer(src) && i->off && wide)
		return refuse(v, -EACCES, "R%u sign-extension part of pointer", i->src_reg);
	if (is_pointer(src) && !v->rights->perfmon)
		return refuse(v, -EACCES, "R%u partial copy of pointer", i->src_reg);
	if (is_pointer(src))
		*dst = reg_number(bounds_of_size(4, false));
	else
		*dst = reg_number(bounds_cast(&src->b, bits, i->off, wide));
	return 0;
}

static bool within_limits(struct verifier *v, const struct reg *r)
{
	s64 off = r->off;

	return off > -MAX_OFF && off < MAX_OFF && r->b.wide.smin > -MAX_OFF &&
	       r->b.wide.smax < MAX_OFF;
}

static int check_pointer_op(struct verifier *v, u32 dst, const struct reg *p, u8 op)
{
	static const char *const names[] = {
		"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "", "s>>="
	};

	if (p->maybe_null)
		return refuse(v, -EACCES,
			"R%u pointer arithmetic on %s prohibited, null-check it first", dst,
			kind_name(p));
	if (op == BPF_AND || op == BPF_OR || op == BPF_XOR)
		return refuse(v, -EACCES, "R%u bitwise operator %s on pointer prohibited", dst,
			names[op >> 4]);
	if (op != BPF_ADD && op != BPF_SUB)
		return refuse(v, -EACCES, "R%u pointer arithmetic with %s operator prohibited", dst,
			names[op >> 4]);
	if (p->kind == STACK && op == BPF_SUB)
		return refuse(v, -EACCES, "R%u subtraction from stack pointer prohibited", dst);
	if (p->kind == MAP || p->kind == PACKET_END)
		return refuse(
			v, -EACCES, "R%u pointer arithmetic on %s prohibited", dst, kind_name(p));
	return 0;
}

/*
 * Sets register @dst to @p, a copy of a pointer, moved by the number @by with @op. Returns 0 or
 * -errno.
 */
static int move_pointer(struct verifier *v, u32 dst, struct reg p, const struct bounds *by, u8 op)
{
	struct bounds zero = bounds_const(0), minus;
	int err = check_pointer_op(v, dst, &p, op);

	if (err)
		return err;
	if (p.kind == CTX && !bounds_is_const(by))
		return refuse(
			v, -EACCES, "R%u pointer arithmetic on ctx by a variable prohibited", dst);
	if (by->wide.smin <= -MAX_OFF || by->wide.smax >= MAX_OFF)
		return refuse(v, -EINVAL,
			"math between %s pointer and register with unbounded min value is not "
			"allowed",
			kind_name(&p));
	if (bounds_is_const(by)) {
		p.off += op == BPF_ADD ? (s32)by->bits.value : -(s32)by->bits.value;
	} else {
		minus = bounds_alu(BPF_SUB, true, 0, &zero, by);
		p.b = bounds_alu(BPF_ADD, true, 0, &p.b, op == BPF_ADD ? by : &minus);
		/*
		 * Earlier comparisons of this pointer with the packet's end do not apply to the new
		 * pointer.
		 */
		if (p.kind == PACKET) {
			p.id = ++v->ids;
			p.range = 0;
		}
	}
	if (!within_limits(v, &p))
		return refuse(v, -EINVAL, "value %ld makes %s pointer be out of bounds",
			(long)by->wide.smin, kind_name(&p));
	if (p.kind == STACK && !bounds_is_const(&p.b) && !v->rights->perfmon)
		return refuse(v, -EACCES, "R%u variable stack access prohibited", dst);
	*reg_at(v, dst) = p;
	return 0;
}

static int do_pointer(struct verifier *v, const struct bpf_insn *i, const struct reg *src)
{
	struct reg *dst = reg_at(v, i->dst_reg);
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	u8 op = BPF_OP(i->code);

	if (is_pointer(dst) && is_pointer(src)) {
		if (op != BPF_SUB || !v->rights->perfmon)
			return refuse(v, -EACCES, "R%u pointer %s pointer prohibited", i->dst_reg,
				op == BPF_SUB ? "-=" : "op");
		*dst = reg_number(bounds_of_size(wide ? 8 : 4, false));
		return 0;
	}
	if (!wide) {
		if (op != BPF_SUB || !v->rights->perfmon || !is_pointer(dst))
			return refuse(
				v, -EACCES, "R%u 32-bit pointer arithmetic prohibited", i->dst_reg);
		*dst = reg_number(bounds_of_size(4, false));
		return 0;
	}
	if (is_pointer(dst))
		return move_pointer(v, i->dst_reg, *dst, &src->b, op);
	if (op == BPF_SUB)
		return refuse(v, -EACCES, "R%u tried to subtract pointer from scalar", i->dst_reg);
	return move_pointer(v, i->dst_reg, *src, &dst->b, op);
}

int verify_alu(struct verifier *v, const struct bpf_insn *i)
{
	bool x = BPF_SRC(i->code) == BPF_X;
	struct reg *dst = reg_at(v, i->dst_reg), src = reg_number(value_of_imm(i->imm));
	u8 op = BPF_OP(i->code);
	int err;

	if (op == BPF_END)
		return do_end(v, i);
	if (op == BPF_NEG)
		return do_neg(v, i);
	if (op == BPF_MOV)
		return do_mov(v, i);
	err = x ? check_read(v, i->src_reg) : 0;
	if (!err)
		err = check_read(v, i->dst_reg);
	if (!err)
		err = check_write(v, i->dst_reg);
	if (err)
		return err;
	if (x)
		src = *reg_at(v, i->src_reg);
	if (is_pointer(dst) || is_pointer(&src))
		return do_pointer(v, i, &src);
	*dst = reg_number(bounds_alu(op, BPF_CLASS(i->code) == BPF_ALU64, i->off, &dst->b, &src.b));
	return 0;
}
