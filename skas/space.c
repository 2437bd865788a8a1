/* SPDX-License-Identifier: MIT */
/*
 * space.c: spaces and the orders to their mappers.
 *
 *      space_make()   the zygote forks a mapper; nothing but the stub is mapped
 *      space_order()  queues a system call that the mapper shall make; a full batch flushes
 *      space_flush()  submits the batch and waits for the acknowledgement
 *      space_end()    kills and reaps all tasks
 *
 * The kernel submits a batch by writing the orders, their number, then seq (release), and waking
 * the mapper by futex. The mapper makes the calls in turn. With pwrite it writes the errno of the
 * first call that failed, then ack = seq. Until then the order area belongs to the mapper.
 *
 * Invariants:
 * 1. Only kernel, zygote and mapper write to the order area, and guest code cannot: an
 *    acknowledgement is evidence.
 * 2. A failed order leaves an address space in an unknown state: the space is dead. Orders of
 *    space_try_locked() change nothing if they fail.
 * 3. space->dead never becomes false again before space_end().
 *
 * Locks: space->lock protects what belongs to one space; index_lock (spin) protects the free
 * indices (FREE_LIST, nr_free, next_index).
 */
#include <asm/ldt.h>
#include <asm/unistd.h>
#include <linux/mman.h>

#include "kernel/lib/string.h"
#include "skas/internal.h"

#define LDT_WRITE 0x11
#define COUNT_FROM 32768
#define COUNT_STEP 8192
/* ns between checks whether the mapper lives */
#define MAPPER_PATIENCE (100 * NSEC_PER_MSEC)

/*
 * A stack of free indices that were used before, of MAX_SPACES entries, in the control file's first
 * area behind running[].
 */
#define FREE_LIST ((u16 *)(CTL_MAP_BASE + 0x2000))
#define MAX_SPACES 8192
/* ns between checks whether a killed runner is dead */
#define DEATH_SLICE (20 * NSEC_PER_USEC)
/* most ns that await_death() waits: the host cannot report a death if descriptors ran out */
#define DEATH_MOST (2 * NSEC_PER_SEC)
#define FIRST_INDEX 1
static DEFINE_SPINLOCK(index_lock);
static u32 nr_free, next_index;       /* protected by index_lock */
static u64 existing[MAX_SPACES / 64]; /* atomic bits */

void skas_lock(struct skas_mutex *m)
{
	u32 old = cmpxchg(&m->word, 0, 1);

	if (likely(!old))
		return;
	while (xchg(&m->word, 2))
		os_futex_wait(&m->word, 2, OS_FOREVER);
}

void skas_unlock(struct skas_mutex *m)
{
	if (xchg(&m->word, 0) == 2)
		os_futex_wake(&m->word, 1);
}

void space_init(void)
{
	nr_free = 0;
	next_index = FIRST_INDEX;
	memset(existing, 0, sizeof(existing));
	skas.max_spaces = MAX_SPACES;
}

static int index_get(void)
{
	int index = -EAGAIN;

	spin_lock(&index_lock);
	if (nr_free)
		index = FREE_LIST[--nr_free];
	else if (next_index < skas.max_spaces)
		index = (int)next_index++;
	spin_unlock(&index_lock);
	return index;
}

static void index_put(int index)
{
	spin_lock(&index_lock);
	FREE_LIST[nr_free++] = (u16)index;
	spin_unlock(&index_lock);
}

bool spaces_exist(void)
{
	bool any;

	spin_lock(&index_lock);
	any = next_index - FIRST_INDEX != nr_free;
	spin_unlock(&index_lock);
	return any;
}

struct space *space_next(u32 *index)
{
	for (; *index < READ_ONCE(next_index); ++*index)
		if (test_bit(*index % 64, &existing[*index / 64]))
			return space_at((int)*index);
	return NULL;
}

/* ---- making and ending ---- */

static void setup_runner(struct space *s, int cpu)
{
	struct runner *r = &s->runner[cpu];
	u8 *slot = (u8 *)s->orders + CTL_SLOT(cpu);

	memset(r, 0, sizeof(*r));
	r->space = s;
	r->cpu = cpu;
	r->ctl = (struct ctl_page *)slot;
	r->alt = slot + (SLOT_ALT - SLOT_CTL);
	r->va = skas.base + STUB_SLOTS + (u64)cpu * SLOT_STRIDE + SLOT_CTL;
	r->word = (u32 *)(CTL_MAP_BASE + CTL_WORDS + (u64)cpu * WORDS_SIZE + s->orders->word);
	r->pinned = -1;
	r->placed = 0;
}

/* Writes the stack_t of a slot, which the runner reads before it has a stack. */
static void setup_stack(struct space *s, int cpu)
{
	u64 *stack = (u64 *)((u8 *)s->orders + O_STACKS + cpu * STACK_T_SIZE);

	stack[0] = skas.base + STUB_SLOTS + (u64)cpu * SLOT_STRIDE + SLOT_ALT;
	stack[1] = 0;
	stack[2] = SLOT_ALT_SIZE;
}

/* Initialises the memory of space number @index, which has no tasks yet. */
static struct space *setup_space(int index)
{
	struct space *s = space_at(index);

	BUILD_BUG_ON(MAX_SPACES * sizeof(u32) > WORDS_SIZE);
	BUILD_BUG_ON(
		sizeof(struct space) + STUB_MAX_SLOTS * sizeof(struct runner) > CTL_PRIVATE_SIZE);
	memset(s, 0, sizeof(*s));
	s->index = index;
	s->orders = (struct order_area *)((u8 *)s - CTL_PRIVATE);
	s->mapper_pinned = -1;
	memset(s->orders, 0, O_BATCH);
	s->orders->word = (u32)index * sizeof(u32);
	s->orders->file = (u64)index * skas.ctl_stride + CTL_ORDERS;
	s->orders->flags = (skas.caps & OS_SPACE_SECCOMP ? OF_FILTER : 0) |
			   (skas.caps & OS_SPACE_FSGSBASE ? OF_FSGSBASE : 0) |
			   (skas_loads_bases() ? OF_BASES : 0);
	for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++) {
		setup_runner(s, cpu);
		setup_stack(s, cpu);
	}
	return s;
}

struct space *space_make(void)
{
	int index = index_get(), mapper;
	struct space *s;

	if (index < 0)
		return ERR_PTR(index);
	s = setup_space(index);
	mapper = os_space_fork(s->orders->file, CTL_ORDERS_SIZE((u64)skas.cfg.ncpus));
	if (mapper < 0) {
		index_put(index);
		return ERR_PTR(mapper);
	}
	s->mapper = mapper;
	set_bit((u32)index % 64, &existing[(u32)index / 64]);
	stat_inc(forks);
	return s;
}

static void signal_tasks(struct space *s)
{
	s->dead = true;
	s->queued = 0;
	stat_inc(killed);
	for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++)
		if (s->runner[cpu].state != RUNNER_NONE)
			os_space_end(s->runner[cpu].task);
	os_space_end(s->mapper);
}

/* Waits until the runner is dead. A runner that its own vCPU is ending has no task any more. */
static void await_death(struct runner *r)
{
	u64 end = os_clock_mono() + DEATH_MOST;

	while (READ_ONCE(r->state) != RUNNER_NONE && os_space_is_dead(r->task) != 1 &&
		os_clock_mono() < end)
		os_sleep_until(os_clock_mono() + DEATH_SLICE);
}

/*
 * Kills every task of the space and waits until they are dead; space_end() reaps them. s->lock
 * held, unless no other vCPU knows the space. A runner on another CPU runs until the signal has
 * reached it, and a caller that finds the space dead frees frames that the space maps. So this
 * function waits.
 */
void space_kill(struct space *s)
{
	signal_tasks(s);
	for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++)
		await_death(&s->runner[cpu]);
}

void space_lose(struct space *s)
{
	skas_lock(&s->lock);
	if (!s->dead)
		space_kill(s);
	skas_unlock(&s->lock);
}

void space_end(struct space *s)
{
	int index = s->index;

	clear_bit((u32)index % 64, &existing[(u32)index / 64]);
	signal_tasks(s);
	for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++) {
		fpu_evict(&s->runner[cpu]);
		runner_end(&s->runner[cpu]);
	}
	os_space_reap(s->mapper);
	os_mem_punch(skas.ctl_file, s->orders->file, skas.ctl_stride);
	index_put(index);
}

/* ---- orders ---- */

/* Waits until ack == seq. Returns 0, or -ECHILD if the mapper has died. */
static int await_ack(struct space *s)
{
	struct order_area *o = s->orders;

	for (;;) {
		u32 ack = smp_load_acquire(&o->ack);

		if (ack == s->seq)
			return 0;
		if (os_futex_wait(&o->ack, ack, os_clock_mono() + MAPPER_PATIENCE) == -ETIMEDOUT &&
			smp_load_acquire(&o->ack) != s->seq && os_space_is_dead(s->mapper) == 1)
			return -ECHILD;
	}
}

/*
 * Submits the queued orders and waits for the acknowledgement. Returns 0, the -errno of the first
 * order that failed, or -ECHILD if the mapper has died. s->lock is held.
 */
static int hand_over(struct space *s)
{
	struct order_area *o = s->orders;
	int err;

	o->count = s->queued;
	o->err = 0;
	stat_inc(flushes);
	__atomic_fetch_add(&skas.stats.orders, s->queued, __ATOMIC_RELAXED);
	s->queued = 0;
	s->due = false;
	handoff_place_mapper(s);
	smp_store_release(&o->seq, ++s->seq);
	os_futex_wake(&o->seq, 1);
	err = await_ack(s);
	if (err)
		note_death("a mapper", s->mapper);
	return err ? err : -(int)(o->err & 0xff);
}

/*
 * Flushes, then applies a batch of one order (clone, modify_ldt or prctl), which may fail and then
 * changes nothing. Returns 0, the order's -errno, -ECHILD if the mapper has died, or -EIO if the
 * flush has failed.
 */
int space_try_locked(struct space *s, const struct order *o)
{
	int err = space_flush_locked(s);

	if (err)
		return err;
	s->orders->batch[s->queued++] = *o;
	err = hand_over(s);
	if (err == -ECHILD)
		space_kill(s);
	return err;
}

int space_flush_locked(struct space *s)
{
	int err;

	if (s->dead)
		return -EIO;
	if (!s->queued)
		return 0;
	err = hand_over(s);
	if (!err)
		return 0;
	pr_warn("skas: an order failed with %d: the space is lost\n", err);
	space_kill(s);
	return -EIO;
}

int space_order(struct space *s, const struct order *o)
{
	int err = 0;

	if (s->dead)
		return -EIO;
	if (s->queued == ORDER_MAX)
		err = space_flush_locked(s);
	if (!err)
		s->orders->batch[s->queued++] = *o;
	return err;
}

/* True if guests may map the range. */
static bool range_ok(u64 va, u64 len)
{
	u64 end;

	return len && !((va | len) & ~PAGE_MASK) && !check_add_overflow(va, len, &end) &&
	       end <= skas.base;
}

static int guest_order(struct space *s, const struct order *o, bool due)
{
	int err;

	if (!range_ok(o->rdi, o->rsi))
		return -EINVAL;
	skas_lock(&s->lock);
	err = space_order(s, o);
	s->due |= due;
	skas_unlock(&s->lock);
	return err;
}

/*
 * Counts each order with the most VMAs that it can add, although neighbours may merge. Near the
 * host's limit, the real number is read from the host now and then.
 */
static void count_maps(struct space *s, u32 n)
{
	int maps;

	s->nr_maps += n;
	if (s->nr_maps < COUNT_FROM || s->nr_maps < s->count_at)
		return;
	maps = os_space_count_maps(s->mapper);
	if (maps >= 0)
		s->nr_maps = (u32)maps + 2 * s->queued;
	s->count_at = s->nr_maps + COUNT_STEP;
}

static int map_order(
	struct space *s, u64 va, u64 len, int prot, int region, u64 off, bool populate, bool due)
{
	struct order o = {
		.nr = __NR_mmap,
		.rdi = va,
		.rsi = len,
		.rdx = (u64)prot,
		.r10 = MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0),
		.r8 = (u64)(ZFD_REGION + region),
		.r9 = off,
	};

	if (region < 0 || region >= MAX_REGIONS || off & ~PAGE_MASK)
		return -EINVAL;
	if (prot & PROT_WRITE && !region)
		os_state_note(off, len);
	/* a map in the middle of a VMA splits it */
	count_maps(s, 2);
	return guest_order(s, &o, due);
}

int space_map(struct space *s, u64 va, u64 len, int prot, int region, u64 off, bool populate)
{
	return map_order(s, va, len, prot, region, off, populate, true);
}

int space_map_ahead(struct space *s, u64 va, u64 len, int prot, int region, u64 off, bool populate)
{
	return map_order(s, va, len, prot, region, off, populate, false);
}

int space_unmap(struct space *s, u64 va, u64 len)
{
	struct order o = { .nr = __NR_munmap, .rdi = va, .rsi = len };

	count_maps(s, 1); /* may split a VMA */
	if (va <= MMAP_MIN_ADDR && va + len >= skas.base)
		s->nr_maps = s->count_at = 0;
	return guest_order(s, &o, true);
}

int space_present(struct space *s, u64 va, u32 n, u8 *vec)
{
	return s->dead ? -EIO : os_space_present(s->mapper, va, n, vec);
}

int space_protect(struct space *s, u64 va, u64 len, int prot)
{
	struct order o = { .nr = __NR_mprotect, .rdi = va, .rsi = len, .rdx = (u64)prot };

	count_maps(s, 2);
	return guest_order(s, &o, true);
}

/*
 * Queues an LDT order. The order itself holds the descriptor, in its fields for r10 and r8: the
 * order area, which the space maps read-only, is the only memory of the mapper that the guest
 * cannot write.
 */
static int ldt_order(struct space *s, const struct user_desc *entry, bool now)
{
	struct order o = { .nr = __NR_modify_ldt, .rdi = LDT_WRITE, .rdx = sizeof(*entry) };
	u32 at = now || s->queued == ORDER_MAX ? 0 : s->queued;

	o.rsi = skas.base + STUB_ORDERS + O_BATCH + (u64)at * ORDER_SIZE + OR_R10;
	BUILD_BUG_ON(sizeof(*entry) != OR_R9 - OR_R10);
	memcpy(&o.r10, entry, sizeof(*entry));
	if (!now)
		return space_order(s, &o);
	return s->dead ? -EIO : space_try_locked(s, &o);
}

int space_ldt(struct space *s, const struct user_desc *entry, bool now)
{
	int err;

	skas_lock(&s->lock);
	err = ldt_order(s, entry, now);
	if (!err) {
		s->due |= !now;
		WRITE_ONCE(s->segs, true);
	}
	skas_unlock(&s->lock);
	return err;
}

int space_flush(struct space *s)
{
	int err;

	skas_lock(&s->lock);
	err = space_flush_locked(s);
	skas_unlock(&s->lock);
	return err;
}

bool space_pending(const struct space *s)
{
	return READ_ONCE(s->due);
}

bool space_dead(const struct space *s)
{
	return READ_ONCE(s->dead);
}

u32 space_nr_maps(const struct space *s)
{
	return READ_ONCE(s->nr_maps);
}
