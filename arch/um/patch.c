/* SPDX-License-Identifier: MIT */
/*
 * patch.c: patched call sites of an mm: which there are, their shadow frames, and their thunks. Shapes and bytes are
 * patch_site.c's; docs/skas.md tells the whole.
 *
 *	site     cold -> (PATCH_AFTER traps) -> patched: its page has a shadow -> (the page changes) -> cold
 *	arena    an area "[thunks]" of 64 KiB within a jump's reach of the text; its thunks are never used twice
 *	shadow   copy of a text frame with the sites of that page patched; what the space maps instead of the frame, as long
 *	         as the entry still names that frame. read(), ptrace and /proc/PID/mem see the frame.
 *
 * Invariants:
 * 1. A page has a shadow only while nobody can write to its frame: the area may be executed and not written, the frame is
 *    not mapped writable elsewhere. Whoever is about to change the area (munmap, mprotect, mremap), the frame (write,
 *    truncation) or its other mappings says so first, and the shadow goes (arch_patch_forget, arch_patch_page_changed).
 * 2. A shadow is never written once it can be mapped: a further site makes a new one. It keeps its frame alive, so that
 *    the same frame number is the same frame.
 * 3. A thunk is complete before a shadow that leads to it can be mapped, and stays until its mm ends: a thread may be in it.
 * 4. fork shares shadows and thunks; what both have is written by neither (thunk pages: arena->shared).
 *
 * Locks: patch->lock (spin) guards everything in struct patch; inside of pmap->lock. mm->patch is set once, under
 * mmap_lock for writing, and lives as long as the mm.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/unistd.h>

#include "arch/um/internal.h"
#include "arch/um/patch.h"
#include "arch/um/patch_site.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/task.h"

#define PATCH_AFTER 16 /* traps of a site: what patching costs, about */
#define NEVER 255      /* count of a site that cannot be patched */
#define COUNTS_SHIFT 10
#define FAULT_FETCH 16 /* x86's bit of a fetch in a page fault's error */
#define COUNTS (1 << COUNTS_SHIFT)

#define ARENA_SIZE 0x10000UL
#define ARENA_PAGES (ARENA_SIZE / PAGE_SIZE)
#define ARENA_THUNKS (ARENA_SIZE / THUNK_SIZE)
#define PAGE_THUNKS (PAGE_SIZE / THUNK_SIZE)
#define REACH 0x7ff00000UL /* of a jump, and room */

#define AWAY 0x60000000UL      /* an arena likes to be so far from its first site */
#define STACK_GAP (64UL << 20) /* below an area that may be a stack */

#define MAX_ARENAS 8
#define MAX_SHADOWS 64
#define MAX_SITES 256

struct arena {
	u64 va;
	bool ready; /* its area is there: before that nothing leads to it */
	bool dead; /* the program has changed the area: nothing leads there any more, but threads may be in it */
	struct page *pages[ARENA_PAGES];
	u64 shared; /* bits of pages that another mm has too, or that are full */
	u64 used[ARENA_THUNKS / 64];
};

struct shadow {
	u64 va;
	struct page *frame, *copy; /* a reference to each */
};

struct site {
	u64 addr;  /* of the syscall instruction */
	u64 thunk; /* its address */
	struct site_shape shape;
	u32 nr;    /* SITE_MOV: of the call */
	bool live; /* its page has a shadow */
};

struct patch {
	spinlock_t lock;
	u32 nr_arenas, nr_dead, nr_shadows, nr_sites;
	bool lost;       /* a shadow has gone: the space may still map it for a moment */
	u64 resume_mask; /* bits of hash_of() where a site of SITE_NEXT goes on */
	struct arena arenas[MAX_ARENAS];
	struct shadow shadows[MAX_SHADOWS];
	struct site sites[MAX_SITES];
};

/* How often a site has trapped: a cache that forgets, written by everybody without a lock. */
static struct {
	u64 key;
	u32 n;
} counts[COUNTS];

static u64 hash_of(u64 addr)
{
	return BIT((addr * 0x9e3779b97f4a7c15UL) >> 58);
}

static bool within(u64 addr, u64 start, u64 size)
{
	return addr - start < size;
}

/* ---- looking up; patch->lock held ---- */

static struct arena *arena_at(struct patch *p, u64 addr)
{
	for (u32 i = 0; i < p->nr_arenas; i++)
		if (within(addr, p->arenas[i].va, ARENA_SIZE))
			return &p->arenas[i];
	return NULL;
}

static struct site *site_of_thunk(struct patch *p, u64 addr)
{
	for (u32 i = 0; i < p->nr_sites; i++)
		if (within(addr, p->sites[i].thunk, THUNK_SIZE))
			return &p->sites[i];
	return NULL;
}

static struct site *site_behind(struct patch *p, u64 rip)
{
	for (u32 i = 0; i < p->nr_sites; i++) {
		struct site *s = &p->sites[i];

		if (s->addr + SYSCALL_LEN == rip && s->live && s->shape.form == SITE_NEXT)
			return s;
	}
	return NULL;
}

static struct shadow *shadow_at(struct patch *p, u64 va)
{
	for (u32 i = 0; i < p->nr_shadows; i++)
		if (p->shadows[i].va == va)
			return &p->shadows[i];
	return NULL;
}

bool patch_find_shadow(struct mm *mm, u64 start, pfn_t pfn, u64 *va, u64 end, pfn_t *shadow)
{
	struct patch *p = smp_load_acquire(&mm->patch);
	struct shadow *found = NULL;

	if (likely(!p))
		return false;
	spin_lock(&p->lock);
	for (u32 i = 0; i < p->nr_shadows; i++) {
		struct shadow *s = &p->shadows[i];

		if (s->va < *va || s->va >= (found ? found->va : end))
			continue;
		if (page_to_pfn(s->frame) == pfn + ((s->va - start) >> PAGE_SHIFT))
			found = s;
	}
	if (found) {
		*va = found->va;
		*shadow = page_to_pfn(found->copy);
	}
	spin_unlock(&p->lock);
	return found != NULL;
}

bool patch_lost_shadow(struct mm *mm)
{
	struct patch *p = smp_load_acquire(&mm->patch);
	bool lost;

	if (likely(!p))
		return false;
	spin_lock(&p->lock);
	lost = p->lost;
	spin_unlock(&p->lock);
	return lost;
}

/* ---- forgetting ---- */

/*
 * Takes out a shadow that begins in [start, end). The references are the caller's, to be put when no space maps it any
 * more.
 */
static bool take_shadow(struct patch *p, u64 start, u64 end, struct shadow *taken)
{
	bool found = false;

	spin_lock(&p->lock);
	for (u32 i = 0; i < p->nr_shadows && !found; i++) {
		found = within(p->shadows[i].va, start, end - start);
		if (found) {
			p->lost = true;
			*taken = p->shadows[i];
			p->shadows[i] = p->shadows[--p->nr_shadows];
		}
	}
	for (u32 i = 0; found && i < p->nr_sites; i++)
		if (within(p->sites[i].addr, taken->va, PAGE_SIZE))
			p->sites[i].live = false;
	spin_unlock(&p->lock);
	return found;
}

/* True: some were in the range. */
static bool end_arenas(struct patch *p, u64 start, u64 end)
{
	bool any = false;

	spin_lock(&p->lock);
	for (u32 i = 0; i < p->nr_arenas; i++) {
		struct arena *a = &p->arenas[i];

		if (a->dead || a->va >= end || a->va + ARENA_SIZE <= start)
			continue;
		a->dead = any = true;
		p->nr_dead++;
	}
	spin_unlock(&p->lock);
	return any;
}

void arch_patch_forget(struct mm *mm, u64 start, u64 end)
{
	struct patch *p = smp_load_acquire(&mm->patch);
	struct shadow s;

	if (likely(!p))
		return;
	if (end_arenas(p, start, end)) {
		start = 0;
		end = ~0UL;
	}
	while (take_shadow(p, start, end, &s)) {
		pmap_refresh(&mm->pmap, s.va, s.va + PAGE_SIZE);
		put_page(s.copy);
		put_page(s.frame);
	}
}

/* ---- thunks ---- */

static struct page *arena_fault(struct vm_area *vma, u64 index)
{
	u64 addr = vma->vm_start + ((index - vma->vm_pgoff) << PAGE_SHIFT);
	struct patch *p = vma->vm_mm->patch;
	struct page *page = NULL;
	struct arena *a;

	if (!p)
		return ERR_PTR(-EFAULT);
	spin_lock(&p->lock);
	a = arena_at(p, addr);
	if (a)
		page = a->pages[(addr - a->va) >> PAGE_SHIFT];
	if (page)
		get_page(page);
	spin_unlock(&p->lock);
	return page ? page : ERR_PTR(-EFAULT);
}

static const struct vm_operations arena_ops = { .fault = arena_fault };

/* Which jump a site needs to thunk number @i of the arena. */
static s64 displacement(const struct arena *a, u32 i, u64 jump)
{
	return (s64)(a->va + i * THUNK_SIZE - (jump + JMP_LEN));
}

static bool suits(const struct arena *a, u32 i, u64 jump, enum site_form form)
{
	u32 page = i / PAGE_THUNKS;

	if (i % PAGE_THUNKS == 0 ||
		a->used[i / 64] & BIT(i % 64)) /* the first holds the trampoline's address */
		return false;
	if (a->pages[page] && a->shared & BIT(page))
		return false;
	return form == SITE_MOV || site_displacement_ok((s32)displacement(a, i, jump));
}

static bool reaches(const struct arena *a, u64 jump)
{
	u64 distance = a->va > jump ? a->va + ARENA_SIZE - jump : jump - a->va;

	return distance < REACH && a->ready && !a->dead;
}

/* Index of a free thunk that the jump can have, those in pages that are there first; -1. */
static int pick_thunk(const struct arena *a, u64 jump, enum site_form form)
{
	int fresh = -1;

	if (!reaches(a, jump))
		return -1;
	for (u32 i = 0; i < ARENA_THUNKS; i++) {
		if (!suits(a, i, jump, form))
			continue;
		if (a->pages[i / PAGE_THUNKS])
			return (int)i;
		if (fresh < 0)
			fresh = (int)i;
	}
	return fresh;
}

/* patch->lock held; @spare becomes the thunk's page where it has none. The thunk's address, or 0. */
static u64 reserve_thunk(struct patch *p, u64 jump, enum site_form form, struct page **spare)
{
	for (u32 n = 0; n < p->nr_arenas; n++) {
		struct arena *a = &p->arenas[n];
		int i = pick_thunk(a, jump, form);

		if (i < 0)
			continue;
		a->used[i / 64] |= BIT(i % 64);
		if (!a->pages[i / PAGE_THUNKS]) {
			*(u64 *)page_address(*spare) = skas_patch_entry();
			a->pages[i / PAGE_THUNKS] = *spare;
			a->shared &= ~BIT(i / PAGE_THUNKS);
			*spare = NULL;
		}
		return a->va + (u64)i * THUNK_SIZE;
	}
	return 0;
}

static struct thunk *thunk_at(struct patch *p, u64 addr)
{
	struct arena *a = arena_at(p, addr);
	u64 off = addr - a->va;

	return (struct thunk *)((u8 *)page_address(a->pages[off >> PAGE_SHIFT]) +
				(off & (PAGE_SIZE - 1)));
}

/* ---- arenas ---- */

/* Room below @v (not where a stack may grow to), or 0. */
static u64 room_below(struct mm *mm, struct vm_area *v)
{
	struct vm_area *before = NULL;
	u64 floor = MMAP_MIN_ADDR;

	if (v->vm_flags & VM_GROWSDOWN)
		return 0;
	if (v->vm_list.prev != &mm->mmap_list)
		before = list_entry(v->vm_list.prev, struct vm_area, vm_list);
	if (before)
		floor = max(floor, before->vm_end);
	return v->vm_start > floor && v->vm_start - floor >= ARENA_SIZE ? v->vm_start - ARENA_SIZE :
									  0;
}

/* An arena was there, and the program has done away with it. */
static bool was_arena(struct patch *p, u64 at)
{
	bool was = false;

	spin_lock(&p->lock);
	for (u32 i = 0; i < p->nr_arenas; i++)
		was |= at < p->arenas[i].va + ARENA_SIZE && p->arenas[i].va < at + ARENA_SIZE;
	spin_unlock(&p->lock);
	return was;
}

/* Far above, where neither the heap nor the next library comes to stand, and it is not the first area of a program. */
static u64 room_above(struct mm *mm, u64 jump)
{
	u64 at = (jump + AWAY) & ~(ARENA_SIZE - 1);

	for (u32 i = 0; i <= MAX_ARENAS; i++, at += ARENA_SIZE) {
		struct vm_area *v = find_vma(mm, at);

		if (at + ARENA_SIZE >= mm->task_size ||
			(v && v->vm_start < at + ARENA_SIZE + STACK_GAP))
			return 0;
		if (!was_arena(mm->patch, at))
			return at;
	}
	return 0;
}

/* There, or the next room below. No place is used twice: threads may still be on their way out of it. mmap_lock held. */
static u64 find_room(struct mm *mm, u64 jump)
{
	u64 at = room_above(mm, jump);
	struct vm_area *v = find_vma(mm, jump);

	if (at)
		return at;
	while (v && !at) {
		at = room_below(mm, v);
		if (at && was_arena(mm->patch, at))
			at = 0;
		v = v->vm_list.prev == &mm->mmap_list ?
			    NULL :
			    list_entry(v->vm_list.prev, struct vm_area, vm_list);
	}
	return at && jump - at < REACH ? at : 0;
}

static int make_patch(struct mm *mm)
{
	struct patch *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	spin_lock_init(&p->lock);
	down_write(&mm->mmap_lock);
	if (mm->patch)
		kfree(p);
	else
		smp_store_release(&mm->patch, p);
	up_write(&mm->mmap_lock);
	return 0;
}

/*
 * The place is taken before the area is there: of two threads that found the same room one gets it, also when the program has unmapped the
 * other's area meanwhile, and an unmapping that comes before arena_ready() is noted.
 */
static int arena_add(struct patch *p, u64 va)
{
	int err = -EEXIST;

	spin_lock(&p->lock);
	if (p->nr_arenas == MAX_ARENAS)
		err = -ENOSPC;
	else if (!arena_at(p, va) && !arena_at(p, va + ARENA_SIZE - 1)) {
		p->arenas[p->nr_arenas++] = (struct arena){ .va = va };
		err = 0;
	}
	spin_unlock(&p->lock);
	return err;
}

/* @ok: its area was made. Else the place is lost. */
static void arena_ready(struct patch *p, u64 va, bool ok)
{
	struct arena *a;

	spin_lock(&p->lock);
	a = arena_at(p, va);
	a->ready = ok;
	if (!ok && !a->dead) {
		a->dead = true;
		p->nr_dead++;
	}
	spin_unlock(&p->lock);
}

/* An area of thunks for that jump. 0 or -errno. */
static int arena_make(struct mm *mm, u64 jump)
{
	struct vm_area *v;
	u64 va;
	int err;

	if (READ_ONCE(mm->patch->nr_arenas) == MAX_ARENAS)
		return -ENOSPC;
	down_read(&mm->mmap_lock);
	va = find_room(mm, jump);
	up_read(&mm->mmap_lock);
	if (!va)
		return -ENOMEM;
	err = arena_add(mm->patch, va);
	if (err)
		return err;
	v = install_special_mapping(mm, va, ARENA_SIZE,
		VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYEXEC | VM_DONTEXPAND | VM_DONTDUMP,
		&arena_ops, NULL, "[thunks]");
	arena_ready(mm->patch, va, !IS_ERR(v));
	return IS_ERR(v) ? (int)PTR_ERR(v) : 0;
}

/* ---- patching ---- */

struct request {
	struct mm *mm;
	u64 addr; /* of the syscall */
	u32 off;  /* in its page */
	u64 nr;
	struct site_shape shape;
	struct page *frame, *copy, *spare;
	struct shadow old; /* that it replaces */
};

static u64 jump_of(const struct request *q)
{
	return (q->addr & PAGE_MASK) + q->shape.start;
}

/* The frame of the site, with a reference, if nobody can write to it through this mm. mmap_lock held. */
static struct page *text_frame(struct mm *mm, u64 addr)
{
	struct vm_area *v = find_vma(mm, addr);
	struct page *frame = NULL;
	pte_t *e;

	if (!v || v->vm_start > addr || !(v->vm_flags & VM_EXEC) || v->vm_flags & VM_WRITE ||
		v->vm_ops)
		return NULL;
	if (v->vm_mapping && atomic_read(&v->vm_mapping->i_mmap_writable))
		return NULL;
	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	if (e && (*e & (PTE_P | PTE_RW | PTE_NX | PTE_SPECIAL)) == PTE_P) {
		frame = pfn_to_page(pte_pfn(*e));
		get_page(frame);
	}
	spin_unlock(&mm->page_table_lock);
	return frame;
}

static bool overlaps_other_site(struct patch *p, const struct request *q)
{
	u64 start = jump_of(q), end = start + JMP_LEN;

	for (u32 i = 0; i < p->nr_sites; i++) {
		const struct site *s = &p->sites[i];
		u64 jump = (s->addr & PAGE_MASK) + s->shape.start;

		if (s->live && jump < end && start < jump + JMP_LEN)
			return true;
	}
	return false;
}

/* A site that was patched before has its thunk still. */
static struct site *known_site(struct patch *p, const struct request *q)
{
	for (u32 i = 0; i < p->nr_sites; i++) {
		struct site *s = &p->sites[i];

		if (s->addr == q->addr && !s->live && s->nr == (u32)q->nr &&
			s->shape.form == SITE_MOV && q->shape.form == SITE_MOV &&
			!arena_at(p, s->thunk)->dead)
			return s;
	}
	return NULL;
}

/* patch->lock held. NULL: full, or no thunk in reach (*need_arena). */
static struct site *new_site(struct patch *p, struct request *q, bool *need_arena)
{
	const u8 *text = page_address(q->frame);
	struct site *s = &p->sites[p->nr_sites];
	u64 thunk;

	if (p->nr_sites == MAX_SITES)
		return NULL;
	thunk = reserve_thunk(p, jump_of(q), q->shape.form, &q->spare);
	*need_arena = !thunk;
	if (!thunk)
		return NULL;
	thunk_write(thunk_at(p, thunk), thunk, q->addr, &q->shape, text + q->off + SYSCALL_LEN,
		(u32)q->nr, thunk & PAGE_MASK);
	*s = (struct site){ .addr = q->addr, .thunk = thunk, .shape = q->shape, .nr = (u32)q->nr };
	p->nr_sites++;
	return s;
}

static void write_jump(struct request *q, u64 thunk)
{
	u8 *at = (u8 *)page_address(q->copy) + q->shape.start;
	s32 rel = (s32)(thunk - (jump_of(q) + JMP_LEN));

	at[0] = 0xe9;
	memcpy(at + 1, &rel, sizeof(rel));
}

/* patch->lock held: the new shadow takes the place of the old one, whose references go to q->old. */
static void swap_shadow(struct patch *p, struct request *q, struct shadow *s)
{
	if (s)
		q->old = *s;
	else
		s = &p->shadows[p->nr_shadows++];
	*s = (struct shadow){ .va = q->addr & PAGE_MASK, .frame = q->frame, .copy = q->copy };
	q->frame = q->copy = NULL;
}

static int patch_locked(struct patch *p, struct request *q, bool *need_arena)
{
	struct shadow *old = shadow_at(p, q->addr & PAGE_MASK);
	struct site *s;

	if (old && old->frame != q->frame)
		return -EAGAIN; /* of a frame that was there before: forgotten first */
	if ((!old && p->nr_shadows == MAX_SHADOWS) || overlaps_other_site(p, q))
		return -ENOSPC;
	s = known_site(p, q);
	if (!s)
		s = new_site(p, q, need_arena);
	if (!s)
		return -ENOSPC;
	memcpy(page_address(q->copy), page_address(old ? old->copy : q->frame), PAGE_SIZE);
	write_jump(q, s->thunk);
	s->live = true;
	if (s->shape.form == SITE_NEXT)
		p->resume_mask |= hash_of(s->addr + SYSCALL_LEN);
	swap_shadow(p, q, old);
	return 0;
}

/* With the frame locked: nobody changes it, or the mappings of its file, unnoticed. */
static int patch_frame(struct request *q, bool *need_arena)
{
	struct patch *p = q->mm->patch;
	struct page *frame = q->frame;
	int err = -EINVAL;

	lock_page(frame);
	if (!frame->mapping || !atomic_read(&frame->mapping->i_mmap_writable)) {
		q->shape = site_recognise(page_address(frame), q->off, q->nr);
		if (q->shape.form) {
			set_bit(PG_patched, &frame->flags);
			spin_lock(&p->lock);
			err = patch_locked(p, q, need_arena);
			spin_unlock(&p->lock);
		}
	}
	unlock_page(frame);
	return err;
}

static int try_patch(struct request *q, bool *need_arena)
{
	struct mm *mm = q->mm;
	int err = -ENOMEM;

	q->copy = alloc_page(GFP_KERNEL | __GFP_NOOOM);
	q->spare = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOOOM);
	if (!q->copy || !q->spare)
		goto out;
	down_read(&mm->mmap_lock);
	q->frame = text_frame(mm, q->addr);
	err = q->frame ? patch_frame(q, need_arena) : -EINVAL;
	if (!err)
		pmap_refresh(&mm->pmap, q->addr & PAGE_MASK, (q->addr & PAGE_MASK) + PAGE_SIZE);
	up_read(&mm->mmap_lock);
	if (q->old.copy) {
		put_page(q->old.copy);
		put_page(q->old.frame);
	}
out:
	for (u32 i = 0; i < 3; i++) {
		struct page *page = i == 0 ? q->frame : i == 1 ? q->copy : q->spare;

		if (page)
			put_page(page);
	}
	return err;
}

static int patch_site(struct mm *mm, u64 addr, u64 nr)
{
	bool need_arena = false;
	struct request q;
	int err;

	if (!mm->patch && make_patch(mm))
		return -ENOMEM;
	for (int tries = 0; tries < 3; tries++) {
		q = (struct request){
			.mm = mm, .addr = addr, .off = addr & (PAGE_SIZE - 1), .nr = nr
		};
		err = try_patch(&q, &need_arena);
		if (err == -EAGAIN)
			arch_patch_forget(mm, addr & PAGE_MASK, (addr & PAGE_MASK) + PAGE_SIZE);
		else if (!err || !need_arena || arena_make(mm, jump_of(&q)))
			break;
	}
	return err;
}

/* The process is part of the key: an mm's place is soon another's, and programs that call little would be patched by turns. */
void patch_count_trap(struct mm *mm, const struct regs *r)
{
	u64 addr = r->rip - SYSCALL_LEN;
	u64 key = addr ^ (u64)mm << 16 ^ (u64)current->tgid << 40;
	u64 i = (key * 0x9e3779b97f4a7c15UL) >> (64 - COUNTS_SHIFT);

	if (r->orig_rax == __NR_rt_sigreturn) /* unwinders know it by its bytes */
		return;
	if (counts[i].key != key) {
		counts[i].key = key;
		counts[i].n = 0;
	}
	if (counts[i].n == NEVER || ++counts[i].n < PATCH_AFTER)
		return;
	counts[i].n = patch_site(mm, addr, r->orig_rax) ? NEVER : 0;
}

/* ---- events ---- */

/* A step that ended in a thunk: the page is unpatched, and the step made again. */
static void undo_step(struct mm *mm, struct regs *r, u64 rip, u64 page)
{
	r->rip = rip;
	arch_patch_forget(mm, page, page + PAGE_SIZE);
}

/* Of an area that the program has changed only a thread that cannot go on there is taken out. */
static bool in_thunk(struct patch *p, u64 rip, const struct skas_event *ev)
{
	const struct arena *a = arena_at(p, rip);

	return a && (!a->dead || (ev->type == EV_FAULT && ev->error & FAULT_FETCH));
}

bool patch_unwind(struct mm *mm, struct regs *r, const struct skas_event *ev)
{
	struct patch *p = smp_load_acquire(&mm->patch);
	bool ours = false, step = false;
	struct site *s = NULL;
	u64 page = 0;

	if (!p)
		return false;
	spin_lock(&p->lock);
	if (in_thunk(p, r->rip, ev))
		s = site_of_thunk(p, r->rip);
	if (s) {
		ours = arena_at(p, s->thunk)->dead;
		step = ev->type == EV_SIGNAL && ev->signo == SIGTRAP;
		page = s->addr & PAGE_MASK;
		r->rip = thunk_unwind(s->addr, &s->shape, (u32)(r->rip - s->thunk));
	} else if (ev->type == EV_SIGNAL && ev->signo == SIGILL) {
		ours = site_behind(p, r->rip) != NULL;
	}
	spin_unlock(&p->lock);
	if (step)
		undo_step(mm, r, r->rip, page);
	return ours || step;
}

bool patch_may_jump(struct mm *mm, u64 rip)
{
	struct patch *p = mm->patch;
	bool gone = false;

	if (likely(!p || !READ_ONCE(p->nr_dead)))
		return true;
	spin_lock(&p->lock);
	if (!site_behind(p, rip))
		for (u32 i = 0; i < p->nr_sites && !gone; i++) {
			const struct site *s = &p->sites[i];

			gone = s->shape.form == SITE_NEXT && s->addr + SYSCALL_LEN == rip &&
			       arena_at(p, s->thunk)->dead;
		}
	spin_unlock(&p->lock);
	return !gone;
}

u64 patch_resume(struct mm *mm, u64 rip)
{
	struct patch *p = smp_load_acquire(&mm->patch);
	struct site *s;

	if (likely(!p) || !(READ_ONCE(p->resume_mask) & hash_of(rip)))
		return rip;
	spin_lock(&p->lock);
	s = site_behind(p, rip);
	if (s)
		rip = s->thunk + thunk_insn(&s->shape);
	spin_unlock(&p->lock);
	return rip;
}

/* ---- lives of an mm ---- */

static void share(struct patch *p)
{
	for (u32 n = 0; n < p->nr_arenas; n++) {
		struct arena *a = &p->arenas[n];

		for (u32 i = 0; i < ARENA_PAGES; i++)
			if (a->pages[i]) {
				a->shared |= BIT(i);
				get_page(a->pages[i]);
			}
	}
	for (u32 i = 0; i < p->nr_shadows; i++) {
		get_page(p->shadows[i].copy);
		get_page(p->shadows[i].frame);
	}
}

int arch_patch_fork(struct mm *new, struct mm *old)
{
	struct patch *p = old->patch, *copy;

	if (!p)
		return 0;
	copy = kmalloc(sizeof(*copy), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	spin_lock(&p->lock);
	share(p);
	memcpy(copy, p, offsetof(struct patch, sites[p->nr_sites]));
	spin_unlock(&p->lock);
	spin_lock_init(&copy->lock);
	copy->lost = false;
	new->patch = copy;
	return 0;
}

void arch_patch_free(struct mm *mm)
{
	struct patch *p = mm->patch;

	if (!p)
		return;
	mm->patch = NULL;
	for (u32 n = 0; n < p->nr_arenas; n++)
		for (u32 i = 0; i < ARENA_PAGES; i++)
			if (p->arenas[n].pages[i])
				put_page(p->arenas[n].pages[i]);
	for (u32 i = 0; i < p->nr_shadows; i++) {
		put_page(p->shadows[i].copy);
		put_page(p->shadows[i].frame);
	}
	kfree(p);
}
