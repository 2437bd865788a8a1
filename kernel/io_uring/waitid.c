/* SPDX-License-Identifier: MIT */
/*
 * waitid.c: WAITID: waitid(2) that waits without a sleeping task.
 *
 * The task checks its children at submission, and again whenever a child of its process has
 * stopped, continued or ended. A pseudo file represents the process's wait queue on which
 * waitpid(2) sleeps. The file is ready once that queue was woken up after the file was armed.
 */
#include <linux/eventpoll.h>
#include <linux/wait.h>

#include "kernel/io_uring/uring.h"
#include "kernel/task/waitid.h"

struct children {
	struct task *task; /* the waiting task; referenced */
	/* the request that the task is arming, or NULL once it is armed */
	struct uring_req *asked;
};

static long look(struct uring_req *r, siginfo_t *info)
{
	const struct io_uring_sqe *s = &r->sqe;

	memset(info, 0, sizeof(*info));
	return waitid_look((int)s->len, s->fd, (int)s->file_index, info);
}

/* True if a child has a state to report, or waitid(2) would fail. The state stays reportable. */
static bool has_news(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	siginfo_t info = { 0 };
	long err = waitid_look((int)s->len, s->fd, (int)s->file_index | WNOWAIT, &info);

	return err || info.si_signo;
}

static u32 children_poll(struct file *f, struct poll_table *pt)
{
	struct children *c = f->private_data;
	struct uring_req *r = c->asked;

	if (!r)
		return EPOLLIN; /* the queue was woken up */
	c->asked = NULL;
	poll_wait(f, &c->task->signal->wait_chldexit, pt);
	return has_news(r) ? EPOLLIN : 0;
}

static int children_release(struct inode *inode, struct file *f)
{
	struct children *c = f->private_data;

	put_task(c->task);
	kfree(c);
	return 0;
}

static const struct file_operations children_fops = {
	.llseek = no_llseek,
	.poll = children_poll,
	.release = children_release,
};

static struct file *children_file(void)
{
	struct children *c = kzalloc(sizeof(*c), GFP_KERNEL);
	struct file *f;

	if (!c)
		return ERR_PTR(-ENOMEM);
	c->task = current;
	f = anon_file("[io_uring:waitid]", &children_fops, c, 0);
	if (IS_ERR(f))
		kfree(c);
	else
		get_task(current);
	return f;
}

int waitid_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->addr || s->buf_index || s->addr3 || s->rw_flags ? -EINVAL : 0;
}

/*
 * Waits until a child may have a state to report. Returns 0 to check again, URING_QUEUED or -errno.
 */
static long wait_news(struct uring_req *r)
{
	struct children *c;

	if (!r->other) {
		r->other = children_file();
		if (IS_ERR(r->other)) {
			long err = PTR_ERR(r->other);

			r->other = NULL;
			return err;
		}
	}
	c = r->other->private_data;
	c->asked = r;
	r->tries = 0;
	return uring_wait_other(r, r->other, EPOLLIN);
}

long waitid_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	uaddr_t to = UADDR(s->addr2);
	siginfo_t info;
	long ret;

	for (;;) {
		ret = look(r, &info);
		if (ret || info.si_signo || s->file_index & WNOHANG)
			break;
		ret = wait_news(r);
		if (ret)
			return ret;
		cond_resched();
	}
	if (to.v && copy_siginfo_to_user(to, &info))
		return -EFAULT;
	return ret;
}
