/* SPDX-License-Identifier: MIT */
/*
 * swap.c: swap areas and their slots. docs/swap.md describes the life of a swapped page.
 *
 * A slot has a count: the number of entries that refer to it, plus its uses (tasks that read it
 * in). While its content is being written, the slot also has the frame (held). If the write fails,
 * it keeps the frame (KEPT), and reads return the frame. A slot is free when its count is 0 and no
 * write of it is under way; a slot whose write has failed is not used again.
 *
 * Slots are in clusters of one frame each. A cluster exists only while one of its slots is in use,
 * so an empty area costs ten bytes for 208 slots.
 *
 * Lock: swap_lock protects all areas and slots. It is innermost, and is taken inside
 * page_table_lock.
 */
#include "kernel/mm/group/memcg.h"
#include "kernel/mm/swap/swap_internal.h"

#define SLOTS 208 /* number of slots of a cluster */
#define COUNT_MAX 0xfff0

#define TAKEN 1 /* in use, or being taken */
#define WRITING 2
#define KEPT 4
#define BAD 8

struct cluster {
	struct page *held[SLOTS];
	/* group whose memory.swap.current is charged for the slot, or NULL */
	struct mem_group *group[SLOTS];
	u16 count[SLOTS];
	/* 0: free; else TAKEN with other bits */
	u8 state[SLOTS];
};

struct swap_area {
	struct list_head link; /* list of areas, by priority */
	u32 type;
	s32 prio;
	bool open; /* slots can be taken */
	/* number of all slots; usable ones; usable ones in use */
	u64 slots, usable, used;
	/* cluster in which slots were found last */
	u64 cursor;
	u64 nr_clusters;
	/* The members below are set once. Under swap_lock: what in_use and cluster point to. */
	const struct swap_backing *ops;
	void *backing;
	/* slots in use in each cluster, bad ones too */
	u16 *in_use;
	struct cluster *cluster[];
};

static DEFINE_SPINLOCK(swap_lock);
static LIST_HEAD(areas);
static struct swap_area *by_type[SWAP_AREAS];
/* usable and free slots of open areas */
static u64 nr_total, nr_free;
/* frames that slots have */
static u64 nr_held;
static s32 least_prio = -1;
int sysctl_swappiness = 60;

/* ---- slots; under swap_lock ---- */

struct place {
	struct swap_area *a;
	struct cluster *c;
	u64 ci;
	u32 i;
};

/* Returns where a slot in use is recorded. swap_lock is held. */
static struct place place_of(struct swap_area *a, u64 slot)
{
	struct place at = { a, NULL, slot / SLOTS, (u32)(slot % SLOTS) };

	BUG_ON(!a || slot >= a->slots || !a->cluster[at.ci]);
	at.c = a->cluster[at.ci];
	BUG_ON(!(at.c->state[at.i] & TAKEN));
	return at;
}

static struct place place_of_entry(pte_t e)
{
	return place_of(by_type[swap_type(e)], swap_slot(e));
}

static void forget_group(const struct place *at)
{
	struct mem_group *g = at->c->group[at->i];

	at->c->group[at->i] = NULL;
	if (g)
		mem_swap_uncharge(g);
}

/* Frees a slot, and its cluster if that is empty then. swap_lock is held. */
static void slot_free(const struct place *at)
{
	struct swap_area *a = at->a;

	forget_group(at);
	at->c->state[at->i] = 0;
	a->used--;
	if (a->open)
		nr_free++;
	if (--a->in_use[at->ci])
		return;
	a->cluster[at->ci] = NULL;
	free_page_addr(at->c);
}

/* Marks a slot unusable: the disk has refused its write, and its content is no longer needed. */
static void slot_is_bad(const struct place *at)
{
	struct swap_area *a = at->a;

	forget_group(at);
	at->c->state[at->i] = TAKEN | BAD;
	a->used--;
	a->usable--;
	if (a->open)
		nr_total--;
}

static struct page *take_held(const struct place *at)
{
	struct page *p = at->c->held[at->i];

	at->c->held[at->i] = NULL;
	nr_held--;
	return p;
}

/* ---- counts ---- */

/* The body of swap_get() and, with @held, of swap_use(). */
static bool count_up(pte_t e, struct page **held)
{
	struct place at;
	bool ok;

	spin_lock(&swap_lock);
	at = place_of_entry(e);
	BUG_ON(!at.c->count[at.i]);
	ok = at.c->count[at.i] < COUNT_MAX;
	if (ok)
		at.c->count[at.i]++;
	if (ok && held) {
		*held = at.c->held[at.i];
		if (*held)
			get_page(*held);
	}
	spin_unlock(&swap_lock);
	return ok;
}

bool swap_get(pte_t e)
{
	return count_up(e, NULL);
}

bool swap_use(pte_t e, struct page **held)
{
	return count_up(e, held);
}

void swap_put(pte_t e)
{
	struct page *kept = NULL;
	struct place at;

	spin_lock(&swap_lock);
	at = place_of_entry(e);
	BUG_ON(!at.c->count[at.i]);
	if (!--at.c->count[at.i] && !(at.c->state[at.i] & WRITING)) {
		if (at.c->state[at.i] & KEPT) {
			kept = take_held(&at);
			slot_is_bad(&at);
		} else {
			slot_free(&at);
		}
	}
	spin_unlock(&swap_lock);
	if (kept)
		put_page(kept);
}

u32 swap_look(pte_t e, bool *held)
{
	struct swap_area *a;
	struct cluster *c;
	u32 n = 0;

	spin_lock(&swap_lock);
	a = by_type[swap_type(e)];
	c = a && swap_slot(e) < a->slots ? a->cluster[swap_slot(e) / SLOTS] : NULL;
	if (c) {
		n = c->count[swap_slot(e) % SLOTS];
		*held = c->held[swap_slot(e) % SLOTS];
	}
	spin_unlock(&swap_lock);
	return n;
}

/* ---- reading; the slot is in use, so its area exists ---- */

static struct swap_area *area_of(pte_t e)
{
	struct swap_area *a;

	spin_lock(&swap_lock);
	a = by_type[swap_type(e)];
	spin_unlock(&swap_lock);
	return a;
}

int swap_read(pte_t e, struct page **pages, u32 n)
{
	struct swap_area *a = area_of(e);

	return a->ops->read(a->backing, swap_slot(e), pages, n);
}

u32 swap_run(pte_t e, u32 n)
{
	struct swap_area *a = area_of(e);

	return a->ops->run(a->backing, swap_slot(e), n);
}

/* ---- taking slots ---- */

/* Finds the longest run of free slots in the cluster, up to @want, and returns its length. */
static u32 longest_run(const struct swap_area *a, u64 ci, u32 want, u32 *first)
{
	const struct cluster *c = a->cluster[ci];
	u32 limit = (u32)min(a->slots - ci * SLOTS, (u64)SLOTS), best = 0;

	for (u32 i = 0; i < limit && best < want; i++) {
		u32 n = 0;

		while (i + n < limit && n < want && !c->state[i + n])
			n++;
		if (n > best) {
			best = n;
			*first = i;
		}
		i += n;
	}
	return best ? a->ops->run(a->backing, ci * SLOTS + *first, best) : 0;
}

/*
 * Returns the number of a cluster of @a with at least @room free slots, searching round from the
 * cursor, or -1. A cluster without a frame gets *spare.
 */
static s64 find_cluster(struct swap_area *a, u32 room, struct cluster **spare)
{
	for (u64 k = 0; k < a->nr_clusters; k++) {
		u64 ci = a->cursor + k;

		if (ci >= a->nr_clusters)
			ci -= a->nr_clusters;
		if (a->in_use[ci] + room > min(a->slots - ci * SLOTS, (u64)SLOTS))
			continue;
		if (!a->cluster[ci]) {
			if (!*spare)
				continue;
			a->cluster[ci] = *spare;
			*spare = NULL;
		}
		return (s64)ci;
	}
	return -1;
}

/*
 * Takes up to @want consecutive slots of the area. *spare: a zeroed frame for a new cluster, NULL
 * once it is used. swap_lock is held. Returns false if no slot is free.
 */
static bool take_from(struct swap_area *a, struct swap_slots *s, u32 want, struct cluster **spare)
{
	s64 ci = find_cluster(a, want, spare);
	u32 first, n;

	if (ci < 0)
		ci = find_cluster(a, 1, spare);
	n = ci < 0 ? 0 : longest_run(a, (u64)ci, want, &first);
	if (!n)
		return false;
	for (u32 i = 0; i < n; i++)
		a->cluster[ci]->state[first + i] = TAKEN;
	a->in_use[ci] = (u16)(a->in_use[ci] + n);
	a->used += n;
	nr_free -= n;
	a->cursor = (u64)ci;
	s->area = a;
	s->first = (u64)ci * SLOTS + first;
	s->n = n;
	return true;
}

/* Moves an area behind the others of equal priority, so that they take turns. */
static void rotate(struct swap_area *a)
{
	struct swap_area *next = a;

	while (next->link.next != &areas && list_next_entry(next, link)->prio == a->prio)
		next = list_next_entry(next, link);
	if (next == a)
		return;
	list_del(&a->link);
	list_add(&a->link, &next->link);
}

static bool take_anywhere(struct swap_slots *s, u32 want, struct cluster **spare)
{
	struct swap_area *a;

	list_for_each_entry(a, &areas, link) {
		if (!a->open || a->used >= a->usable || a->ops->busy(a->backing))
			continue;
		if (take_from(a, s, want, spare)) {
			rotate(a);
			return true;
		}
	}
	return false;
}

/* Takes slots. While a slot is taken its area cannot be removed. */
bool swap_slots_take(struct swap_slots *s, u32 want)
{
	struct cluster *spare;
	bool found;

	if (!READ_ONCE(nr_free))
		return false;
	spare = get_free_page(GFP_ATOMIC | __GFP_ZERO);
	spin_lock(&swap_lock);
	found = take_anywhere(s, want, &spare);
	spin_unlock(&swap_lock);
	if (spare)
		free_page_addr(spare);
	if (!found)
		return false;
	s->request = s->area->ops->write_begin(s->area->backing);
	if (s->request)
		return true;
	swap_slots_return(s, 0);
	return false;
}

void swap_slots_cancel(struct swap_slots *s)
{
	s->area->ops->write_cancel(s->request);
}

void swap_slots_return(struct swap_slots *s, u32 used)
{
	struct swap_area *a = s->area;

	spin_lock(&swap_lock);
	for (u32 i = used; i < s->n; i++) {
		struct place at = place_of(a, s->first + i);

		slot_free(&at);
	}
	spin_unlock(&swap_lock);
}

pte_t swap_slot_fill(const struct swap_slots *s, u32 i, struct page *p, struct mem_group **full)
{
	struct mem_group *g = p->memcg;
	struct place at;

	if (g && !mem_swap_charge(g, full))
		return 0;
	spin_lock(&swap_lock);
	at = place_of(s->area, s->first + i);
	at.c->state[at.i] = TAKEN | WRITING;
	at.c->count[at.i] = 1;
	at.c->held[at.i] = p;
	at.c->group[at.i] = g;
	nr_held++;
	spin_unlock(&swap_lock);
	return swap_entry(s->area->type, s->first + i);
}

void swap_slots_write(const struct swap_slots *s, struct page **pages, u32 n,
	void (*done)(void *arg, int status), void *arg)
{
	s->area->ops->write(s->area->backing, s->request, s->first, pages, n, done, arg);
}

bool swap_slot_written(const struct swap_slots *s, u32 i, struct page *p, int status)
{
	struct place at;
	bool kept;

	spin_lock(&swap_lock);
	at = place_of(s->area, s->first + i);
	BUG_ON(at.c->held[at.i] != p);
	at.c->state[at.i] &= (u8)~WRITING;
	kept = status && at.c->count[at.i];
	if (kept) {
		at.c->state[at.i] |= KEPT;
	} else {
		take_held(&at);
		if (status)
			slot_is_bad(&at);
		else if (!at.c->count[at.i])
			slot_free(&at);
	}
	spin_unlock(&swap_lock);
	if (!kept) {
		mem_count(p, MEM_STOLEN, 1);
		put_page(p);
	}
	return !kept;
}

/* ---- areas ---- */

static u64 clusters_for(u64 slots)
{
	return DIV_ROUND_UP(slots, SLOTS);
}

/* Returns the largest number of slots for which tables can be allocated. */
static u64 slots_that_fit(u64 slots)
{
	u64 most = ((4UL << 20) - sizeof(struct swap_area)) / sizeof(struct cluster *) * SLOTS;

	return min(slots, min(most, SWAP_SLOT_MASK));
}

void swap_area_free(struct swap_area *a)
{
	for (u64 i = 0; i < a->nr_clusters; i++)
		if (a->cluster[i])
			free_page_addr(a->cluster[i]);
	kfree(a->in_use);
	kfree(a);
}

/* Marks a slot as unusable before the area is published. */
static int mark_bad(struct swap_area *a, u64 slot)
{
	u64 ci = slot / SLOTS;

	if (slot >= a->slots)
		return 0;
	if (!a->cluster[ci])
		a->cluster[ci] = get_free_page(GFP_KERNEL | __GFP_ZERO);
	if (!a->cluster[ci])
		return -ENOMEM;
	if (a->cluster[ci]->state[slot % SLOTS])
		return 0;
	a->cluster[ci]->state[slot % SLOTS] = TAKEN | BAD;
	a->in_use[ci]++;
	a->usable--;
	return 0;
}

/* Makes an area that no table refers to yet. May sleep. NULL: no memory. */
static struct swap_area *area_make(
	const struct swap_backing *ops, void *backing, const struct swap_layout *l)
{
	u64 slots = slots_that_fit(l->slots), n = clusters_for(slots);
	struct swap_area *a = kzalloc(sizeof(*a) + n * sizeof(a->cluster[0]), GFP_KERNEL);
	int err;

	if (!a)
		return NULL;
	a->slots = a->usable = slots;
	a->nr_clusters = n;
	a->ops = ops;
	a->backing = backing;
	a->prio = l->prio;
	a->in_use = kzalloc(n * sizeof(a->in_use[0]), GFP_KERNEL);
	err = a->in_use ? mark_bad(a, 0) : -ENOMEM; /* slot 0 is the header */
	for (u32 i = 0; i < l->nr_bad && !err; i++)
		err = mark_bad(a, l->bad[i]);
	if (!err)
		return a;
	if (!a->in_use)
		a->nr_clusters = 0;
	swap_area_free(a);
	return NULL;
}

/* Adds an area to the list, behind those of equal priority. */
static void link_area(struct swap_area *a)
{
	struct swap_area *b;

	list_for_each_entry(b, &areas, link) {
		if (b->prio < a->prio) {
			list_add_tail(&a->link, &b->link);
			return;
		}
	}
	list_add_tail(&a->link, &areas);
}

static void area_open(struct swap_area *a)
{
	a->open = true;
	nr_total += a->usable;
	nr_free += a->usable - a->used;
}

struct swap_area *swap_area_add(
	const struct swap_backing *ops, void *backing, const struct swap_layout *l)
{
	struct swap_area *a = area_make(ops, backing, l);
	u32 type = 0;

	if (!a)
		return ERR_PTR(-ENOMEM);
	spin_lock(&swap_lock);
	while (type < SWAP_AREAS && by_type[type])
		type++;
	if (type < SWAP_AREAS) {
		a->type = type;
		by_type[type] = a;
		if (a->prio < 0)
			a->prio = --least_prio;
		link_area(a);
		area_open(a);
	}
	spin_unlock(&swap_lock);
	if (type < SWAP_AREAS)
		return a;
	swap_area_free(a);
	return ERR_PTR(-EPERM);
}

/* Stops new use of the area. Returns false if that was done already. */
static bool area_close(struct swap_area *a)
{
	bool was;

	spin_lock(&swap_lock);
	was = a->open;
	if (was) {
		a->open = false;
		nr_total -= a->usable;
		nr_free -= a->usable - a->used;
	}
	spin_unlock(&swap_lock);
	return was;
}

/* Removes an area from the list, and closes the gap in the default priorities. */
static void area_unlink(struct swap_area *a)
{
	struct swap_area *b;

	by_type[a->type] = NULL;
	list_del(&a->link);
	if (a->prio >= 0)
		return;
	least_prio++;
	list_for_each_entry(b, &areas, link)
		if (b->prio < a->prio)
			b->prio++;
}

static bool in_use(struct swap_area *a)
{
	return READ_ONCE(a->used);
}

int swap_area_remove(struct swap_area *a)
{
	int err;

	if (!area_close(a))
		return -EINVAL;
	err = swap_in_all((int)a->type, in_use, a);
	/* taking swap_lock also waits for the task that freed the last slot to leave the area */
	spin_lock(&swap_lock);
	if (err)
		area_open(a);
	else
		area_unlink(a);
	spin_unlock(&swap_lock);
	return err;
}

void swap_area_stat(struct swap_area *a, struct swap_stat *st)
{
	spin_lock(&swap_lock);
	*st = (struct swap_stat){ .pages = a->usable, .used = a->used, .prio = a->prio };
	spin_unlock(&swap_lock);
}

u64 nr_swap_pages(void)
{
	return READ_ONCE(nr_total);
}

u64 nr_swap_free(void)
{
	return READ_ONCE(nr_free);
}

u64 nr_swap_cached(void)
{
	return READ_ONCE(nr_held);
}
