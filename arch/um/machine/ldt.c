/* SPDX-License-Identifier: MIT */
/*
 * ldt.c: modify_ldt(2): a program's own segments of 16 and 32 bits, for emulators and old thread
 * libraries.
 *
 * The table of an mm is kept in the processor's format, and the host has a copy: each change of an
 * entry is one order to the mapper, which shares its LDT with the space's runners (skas.h:
 * space_ldt()).
 *
 *	modify_ldt()   changes the space's table first, which can fail, then this table
 *	fork           copies the table; exec begins without one
 *	a new space    ldt_install() queues all entries
 *	before guest code runs   ldt_check() zeroes selectors that name no loadable segment,
 *	                         also in an mm without a table
 *
 * Invariants:
 * 1. Every entry here is one that Linux would accept: a descriptor for user mode, never of 64-bit
 *    code, marked as used.
 * 2. mm->ldt is set once; it and its pages are freed only with the mm. So selectors can be looked
 *    up without a lock. If a segment is removed meanwhile, the stub returns to the kernel (stub.S:
 *    go_segs).
 *
 * Locks: pmap->lock is held during changes and copying. Memory is allocated before the lock is
 * taken, since reclaim may flush the caller's own pmap.
 */
#include <asm/errno.h>
#include <asm/ldt.h>

#include "arch/um/internal.h"
#include "arch/um/machine/ldt.h"
#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "skas/skas.h"

/* 64 KiB for each mm that uses it; charged to its group, since nothing else bounds it */
#define LDT_GFP (GFP_KERNEL | __GFP_ACCOUNT)

#define FUNC_READ 0
#define FUNC_WRITE_OLD 1
#define FUNC_READ_DEFAULT 2
#define FUNC_WRITE 0x11
#define DEFAULT_SIZE 128 /* of the default table, which is empty */

#define PER_PAGE (PAGE_SIZE / sizeof(u64))
#define NR_PAGES (LDT_ENTRIES / PER_PAGE)

#define CONTENTS_CONFORMING 3
#define DESC_ACCESSED BIT(40)
#define DESC_WRITABLE BIT(41) /* of code: readable */
#define DESC_CODE BIT(43)
#define DESC_USER (BIT(44) | 3UL << 45) /* not a system segment; privilege 3 */
#define DESC_PRESENT BIT(47)

struct ldt {
	/* number of entries: the highest one ever written, plus one */
	u32 nr;
	u64 *page[NR_PAGES];
};

/* ---- descriptors ---- */

static u64 to_desc(const struct user_desc *d, bool old)
{
	u64 type = (u64)d->contents << 2 | (u64)!d->read_exec_only << 1;

	return (d->limit & 0xffff) | (u64)(d->base_addr & 0xffffff) << 16 | type << 40 |
	       DESC_ACCESSED | DESC_USER | (d->seg_not_present ? 0 : DESC_PRESENT) |
	       (u64)(d->limit >> 16 & 0xf) << 48 | (u64)(d->useable && !old) << 52 |
	       (u64)d->seg_32bit << 54 | (u64)d->limit_in_pages << 55 |
	       (u64)(d->base_addr >> 24) << 56;
}

/* Unpacks a descriptor. 0 becomes the user_desc of an empty entry. */
static struct user_desc from_desc(u32 nr, u64 desc)
{
	return (struct user_desc){
		.entry_number = nr,
		.base_addr = (u32)(desc >> 16 & 0xffffff) | (u32)(desc >> 56) << 24,
		.limit = (u32)(desc & 0xffff) | (u32)(desc >> 48 & 0xf) << 16,
		.seg_32bit = desc >> 54 & 1,
		.contents = desc >> 42 & 3,
		.read_exec_only = !(desc & DESC_WRITABLE),
		.limit_in_pages = desc >> 55 & 1,
		.seg_not_present = !(desc & DESC_PRESENT),
		.useable = desc >> 52 & 1,
	};
}

static bool says_empty(const struct user_desc *d, bool old)
{
	if (d->base_addr || d->limit)
		return false;
	return old || (!d->contents && d->read_exec_only && !d->seg_32bit && !d->limit_in_pages &&
			      d->seg_not_present && !d->useable && !d->lm);
}

/* ---- the table ---- */

static u64 entry_of(const struct ldt *l, u32 i)
{
	const u64 *page = i < READ_ONCE(l->nr) ? READ_ONCE(l->page[i / PER_PAGE]) : NULL;

	return page ? READ_ONCE(page[i % PER_PAGE]) : 0;
}

u64 ldt_linear(const struct ldt *l, u64 selector, u64 offset)
{
	u32 i = (u32)(selector & 0xffff) >> 3;

	return (u32)(offset + (l ? from_desc(i, entry_of(l, i)).base_addr : 0));
}

/* memory that an entry needs and that the table lacked when it was last checked */
struct room {
	struct ldt *ldt;
	u64 *page;
};

static void room_get(struct room *room, struct mm *mm, u32 i)
{
	const struct ldt *l = smp_load_acquire(&mm->ldt);

	*room = (struct room){ NULL, NULL };
	if (!l)
		room->ldt = kzalloc(sizeof(struct ldt), LDT_GFP);
	if (!l || !READ_ONCE(l->page[i / PER_PAGE]))
		room->page = get_free_page(LDT_GFP | __GFP_ZERO);
}

static void room_put(struct room *room)
{
	kfree(room->ldt);
	if (room->page)
		free_page_addr(room->page);
}

/*
 * Returns the address of entry @i, after it has moved from @room to the table what the table lacks.
 * Returns NULL if @room lacks it too, because memory was short. pmap->lock held.
 */
static u64 *slot_of(struct mm *mm, u32 i, struct room *room)
{
	u64 **page;

	if (!mm->ldt) {
		smp_store_release(&mm->ldt, room->ldt);
		room->ldt = NULL;
	}
	if (!mm->ldt)
		return NULL;
	page = &mm->ldt->page[i / PER_PAGE];
	if (!*page) {
		smp_store_release(page, room->page);
		room->page = NULL;
	}
	return *page ? *page + i % PER_PAGE : NULL;
}

static void free_ldt(struct ldt *l)
{
	for (u32 i = 0; l && i < NR_PAGES; i++)
		if (l->page[i])
			free_page_addr(l->page[i]);
	kfree(l);
}

/* Allocates a page for each page that @from has. Returns false without memory. */
static bool copy_room(struct ldt *l, const struct ldt *from)
{
	for (u32 i = 0; i < NR_PAGES; i++) {
		if (l->page[i] || !READ_ONCE(from->page[i]))
			continue;
		l->page[i] = get_free_page(LDT_GFP | __GFP_ZERO);
		if (!l->page[i])
			return false;
	}
	return true;
}

/*
 * Copies the entries. Returns false if @l lacks a page, because a sibling thread has added one to
 * @from.
 */
static bool copy_entries(struct ldt *l, const struct ldt *from)
{
	for (u32 i = 0; i < NR_PAGES; i++) {
		if (!from->page[i])
			continue;
		if (!l->page[i])
			return false;
		memcpy(l->page[i], from->page[i], PAGE_SIZE);
	}
	l->nr = from->nr;
	return true;
}

int arch_ldt_fork(struct mm *new, struct mm *old)
{
	const struct ldt *from = smp_load_acquire(&old->ldt);
	struct ldt *l;
	bool done = false;

	if (!from)
		return 0;
	l = kzalloc(sizeof(*l), LDT_GFP);
	while (l && !done) {
		if (!copy_room(l, from)) {
			free_ldt(l);
			return -ENOMEM;
		}
		mutex_lock(&old->pmap.lock);
		done = copy_entries(l, from);
		mutex_unlock(&old->pmap.lock);
	}
	new->ldt = l;
	return l ? 0 : -ENOMEM;
}

void arch_ldt_free(struct mm *mm)
{
	free_ldt(mm->ldt);
	mm->ldt = NULL;
}

/* ---- before guest code runs ---- */

void ldt_install(const struct ldt *l, struct space *s)
{
	for (u32 i = 0; i < l->nr; i++) {
		struct user_desc d = from_desc(i, entry_of(l, i));

		/* the space is dead, which its next run will report */
		if (entry_of(l, i) && space_ldt(s, &d, false))
			return;
	}
}

static bool loadable(const struct ldt *l, u16 sel)
{
	u64 desc;

	if (!(sel & SEL_LDT))
		return sel <= 3 || (sel | 3) == USER_CS || (sel | 3) == USER_SS ||
		       (sel | 3) == USER32_CS || (sel | 3) == CPU_SEG;
	desc = l ? entry_of(l, sel >> 3) : 0;
	return desc & DESC_PRESENT && (!(desc & DESC_CODE) || desc & DESC_WRITABLE);
}

static u16 checked(const struct ldt *l, u16 sel)
{
	return !sel || loadable(l, sel) ? sel : 0;
}

void ldt_check(const struct ldt *l, struct regs *r)
{
	r->ds = checked(l, r->ds);
	r->es = checked(l, r->es);
	r->fs = checked(l, r->fs);
	r->gs = checked(l, r->gs);
}

bool arch_selector_ok(const struct mm *mm, u64 selector, u64 usual)
{
	return (u16)selector == usual || (mm && mm->ldt && (selector & 7) == (SEL_LDT | 3));
}

/* ---- the call ---- */

static long read_ldt(uaddr_t to, u64 count)
{
	const struct ldt *l = smp_load_acquire(&current->mm->ldt);
	u64 n, size;

	if (!l)
		return 0;
	/* read once: the table may grow while the guest's memory is faulted in */
	size = (u64)READ_ONCE(l->nr) * LDT_ENTRY_SIZE;
	count = min(count, (u64)LDT_ENTRIES * LDT_ENTRY_SIZE);
	n = min(round_down(count, (u64)LDT_ENTRY_SIZE), size);
	for (u64 at = 0; at < n; at += LDT_ENTRY_SIZE) {
		u64 desc = entry_of(l, (u32)(at / LDT_ENTRY_SIZE));

		if (copy_to_user(uaddr_add(to, at), &desc, sizeof(desc)))
			return -EFAULT;
	}
	if (n < count) {
		u64 desc = entry_of(l, (u32)(n / LDT_ENTRY_SIZE));
		u64 part = min(count - n, size - n);

		/* the count is no multiple of an entry's size: copy a part of the next entry */
		if (part && copy_to_user(uaddr_add(to, n), &desc, part))
			return -EFAULT;
		if (clear_user(uaddr_add(to, n + part), count - n - part))
			return -EFAULT;
	}
	return (long)count;
}

static long read_default(uaddr_t to, u64 count)
{
	count = min(count, (u64)DEFAULT_SIZE);
	return clear_user(to, count) ? -EFAULT : (long)count;
}

static int change(struct mm *mm, u32 nr, u64 desc)
{
	struct user_desc d = from_desc(nr, desc);
	struct room room;
	u64 *slot;
	int err = 0;

	room_get(&room, mm, nr);
	mutex_lock(&mm->pmap.lock);
	slot = slot_of(mm, nr, &room);
	if (!slot)
		err = -ENOMEM;
	else if (mm->pmap.space)
		err = space_ldt(mm->pmap.space, &d, true);
	if (!err) {
		WRITE_ONCE(*slot, desc);
		smp_store_release(&mm->ldt->nr, max(mm->ldt->nr, nr + 1));
	}
	mutex_unlock(&mm->pmap.lock);
	room_put(&room);
	return err;
}

static long write_ldt(uaddr_t from, u64 count, bool old)
{
	struct mm *mm = current->mm;
	bool first = !mm->ldt;
	struct user_desc d;
	int err;

	if (count != sizeof(d))
		return -EINVAL;
	if (copy_from_user(&d, from, sizeof(d)))
		return -EFAULT;
	if (d.entry_number >= LDT_ENTRIES)
		return -EINVAL;
	if (d.contents == CONTENTS_CONFORMING && (old || !d.seg_not_present))
		return -EINVAL;
	err = change(mm, d.entry_number, says_empty(&d, old) ? 0 : to_desc(&d, old));
	/* Threads in guest code must learn that their selectors have to be checked from now on. */
	if (!err && first && atomic_read(&mm->mm_users) > 1)
		sched_barrier();
	return err;
}

/* Returns 32-bit results, errors too, as Linux does. */
long sys_modify_ldt(int func, uaddr_t ptr, u64 bytecount)
{
	long ret = -ENOSYS;

	if (!skas_has_ldt())
		return -ENOSYS;
	switch (func) {
	case FUNC_READ: ret = read_ldt(ptr, bytecount); break;
	case FUNC_WRITE_OLD: ret = write_ldt(ptr, bytecount, true); break;
	case FUNC_READ_DEFAULT: ret = read_default(ptr, bytecount); break;
	case FUNC_WRITE: ret = write_ldt(ptr, bytecount, false); break;
	}
	return (u32)ret;
}
