/* SPDX-License-Identifier: MIT */
/*
 * v1_blkio.c: blkio of cgroup version 1 (linux-doc's admin-guide/cgroup-v1/blkio-controller): what
 * a group reads from and writes to each disk, and its limits per second.
 *
 * It is version 2's io controller under another name. Only one version has it at a time: a
 * hierarchy that is made with blkio takes the controller from version 2, and gives it back when it
 * ends. A group's limits and figures are its own, independent of the groups above and below. Pages
 * that other tasks write to the disk are counted for those tasks (io_pages_unowned). The top counts
 * nothing: its figures are those of the disks minus those of all groups.
 *
 * Locks: cgroup1_mutex; within it cgroup_threads, when all tasks change their group; cgroup1_lock
 * for a task that moves.
 */
#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"

/*
 * Gives blkio to version 1 (@on), or back to version 2. Called while no task is in a group of @h
 * below the top: @h is new, or its last group is gone.
 */
void cgroup1_blkio_owner(struct cgroup1_hier *h, bool on)
{
	assert_mutex_held(&cgroup1_mutex);
	if (!(h->controllers & CG1_BLKIO))
		return;
	WRITE_ONCE(io_pages_unowned, on);
	cgroup_switch_payers(CG_IO, on);
}

void cgroup1_blkio_moved(struct task *t, struct cgroup1 *g)
{
	WRITE_ONCE(t->io_group, g ? &g->io : NULL);
}

int cgroup1_set_io(struct cgroup1 *g, dev_t dev, u32 which, u64 limit)
{
	u64 limits[IO_LIMITS] = { IO_NO_LIMIT, IO_NO_LIMIT, IO_NO_LIMIT, IO_NO_LIMIT };
	const struct io_node *n;
	int err = -ENODEV;

	mutex_lock(&cgroup1_mutex);
	if (!g->dead) {
		n = io_group_node(&g->io, dev);
		if (n)
			memcpy(limits, n->limit, sizeof(limits));
		limits[which] = limit;
		err = io_group_limit(&g->io, dev, limits);
	}
	mutex_unlock(&cgroup1_mutex);
	return err;
}

static void add_node(const struct cgroup1 *g, dev_t dev, u64 *bytes, u64 *ios)
{
	const struct io_node *n = io_group_node(&g->io, dev);

	for (u32 i = 0; n && i < IO_KINDS; i++) {
		bytes[i] += READ_ONCE(n->bytes[i]);
		ios[i] += READ_ONCE(n->ios[i]);
	}
}

void cgroup1_add_io(struct cgroup1 *g, dev_t dev, u64 *bytes, u64 *ios)
{
	struct cgroup1 *below;

	assert_mutex_held(&cgroup1_mutex);
	add_node(g, dev, bytes, ios);
	list_for_each_entry(below, &g->hier->groups, sibling) {
		if (below != g && io_group_node(&below->io, dev) && cgroup1_is_below(below, g))
			add_node(below, dev, bytes, ios);
		/* There may be any number of groups. cgroup1_mutex keeps the list unchanged. */
		cond_resched();
	}
}
