/* SPDX-License-Identifier: MIT */
/*
 * pid_mounts.c: /proc/PID/mounts, mountinfo and mountstats: the mounts of a process's namespace
 * that it can reach from its root.
 *
 * An open file keeps the namespace and the root that the process had when it was opened. poll() of
 * mounts and mountinfo reports EPOLLPRI and EPOLLERR once after each change of the namespace's
 * mounts. Locks: seq.lock for the text.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/task/process.h"

/* interrupted tries, after which changes of the mounts wait until the text is made */
#define TRIES 3
#define LINE_MAX (256U << 10) /* bytes; a longer line is left out */

struct mounts_file {
	struct seq seq;
	struct ns_common *ns;
	struct path root;
	int style; /* argument of show_mounts_line() */
	u64 event;
	char *line; /* buffer, while a text is made */
	size_t line_size;
	bool no_memory; /* for a line of the text */
};

static int root_of_task(struct task *t, struct path *root)
{
	int err = -EINVAL;

	spin_lock(&t->alloc_lock);
	if (t->fs) {
		spin_lock(&t->fs->lock);
		*root = t->fs->root;
		path_get(root);
		spin_unlock(&t->fs->lock);
		err = 0;
	}
	spin_unlock(&t->alloc_lock);
	return err;
}

static int mounts_open_style(struct inode *inode, struct file *f, int style)
{
	struct task *t = proc_task(inode);
	struct mounts_file *m;
	int err = -ENOMEM;

	if (!t)
		return -ESRCH;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		goto out;
	err = -EINVAL;
	seq_open(&m->seq, f);
	m->style = style;
	m->seq.file = f;
	m->ns = ns_of_task(t, NS_MNT);
	if (m->ns)
		err = root_of_task(t, &m->root);
	if (err) {
		ns_put(m->ns);
		kfree(m);
		goto out;
	}
	m->event = mnt_ns_event(m->ns);
	f->private_data = m;
out:
	put_task(t);
	return err;
}

static int mounts_open(struct inode *inode, struct file *f)
{
	return mounts_open_style(inode, f, 0);
}

static int mountinfo_open(struct inode *inode, struct file *f)
{
	return mounts_open_style(inode, f, 1);
}

static int mountstats_open(struct inode *inode, struct file *f)
{
	return mounts_open_style(inode, f, 2);
}

static int mounts_release(struct inode *inode, struct file *f)
{
	struct mounts_file *m = f->private_data;

	if (!m)
		return 0;
	path_put(&m->root);
	ns_put(m->ns);
	seq_close(&m->seq);
	kfree(m);
	return 0;
}

/* Doubles the buffer for a line, whose text is lost. Returns false if it has its full size. */
static bool grow_line(struct mounts_file *m)
{
	char *line;

	if (m->line_size == LINE_MAX)
		return false;
	line = kmalloc(2 * m->line_size, GFP_KERNEL);
	m->no_memory |= !line;
	if (!line)
		return false;
	kfree(m->line);
	m->line = line;
	m->line_size *= 2;
	return true;
}

static void add_line(struct mount *mnt, void *arg)
{
	struct mounts_file *m = arg;
	int n;

	while ((n = show_mounts_line(mnt, &m->root, m->style, m->line, m->line_size)) == -ENOSPC)
		if (!grow_line(m))
			return;
	if (n > 0)
		seq_write(&m->seq, m->line, (size_t)n);
	m->no_memory |= n == -ENOMEM;
}

static int make_text(struct seq *s, void *arg)
{
	struct mounts_file *m = arg;
	size_t from = s->len;
	int tries = 0;

	m->line_size = PAGE_SIZE;
	m->line = kmalloc(m->line_size, GFP_KERNEL);
	if (!m->line)
		return -ENOMEM;
	m->no_memory = false;
	while (!mnt_ns_for_each(m->ns, tries == TRIES, add_line, m)) {
		s->len = from;
		tries++;
	}
	kfree(m->line);
	return m->no_memory ? -ENOMEM : 0;
}

static ssize_t mounts_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct mounts_file *m = f->private_data;

	return seq_read(&m->seq, to, pos, make_text, m);
}

static u32 mounts_poll(struct file *f, struct poll_table *pt)
{
	struct mounts_file *m = f->private_data;
	u64 now;

	poll_wait(f, mnt_ns_queue(m->ns), pt);
	now = mnt_ns_event(m->ns);
	if (now == m->event)
		return 0x1 | 0x40; /* EPOLLIN | EPOLLRDNORM */
	m->event = now;
	return 0x1 | 0x40 | 0x8 | 0x2; /* with EPOLLERR | EPOLLPRI */
}

const struct file_operations proc_mounts_fops = {
	.open = mounts_open,
	.release = mounts_release,
	.read_iter = mounts_read,
	.poll = mounts_poll,
	.llseek = generic_file_llseek,
};
const struct file_operations proc_mountinfo_fops = {
	.open = mountinfo_open,
	.release = mounts_release,
	.read_iter = mounts_read,
	.poll = mounts_poll,
	.llseek = generic_file_llseek,
};
const struct file_operations proc_mountstats_fops = {
	.open = mountstats_open,
	.release = mounts_release,
	.read_iter = mounts_read,
	.llseek = generic_file_llseek,
};
