/* SPDX-License-Identifier: MIT */
/*
 * pressure.c: /proc/pressure/{cpu,io,memory}: the machine's stalls (kernel/sched/psi.c), and
 * triggers: a line that is written to an open file makes poll() on it report stalls above the
 * line's threshold.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/psi.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/user_ns.h"

struct pressure_file {
	enum psi_resource resource;
	struct psi_trigger *trigger; /* set once, under f_lock */
};

static enum psi_resource resource_of(const struct inode *inode)
{
	const char *name = PROC_I(inode)->de->name;

	return name[0] == 'c' ? PSI_CPU : name[0] == 'm' ? PSI_MEM : PSI_IO;
}

static int pressure_open(struct inode *inode, struct file *f)
{
	struct pressure_file *p;

	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->resource = resource_of(inode);
	f->private_data = p;
	return 0;
}

static int pressure_release(struct inode *inode, struct file *f)
{
	struct pressure_file *p = f->private_data;

	if (p)
		psi_trigger_destroy(p->trigger);
	kfree(p);
	return 0;
}

static ssize_t pressure_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct pressure_file *p = f->private_data;
	char text[256];
	size_t n = (size_t)psi_show(&psi_system, p->resource, text, sizeof(text)), want;

	if (*pos < 0 || (size_t)*pos >= n)
		return 0;
	want = min_t(size_t, n - (size_t)*pos, to->count);
	n = copy_to_iter(text + *pos, want, to);
	*pos += (loff_t)n;
	return n || !want ? (ssize_t)n : -EFAULT;
}

static ssize_t pressure_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct pressure_file *p = f->private_data;
	size_t n = from->count;
	struct psi_trigger *t;
	char text[64];
	bool set;

	if (!n || n >= sizeof(text))
		return -EINVAL;
	if (copy_from_iter(text, n, from) != n)
		return -EFAULT;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	t = psi_trigger_create(&psi_system, p->resource, text,
		cred_ns_capable(f->f_cred, &init_user_ns, CAP_SYS_RESOURCE));
	if (IS_ERR(t))
		return PTR_ERR(t);
	spin_lock(&f->f_lock);
	set = !p->trigger;
	if (set)
		p->trigger = t;
	spin_unlock(&f->f_lock);
	if (!set) {
		psi_trigger_destroy(t);
		return -EBUSY;
	}
	return (ssize_t)n;
}

static u32 pressure_poll(struct file *f, struct poll_table *pt)
{
	struct pressure_file *p = f->private_data;
	struct psi_trigger *t = READ_ONCE(p->trigger);
	u32 mask = vfs_default_poll();

	if (!t)
		return mask | EPOLLERR | EPOLLPRI;
	poll_wait(f, psi_trigger_wait(t), pt);
	return psi_trigger_take(t) ? mask | EPOLLPRI : mask;
}

static const struct file_operations pressure_fops = {
	.open = pressure_open,
	.release = pressure_release,
	.read_iter = pressure_read,
	.write_iter = pressure_write,
	.poll = pressure_poll,
	.llseek = generic_file_llseek,
};

static int pressure_init(void)
{
	int err = proc_create_fops("pressure/io", 0666, &pressure_fops);

	if (!err)
		err = proc_create_fops("pressure/memory", 0666, &pressure_fops);
	return err ? err : proc_create_fops("pressure/cpu", 0666, &pressure_fops);
}
INITCALL(3, pressure_init);
