/* SPDX-License-Identifier: MIT */
/*
 * core_pipe.c: sends a core dump to a program: core_pattern "|/path/program %p %s ..." (core(5)).
 *
 * The program is a process of the kernel's own without a parent, run as root in the initial
 * namespaces. Its standard input is a pipe, and the dump is written to the other end. RLIMIT_CORE
 * does not limit such a dump, but the value 1 disables it. The program itself gets the value 1, so
 * that it cannot dump into another instance of itself.
 *
 * The dumping process waits until the program has been executed (or not), then writes. With
 * kernel.core_pipe_limit it then waits until the program stops reading, so that the program finds
 * the process in /proc. At most that many processes dump at once; further processes do not dump. 0:
 * no limit, and no process waits.
 */
#include <linux/fcntl.h>
#include <linux/resource.h>

#include "kernel/lib/printk.h"
#include "kernel/task/internal.h"
#include "kernel/vfs/vfs.h"

struct core_helper {
	const char *const *argv;
	struct file *input;
	struct completion started;
	int err;
};

/* Runs the program, in its new process. */
static int run_helper(void *arg)
{
	static const char *const envp[] = { "HOME=/", "PATH=/sbin:/bin:/usr/sbin:/usr/bin", NULL };
	struct core_helper *h = arg;
	int fd = get_unused_fd(0), err = fd;

	if (fd < 0)
		fput(h->input);
	else
		fd_install(fd, h->input);
	current->signal->rlim[RLIMIT_CORE].cur = current->signal->rlim[RLIMIT_CORE].max = 1;
	if (fd >= 0)
		err = kernel_execve(h->argv[0], h->argv, envp);
	h->err = err;
	complete(&h->started);
	return err;
}

int sysctl_core_pipe_limit;
static atomic_t dumps;

bool core_pipe_begin(void)
{
	int limit = READ_ONCE(sysctl_core_pipe_limit);

	if (atomic_inc_return(&dumps) <= limit || !limit)
		return true;
	atomic_dec(&dumps);
	pr_warn("Pid %d(%s) over core_pipe_limit\nSkipping core dump\n", current->tgid,
		current->comm);
	return false;
}

void core_pipe_end(struct file *f)
{
	if (f && READ_ONCE(sysctl_core_pipe_limit))
		pipe_wait_readers(f);
	atomic_dec(&dumps);
}

struct file *core_pipe_open(const char *const *argv)
{
	struct core_helper h = { .argv = argv };
	struct file *ends[2];
	int err;

	if (!argv[0])
		return ERR_PTR(-ENOENT);
	err = create_pipe(ends);
	if (err)
		return ERR_PTR(err);
	h.input = ends[0];
	init_completion(&h.started);
	err = kernel_spawn_helper(run_helper, &h);
	if (err) {
		fput(ends[0]);
		goto err_put;
	}
	wait_for_completion(&h.started);
	err = h.err;
	if (err)
		goto err_put;
	return ends[1];
err_put:
	fput(ends[1]);
	pr_notice("Core dump to |%s pipe failed\n", argv[0]);
	return ERR_PTR(err);
}
