/* SPDX-License-Identifier: MIT */
/*
 * verify_state.c: states of the verifier: copies, and the test whether a state covers another, so
 * that the instructions after it need not be verified twice.
 *
 * A register of the old state covers the register of the new state if the new bounds are within the
 * old ones. A register that is not read any more (verifier.live) is not compared. Ids are compared
 * as names: wherever the old state has an id, the new state must have an id, and always the same
 * one for it. Where the old state has none, the new state may have any.
 */
#include "kernel/bpf/verify.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

#define MAX_NAMES 64

struct frame *frame_new(u32 slots)
{
	struct frame *f =
		kzalloc(sizeof(*f) + slots * sizeof(struct slot), GFP_KERNEL | __GFP_ACCOUNT);

	if (f)
		f->nr_slots = slots;
	return f;
}

void state_free(struct state *s)
{
	for (u32 i = 0; s && i < EBPF_FRAMES; i++)
		kfree(s->frame[i]);
	kfree(s);
}

/*
 * Returns the number of used slots. Slots count down from the top of the stack: s[0] is the eight
 * bytes below r10.
 */
static u32 slots_in_use(const struct frame *f)
{
	u32 n = f->nr_slots;

	while (n && !f->s[n - 1].written)
		n--;
	return n;
}

struct state *state_copy(const struct state *s, bool whole)
{
	struct state *c = kzalloc(sizeof(*c), GFP_KERNEL | __GFP_ACCOUNT);
	const struct frame *from;
	u32 n;

	if (!c)
		return NULL;
	c->depth = s->depth;
	c->pc = s->pc;
	c->parent = s->parent;
	for (u32 i = 0; i <= s->depth; i++) {
		from = s->frame[i];
		n = slots_in_use(from);
		c->frame[i] = frame_new(whole ? SLOTS : n);
		if (!c->frame[i]) {
			state_free(c);
			return NULL;
		}
		memcpy(c->frame[i]->r, from->r, sizeof(from->r));
		memcpy(c->frame[i]->s, from->s, n * sizeof(struct slot));
		c->frame[i]->callsite = from->callsite;
		c->frame[i]->start = from->start;
	}
	return c;
}

/* ---- comparing ---- */

struct names {
	u32 n;
	u32 old[MAX_NAMES], now[MAX_NAMES];
};

static bool same_name(struct names *names, u32 old, u32 now)
{
	if (!old)
		return true; /* the old state relied on no relation */
	if (!now)
		return false;
	for (u32 i = 0; i < names->n; i++)
		if (names->old[i] == old || names->now[i] == now)
			return names->old[i] == old && names->now[i] == now;
	if (names->n == MAX_NAMES)
		return false;
	names->old[names->n] = old;
	names->now[names->n++] = now;
	return true;
}

static bool reg_covers(struct names *names, const struct reg *old, const struct reg *now)
{
	if (old->kind == NOTHING)
		return true;
	if (old->kind != now->kind || old->maybe_null != now->maybe_null ||
		!same_name(names, old->id, now->id))
		return false;
	if (old->kind == NUMBER)
		return bounds_within(&old->b, &now->b);
	return old->off == now->off && old->frame == now->frame && old->map == now->map &&
	       old->range <= now->range && bounds_within(&old->b, &now->b);
}

static bool slot_covers(struct names *names, const struct slot *old, const struct slot *now)
{
	if ((old->written & now->written) != old->written)
		return false;
	/* Plain bytes in the old state cover everything but a pointer. */
	if (!old->spilled)
		return !old->written || !now->spilled || !is_pointer(&now->r);
	return now->spilled == old->spilled && reg_covers(names, &old->r, &now->r);
}

static bool frame_covers(
	struct names *names, const struct frame *old, const struct frame *now, u32 live)
{
	static const struct slot empty;

	if (old->callsite != now->callsite || old->start != now->start)
		return false;
	for (u32 i = 0; i < MAX_BPF_REG; i++)
		if (live >> i & 1 && !reg_covers(names, &old->r[i], &now->r[i]))
			return false;
	for (u32 i = 0; i < old->nr_slots; i++)
		if (!slot_covers(names, &old->s[i], i < now->nr_slots ? &now->s[i] : &empty))
			return false;
	return true;
}

bool state_covers(const struct verifier *v, const struct state *old, const struct state *now)
{
	struct names names;
	u32 live;

	if (old->depth != now->depth)
		return false;
	names.n = 0;
	for (u32 i = old->depth + 1; i--;) { /* innermost first: it differs most often */
		/*
		 * In a caller, the registers that it reads after the call, except r0, which the
		 * call sets.
		 */
		live = i == old->depth ? v->live[old->pc] :
					 v->live[old->frame[i + 1]->callsite + 1] & ~1u;
		if (!frame_covers(&names, old->frame[i], now->frame[i], live))
			return false;
	}
	return true;
}
