/* SPDX-License-Identifier: MIT */
/*
 * exec_fd.c: the client's descriptors that commands in the instance use. A list has all of them, so
 * that a restore can invalidate those of the process that was saved: its commands get SIGHUP, read
 * end-of-file, and get SIGPIPE when they write.
 *
 * Locks: fds_lock for the list.
 */
#include <asm/errno.h>

#include "drivers/mconsole/exec.h"
#include "drivers/mconsole/internal.h"
#include "kernel/mm/mm.h"
#include "kernel/state/state.h"

static LIST_HEAD(fds);
static DEFINE_SPINLOCK(fds_lock);

struct exec_fd *exec_fd_take(struct mconsole_packet *p, u32 i, int irq)
{
	struct exec_fd *e = kzalloc(sizeof(*e), GFP_KERNEL);
	int fd;

	if (!e)
		return ERR_PTR(-ENOMEM);
	fd = mconsole_host_take(p, i);
	/* No sleep until the file is on the list, so no restore can happen in between. */
	if (fd >= 0)
		e->host = exec_host_adopt(fd, irq);
	if (fd < 0 || e->host < 0) {
		fd = fd < 0 ? 0 : e->host;
		kfree(e);
		return ERR_PTR(fd);
	}
	spin_lock(&fds_lock);
	list_add(&e->list, &fds);
	spin_unlock(&fds_lock);
	return e;
}

void exec_fd_close(struct exec_fd *e)
{
	spin_lock(&fds_lock);
	list_del(&e->list);
	spin_unlock(&fds_lock);
	exec_host_close(e->host);
	kfree(e);
}

static void forget_all(void)
{
	struct exec_fd *e;

	list_for_each_entry(e, &fds, list)
		e->host = 0;
}

static int rebuild(const char *dir, struct state_why *why)
{
	forget_all();
	return 0;
}

/* Hangs up all commands, as a rollback that executes the kernel again does too. */
static int go_back(const char *dir, struct state_why *why)
{
	struct exec_fd *e;

	list_for_each_entry(e, &fds, list)
		exec_host_close(e->host);
	return 0;
}

/*
 * Closes the descriptors of commands that began after the mark, which the rolled-back machine does
 * not know: their clients see the end.
 */
static int put_back(struct state_why *why)
{
	struct exec_fd *e;

	list_for_each_entry(e, &fds, list)
		if (exec_host_is_after_mark(e->host))
			exec_host_close(e->host);
	return 0;
}

static void resumed(void)
{
	exec_wake();
}

STATE_PART(exec_state) = {
	.name = "exec",
	.put_back = put_back,
	.go_back = go_back,
	.returned = forget_all,
	.rebuild = rebuild,
	.resumed = resumed,
};
