/* SPDX-License-Identifier: MIT */
/*
 * chrdev.c: character devices by number, and the opening of special files.
 *
 * A driver registers a range of minors of a major. An open of a node finds the driver by the
 * number, and sets the file's f_op to the driver's operations. Block devices have def_blk_fops
 * (block.h), FIFOs pipefifo_fops (pipe). A socket's node cannot be opened (ENXIO).
 *
 * Lock: chrdev_lock for the list. Drivers are not unregistered while files of theirs are open.
 */
#include "kernel/block/block.h"
#include "kernel/vfs/bdev/bdev.h"
#include "kernel/vfs/internal.h"

struct chrdev {
	u32 major, first, count;
	const char *name;
	const struct file_operations *fop;
	struct list_head list;
};

static DEFINE_SPINLOCK(chrdev_lock);
static LIST_HEAD(chrdevs); /* sorted by major, then first */
const struct device_guard_ops *device_guard;

static bool overlaps(const struct chrdev *a, const struct chrdev *b)
{
	return a->major == b->major && a->first < b->first + b->count &&
	       b->first < a->first + a->count;
}

int register_chrdev(
	u32 major, u32 first, u32 count, const char *name, const struct file_operations *fop)
{
	struct chrdev *c = kmalloc(sizeof(*c), GFP_KERNEL), *o;
	struct list_head *at = &chrdevs;
	int err = 0;

	if (!c)
		return -ENOMEM;
	*c = (struct chrdev){
		.major = major, .first = first, .count = count, .name = name, .fop = fop
	};
	spin_lock(&chrdev_lock);
	list_for_each_entry(o, &chrdevs, list) {
		if (overlaps(o, c))
			err = -EBUSY;
		if (o->major < major || (o->major == major && o->first < first))
			at = &o->list;
	}
	if (!err)
		list_add(&c->list, at);
	spin_unlock(&chrdev_lock);
	if (err)
		kfree(c);
	return err;
}

void unregister_chrdev(u32 major, u32 first, u32 count)
{
	struct chrdev *c, *next;

	spin_lock(&chrdev_lock);
	list_for_each_entry_safe(c, next, &chrdevs, list)
		if (c->major == major && c->first == first && c->count == count) {
			list_del(&c->list);
			kfree(c);
		}
	spin_unlock(&chrdev_lock);
}

/* True if a range before @c in the list has @c's major number and name. Under chrdev_lock. */
static bool named_before(const struct chrdev *c)
{
	struct chrdev *e;

	list_for_each_entry(e, &chrdevs, list) {
		if (e == c)
			break;
		if (e->major == c->major && !strcmp(e->name, c->name))
			return true;
	}
	return false;
}

int chrdev_line(int i, char *buf, size_t size)
{
	struct chrdev *c;
	int n = 0;

	spin_lock(&chrdev_lock);
	list_for_each_entry(c, &chrdevs, list)
		if (!named_before(c) && i-- == 0) {
			n = scnprintf(buf, size, "%3u %s\n", c->major, c->name);
			break;
		}
	spin_unlock(&chrdev_lock);
	return n;
}

static const struct file_operations *chrdev_find(dev_t dev)
{
	const struct file_operations *fop = NULL;
	struct chrdev *c;

	spin_lock(&chrdev_lock);
	list_for_each_entry(c, &chrdevs, list)
		if (c->major == MAJOR(dev) && MINOR(dev) - c->first < c->count) {
			fop = c->fop;
			break;
		}
	spin_unlock(&chrdev_lock);
	return fop;
}

static int open_as(struct inode *inode, struct file *f, const struct file_operations *fop)
{
	if (!fop)
		return -ENXIO;
	f->f_op = fop;
	return fop->open ? fop->open(inode, f) : 0;
}

static int chr_open(struct inode *inode, struct file *f)
{
	return open_as(inode, f, chrdev_find(inode->i_rdev));
}

static int sock_open(struct inode *inode, struct file *f)
{
	return -ENXIO;
}

const struct file_operations def_chr_fops = { .open = chr_open, .llseek = noop_llseek };
const struct file_operations def_sock_fops = { .open = sock_open };

void vfs_special_fops(struct inode *inode)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFCHR: inode->i_fop = &def_chr_fops; break;
	case S_IFBLK: inode->i_fop = &def_blk_fops; break;
	case S_IFIFO: inode->i_fop = &pipefifo_fops; break;
	case S_IFSOCK: inode->i_fop = &def_sock_fops; break;
	}
}
