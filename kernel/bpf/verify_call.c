/* SPDX-License-Identifier: MIT */
/*
 * verify_call.c: calls of helpers: checks the types of the arguments, and sets the type of the
 * result.
 */
#include "kernel/bpf/helper.h"
#include "kernel/bpf/map.h"
#include "kernel/bpf/verify.h"

struct call {
	const struct ebpf_helper *h;
	u32 id;
	struct bpf_map *map; /* the preceding ARG_MAP argument */
};

/*
 * Checks the size in register @r, and the memory of that size to which register @r - 1 points.
 * @want: ARG_SIZE or ARG_SIZE_OR_0. @write: the helper writes the memory.
 */
static int check_size(struct verifier *v, u32 r, enum arg want, bool write)
{
	const struct reg *n = reg_at(v, r);
	u64 most = n->b.wide.umax;
	int err;

	if (n->kind != NUMBER)
		return refuse(v, -EACCES, "R%u type=%s expected=scalar", r, kind_name(n));
	if (n->b.wide.smin < 0)
		return refuse(v, -EACCES,
			"R%u min value is negative, either use unsigned or 'var &= const'", r);
	if (want == ARG_SIZE && !n->b.wide.umin)
		return refuse(v, -EACCES, "R%u invalid zero-sized read: u64=[%lu,%lu]", r,
			(unsigned long)n->b.wide.umin, (unsigned long)most);
	if (most >= MAX_OFF)
		return refuse(v, -EACCES,
			"R%u unbounded memory access, use 'var &= const' or 'if (var < const)'", r);
	if (!most)
		return 0;
	/* The helper may write only a part, so the memory must already be initialised. */
	if (write && !bounds_is_const(&n->b)) {
		err = check_helper_memory(v, r - 1, (u32)most, false);
		if (err)
			return err;
	}
	return check_helper_memory(v, r - 1, (u32)most, write);
}

static int check_map_kind(struct verifier *v, const struct call *c, const struct bpf_map *m)
{
	bool ok;

	switch (c->id) {
	case BPF_FUNC_tail_call: ok = m->type == BPF_MAP_TYPE_PROG_ARRAY; break;
	case BPF_FUNC_map_push_elem:
	case BPF_FUNC_map_pop_elem:
	case BPF_FUNC_map_peek_elem: ok = m->ops->no_key; break;
	default: ok = m->ops->prog && !m->ops->no_key;
	}
	if (!ok)
		return refuse(v, -EINVAL, "cannot pass map_type %u into func %s#%u", m->type,
			c->h->name, c->id);
	if ((c->id == BPF_FUNC_map_update_elem || c->id == BPF_FUNC_map_delete_elem ||
		    c->id == BPF_FUNC_map_push_elem || c->id == BPF_FUNC_map_pop_elem) &&
		m->flags & BPF_F_RDONLY_PROG)
		return refuse(v, -EACCES, "write into map forbidden");
	return 0;
}

/* Checks argument @n (0 for r1). Keeps the map of an ARG_MAP in @c. */
static int check_arg(struct verifier *v, struct call *c, u32 n)
{
	u32 r = n + 1;
	enum arg want = c->h->arg[n];
	const struct reg *p = reg_at(v, r);
	int err = check_read(v, r);

	if (err)
		return err;
	switch (want) {
	case ARG_ANY:
		if (is_pointer(p) && !v->rights->perfmon)
			return refuse(v, -EACCES, "R%u leaks addr into helper function", r);
		return 0;
	case ARG_CTX:
		if (p->kind != CTX)
			return refuse(v, -EACCES, "R%u type=%s expected=ctx", r, kind_name(p));
		return p->off ? refuse(v, -EACCES,
					"dereference of modified ctx ptr R%u off=%d disallowed", r,
					p->off) :
				0;
	case ARG_MAP:
		if (p->kind != MAP)
			return refuse(v, -EACCES, "R%u type=%s expected=map_ptr", r, kind_name(p));
		c->map = p->map;
		return check_map_kind(v, c, p->map);
	case ARG_KEY: return check_helper_memory(v, r, c->map->key_size, false);
	case ARG_VALUE: return check_helper_memory(v, r, c->map->value_size, false);
	case ARG_VALUE_OUT: return check_helper_memory(v, r, c->map->value_size, true);
	case ARG_MEM:
	case ARG_MEM_OUT: return 0; /* checked with the size that follows */
	case ARG_SIZE:
	case ARG_SIZE_OR_0: return check_size(v, r, want, c->h->arg[n - 1] == ARG_MEM_OUT);
	default: return 0;
	}
}

static int check_allowed(struct verifier *v, const struct call *c)
{
	const struct ebpf_helper *h = c->h;
	u32 type = v->code->type->type;
	bool cgroup = type != BPF_PROG_TYPE_SOCKET_FILTER;

	if ((h->packet && !v->code->type->packet) || (h->cgroup && !cgroup))
		return refuse(
			v, -EINVAL, "program of this type cannot use helper %s#%u", h->name, c->id);
	/* A tail call would return from the whole program, not only from this function. */
	if (c->id == BPF_FUNC_tail_call && v->now->depth)
		return refuse(
			v, -EINVAL, "tail calls are not allowed in functions that are called");
	if (h->gpl && !v->rights->gpl)
		return refuse(v, -EINVAL,
			"cannot call GPL-restricted function from non-GPL compatible program");
	return 0;
}

int verify_helper(struct verifier *v, const struct bpf_insn *i)
{
	struct call c = { .h = ebpf_helper_of((u32)i->imm), .id = (u32)i->imm };
	struct reg *r0;
	int err;

	if (!c.h)
		return refuse(v, -EINVAL, "invalid func unknown#%d", i->imm);
	err = check_allowed(v, &c);
	for (u32 n = 0; n < 5 && c.h->arg[n] != ARG_NONE && !err; n++)
		err = check_arg(v, &c, n);
	if (err)
		return err;
	for (u32 r = BPF_REG_0; r <= BPF_REG_5; r++)
		reg_at(v, r)->kind = NOTHING;
	r0 = reg_at(v, BPF_REG_0);
	switch (c.h->ret) {
	case RET_NUMBER: *r0 = reg_number(bounds_unknown()); break;
	case RET_VALUE:
		*r0 = reg_pointer(VALUE);
		r0->map = c.map;
		r0->maybe_null = true;
		r0->id = ++v->ids;
		break;
	case RET_NOTHING: break;
	}
	return 0;
}
