/* SPDX-License-Identifier: MIT */
/*
 * patch.c: the patched call sites of an mm, their shadow frames and their thunks. patch_site.c has
 * the shapes and bytes; docs/skas.md describes the whole mechanism.
 *
 *	site     cold -> (PATCH_AFTER traps) -> patched: its page has a shadow -> (the page changes)
 *	         -> cold
 *	arena    an area "[thunks]" of 64 KiB within a jump's reach of the text; its thunks are
 *	         never used twice
 *	shadow   copy of a text frame with the sites of that page patched; the space maps it
 *	         instead of the frame while the entry names that frame. read(), ptrace
 *	         and /proc/PID/mem see the frame.
 *
 * Invariants:
 * 1. A page has a shadow only while no task can write to its frame: the area may be executed and
 *    not written, and the frame is not mapped writable elsewhere. A caller that is about to change
 *    the area (munmap, mprotect, mremap), the frame (write, truncation) or its other mappings
 *    announces it first, and the shadow is dropped (arch_patch_forget, arch_patch_page_changed).
 * 2. A shadow is never written once it can be mapped: patching a further site makes a new shadow. A
 *    shadow holds a reference to its frame, so that an equal frame number means the same frame.
 * 3. A thunk is complete before a shadow that jumps to it can be mapped, and stays until its mm
 *    ends, since a thread may be in it.
 * 4. fork shares shadows and thunks; neither mm writes to shared ones (thunk pages: arena->shared).
 *
 * Locks: patch->lock (spin) protects everything in struct patch; it nests inside pmap->lock.
 * mm->patch is set once, under mmap_lock for writing, and lives as long as the mm.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/unistd.h>

#include "arch/um/internal.h"
#include "arch/um/patch/patch.h"
#include "arch/um/patch/patch_arena.h"
#include "arch/um/patch/patch_site.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

/* traps of a site before it is patched; they cost about as much as patching it */
#define PATCH_AFTER 16
#define NEVER 255 /* count of a site that cannot be patched */
#define COUNTS_SHIFT 10
/* x86's bit for an instruction fetch in a page fault's error code */
#define FAULT_FETCH 16
#define COUNTS (1 << COUNTS_SHIFT)

/* A lossy cache of how often a site has trapped; any vCPU writes it without a lock. */
static struct {
	u64 key;
	u32 n;
} counts[COUNTS];

static u64 hash_of(u64 addr)
{
	return BIT((addr * 0x9e3779b97f4a7c15UL) >> 58);
}

/* ---- looking up; patch->lock held ---- */

static struct site *site_of_thunk(struct patch *p, u64 addr)
{
	for (u32 i = 0; i < p->nr_sites; i++)
		if (within(addr, site_at(p, i)->thunk, THUNK_SIZE))
			return site_at(p, i);
	return NULL;
}

static struct site *site_behind(struct patch *p, u64 rip)
{
	for (u32 i = 0; i < p->nr_sites; i++) {
		struct site *s = site_at(p, i);

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

u64 patch_next_shadow(struct mm *mm, u64 va)
{
	struct patch *p = smp_load_acquire(&mm->patch);
	u64 next = ~0UL;

	if (likely(!p))
		return next;
	spin_lock(&p->lock);
	for (u32 i = 0; i < p->nr_shadows; i++)
		if (p->shadows[i].va >= va)
			next = min(next, p->shadows[i].va);
	spin_unlock(&p->lock);
	return next;
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
 * Removes a shadow that begins in [start, end). The caller gets the shadow's references, and drops
 * them when no space maps the shadow any more. Returns false if there is none. Takes patch->lock.
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
		if (within(site_at(p, i)->addr, taken->va, PAGE_SIZE))
			site_at(p, i)->live = false;
	spin_unlock(&p->lock);
	return found;
}

void arch_patch_forget(struct mm *mm, u64 start, u64 end)
{
	struct patch *p = smp_load_acquire(&mm->patch);
	struct shadow s;

	if (likely(!p))
		return;
	if (arenas_end(p, start, end)) {
		start = 0;
		end = ~0UL;
	}
	while (take_shadow(p, start, end, &s)) {
		pmap_refresh(&mm->pmap, s.va, s.va + PAGE_SIZE);
		put_page(s.copy);
		put_page(s.frame);
	}
}

/* ---- patching ---- */

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

struct request {
	struct mm *mm;
	u64 addr; /* of the syscall */
	u32 off;  /* offset in its page */
	u64 nr;
	struct site_shape shape;
	struct page *frame, *copy, *spare;
	struct shadow old; /* the shadow that is replaced */
};

static u64 jump_of(const struct request *q)
{
	return (q->addr & PAGE_MASK) + q->shape.start;
}

/*
 * Returns the frame of the site, with a reference, if this mm cannot write to it. mmap_lock held.
 */
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
		const struct site *s = site_at(p, i);
		u64 jump = (s->addr & PAGE_MASK) + s->shape.start;

		if (s->live && jump < end && start < jump + JMP_LEN)
			return true;
	}
	return false;
}

/*
 * Finds the entry of a site that was patched before: its thunk still exists. NULL: there is none.
 */
static struct site *known_site(struct patch *p, const struct request *q)
{
	for (u32 i = 0; i < p->nr_sites; i++) {
		struct site *s = site_at(p, i);

		if (s->addr == q->addr && !s->live && s->nr == (u32)q->nr &&
			s->shape.form == SITE_MOV && q->shape.form == SITE_MOV &&
			!arena_at(p, s->thunk)->dead)
			return s;
	}
	return NULL;
}

/* Allocates the row of site @i if it is missing; returns false without memory. patch->lock held. */
static bool need_row(struct patch *p, u32 i)
{
	struct site_row **row = &p->rows[i / ROW_SITES];

	if (!*row)
		*row = kmalloc(sizeof(**row), GFP_ATOMIC);
	return *row;
}

/*
 * Makes the entry of a site. Returns NULL if there is no room, or if no thunk is within reach
 * (*need_arena is then true). patch->lock held.
 */
static struct site *new_site(struct patch *p, struct request *q, bool *need_arena)
{
	const u8 *text = page_address(q->frame);
	struct site *s;
	u64 thunk;

	if (p->nr_sites == MAX_SITES || !need_row(p, p->nr_sites))
		return NULL;
	s = site_at(p, p->nr_sites);
	thunk = arena_reserve_thunk(p, jump_of(q), q->shape.form, &q->spare);
	*need_arena = !thunk;
	if (!thunk)
		return NULL;
	thunk_write(arena_thunk(p, thunk), thunk, q->addr, &q->shape, text + q->off + SYSCALL_LEN,
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

/*
 * Replaces the old shadow by the new one. The references of the old one go to q->old. patch->lock
 * held.
 */
static void swap_shadow(struct patch *p, struct request *q, struct shadow *s)
{
	if (s)
		q->old = *s;
	else
		s = &p->shadows[p->nr_shadows++];
	*s = (struct shadow){ .va = q->addr & PAGE_MASK, .frame = q->frame, .copy = q->copy };
	q->frame = q->copy = NULL;
}

/*
 * Patches a copy of the page, which becomes the page's shadow. Returns 0; -EAGAIN if the page has a
 * shadow of another frame; or -ENOSPC if it cannot be patched, or only after arena_make()
 * (*need_arena). patch->lock held.
 */
static int patch_locked(struct patch *p, struct request *q, bool *need_arena)
{
	struct shadow *old = shadow_at(p, q->addr & PAGE_MASK);
	struct site *s;

	/* set by another thread, which has unpatched this page or will do so */
	if (READ_ONCE(q->mm->watched))
		return -ENOSPC;
	/* a shadow of an earlier frame has to be dropped first */
	if (old && old->frame != q->frame)
		return -EAGAIN;
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

/*
 * Patches with the frame locked, so that neither the frame nor the mappings of its file can change
 * meanwhile.
 */
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

/*
 * Allocates pages and patches one site. Returns 0, an error of patch_locked(), -EINVAL for code
 * that is not recognised, or -ENOMEM. Takes mmap_lock.
 */
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

/*
 * Counts a call that came by a trap. The process is part of the key: since the address of a freed
 * mm is soon reused, traps of short-lived programs would otherwise add up.
 */
void patch_count_trap(struct mm *mm, const struct regs *r)
{
	u64 addr = r->rip - SYSCALL_LEN;
	u64 key = addr ^ (u64)mm << 16 ^ (u64)current->tgid << 40;
	u64 i = (key * 0x9e3779b97f4a7c15UL) >> (64 - COUNTS_SHIFT);

	/*
	 * Unwinders recognise the call of rt_sigreturn by its bytes; and a hardware breakpoint on
	 * an instruction of the site would never be hit.
	 */
	if (r->orig_rax == __NR_rt_sigreturn || current->hw_debug)
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

/*
 * Undoes a single step that ended in a thunk: unpatches the page, so that the step is made again.
 */
static void undo_step(struct mm *mm, struct regs *r, u64 rip, u64 page)
{
	r->rip = rip;
	arch_patch_forget(mm, page, page + PAGE_SIZE);
}

/*
 * True if @rip is in a thunk. In an arena that the program has changed, true only if the thread
 * cannot continue there.
 */
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
			const struct site *s = site_at(p, i);

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

/* ---- fork and exit of an mm ---- */

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

static void free_patch(struct patch *p)
{
	for (u32 i = 0; i < ARRAY_SIZE(p->rows); i++)
		kfree(p->rows[i]);
	kfree(p);
}

/* Allocates a patch with rows for as many sites as @p has and locks @p. NULL: no memory. */
static struct patch *alloc_copy(struct patch *p)
{
	struct patch *copy = kzalloc(sizeof(*copy), GFP_KERNEL);
	u32 rows = 0;

	if (!copy)
		return NULL;
	for (;;) {
		spin_lock(&p->lock);
		if (p->nr_sites <= rows * ROW_SITES)
			return copy;
		spin_unlock(&p->lock);
		copy->rows[rows] = kmalloc(sizeof(*copy->rows[rows]), GFP_KERNEL);
		if (!copy->rows[rows]) {
			free_patch(copy);
			return NULL;
		}
		rows++;
	}
}

int arch_patch_fork(struct mm *new, struct mm *old)
{
	struct patch *p = old->patch, *copy;

	if (!p)
		return 0;
	copy = alloc_copy(p);
	if (!copy)
		return -ENOMEM;
	share(p);
	memcpy(copy, p, offsetof(struct patch, rows));
	for (u32 i = 0; i < p->nr_sites; i++)
		*site_at(copy, i) = *site_at(p, i);
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
	free_patch(p);
}
