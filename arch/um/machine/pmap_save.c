/* SPDX-License-Identifier: MIT */
/*
 * pmap_save.c: address spaces of a stopped machine, when it is saved, put back or continued in
 * another process (save.c).
 *
 * Locks: pmap->lock, by trylock only, since a task that waits for the machine may hold it.
 */
#include <asm/errno.h>

#include "arch/um/internal.h"
#include "arch/um/machine/pmap.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/lock.h"
#include "skas/skas.h"

int pmap_settle_stopped(struct pmap *pm)
{
	if (!mutex_trylock(&pm->lock))
		return -EAGAIN;
	if (pm->space) {
		pmap_flush_locked(pm);
		if (pm->lazy && !space_dead(pm->space))
			pmap_note_touched_locked(pm, 0, arch_task_size());
	}
	mutex_unlock(&pm->lock);
	return 0;
}

int pmap_drop_stopped(struct pmap *pm)
{
	if (!mutex_trylock(&pm->lock))
		return -EAGAIN;
	if (pm->space) {
		/* set before entries lose PTE_MAPPED: see drop_locked() */
		pm->queued = true;
		pmap_forget_mapped(pm, 0, arch_task_size());
		space_unmap(pm->space, 0, arch_task_size());
	}
	mutex_unlock(&pm->lock);
	return 0;
}

int pmap_leave_stopped(struct pmap *pm, bool quiet)
{
	struct space *s;

	if (!mutex_trylock(&pm->lock))
		return -EAGAIN;
	s = pm->space;
	pm->space = NULL;
	if (s && quiet)
		pmap_image_save(pm, s);
	else if (s)
		space_image(s)->nr = 0;
	if (s)
		space_put(s);
	pm->left = true;
	mutex_unlock(&pm->lock);
	return 0;
}

void pmap_forget_left(struct pmap *pm)
{
	if (!pm->left)
		return;
	pm->left = false;
	pmap_forget_mapped(pm, 0, 1UL << 47);
}

void pmap_forget_space(struct pmap *pm)
{
	pm->space = NULL;
	pm->queued = pm->ahead = false;
	pmap_forget_mapped(pm, 0, 1UL << 47);
}
