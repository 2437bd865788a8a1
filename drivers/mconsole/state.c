/* SPDX-License-Identifier: MIT */
/*
 * state.c: the management console's "state": saves the instance to a folder of the host, and goes
 * back to what was saved there (kernel/state/state.h).
 *
 *     state save DIR       answers "stopped NS", the time for which the instance stood still
 *     state rollback DIR   answers before it; a second answer comes only if it fails
 *
 * A thread of its own does either, since both take time and the console goes on meanwhile. In a
 * restored instance that thread goes on too: its client has asked another process, so
 * mconsole_host_reply() does not answer. A client that goes away in between changes nothing.
 *
 * Locks: none; a request belongs to its thread.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/task.h"
#include "kernel/state/state.h"

struct state_request {
	struct mconsole_packet from;
	struct mconsole_call call;
	char dir[MCONSOLE_DATA];
	struct state_why why;
};

static int save_thread(void *arg)
{
	struct state_request *r = arg;
	u64 stopped = 0;
	int err = state_save(r->dir, &stopped, &r->why);

	if (err)
		mconsole_fail(&r->call, err, "%s", r->why.text);
	else
		mconsole_print(&r->call, "stopped %lu", stopped);
	mconsole_end(&r->call, 0);
	kfree(r);
	return 0;
}

static int rollback_thread(void *arg)
{
	struct state_request *r = arg;
	int err;

	mconsole_print(&r->call, "rolling back\n");
	mconsole_part(&r->call);
	err = state_rollback(r->dir, &r->why);
	pr_err("mconsole: state rollback: %s\n", r->why.text);
	mconsole_fail(&r->call, err, "%s", r->why.text);
	kfree(r);
	return 0;
}

void cmd_state(struct mconsole_call *c)
{
	bool save = !strncmp(c->args, "save ", 5), back = !strncmp(c->args, "rollback ", 9);
	const char *dir = c->args + (save ? 5 : 9);
	struct state_request *r;

	if ((!save && !back) || *dir != '/') {
		mconsole_fail(c, -EINVAL, "state: wants save DIR or rollback DIR, a path from /");
		return;
	}
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r) {
		mconsole_fail(c, -ENOMEM, "state: no memory");
		return;
	}
	strscpy(r->dir, dir, sizeof(r->dir));
	mconsole_take(&r->call, &r->from, c);
	if (kthread_run(save ? save_thread : rollback_thread, r, "state"))
		return;
	kfree(r);
	c->ended = false;
	mconsole_fail(c, -ENOMEM, "state: no memory");
}
