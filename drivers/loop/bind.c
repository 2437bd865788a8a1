/* SPDX-License-Identifier: MIT */
/*
 * bind.c: the file behind a loop device, with its offset, limit and flags: loop(4)'s ioctls and
 * /sys/block/loopN/loop.
 *
 * States: UNBOUND -> (SET_FD, CONFIGURE) BOUND -> (CLR_FD, the last close with AUTOCLEAR) UNBOUND.
 * While other openers exist, CLR_FD only sets AUTOCLEAR.
 *
 * Locks: loop.lock, which the last close takes inside the block device's own lock. Inside it
 * files_lock, for each change of a unit's file: so leads_to() sees a change as a whole, and two
 * concurrent bindings cannot form a cycle.
 */
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/major.h>

#include "drivers/loop/loop.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/bdev/bdev.h"
#include "kernel/vfs/vfs.h"

#define SETTABLE (LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN)
#define CONFIGURABLE (SETTABLE | LO_FLAGS_READ_ONLY | LO_FLAGS_DIRECT_IO)

/* ---- sizes ---- */

static u64 file_sectors(const struct file *f, u64 offset, u64 limit)
{
	u64 size = (u64)i_size_read(f->f_mapping->host);

	size = size > offset ? size - offset : 0;
	if (limit && size > limit)
		size = limit;
	return size >> SECTOR_SHIFT;
}

static void update_size(struct loop *lo)
{
	disk_set_capacity(&lo->disk, file_sectors(lo->file, lo->offset, lo->sizelimit));
}

static bool valid_block_size(u64 n)
{
	return n >= 512 && n <= PAGE_SIZE && !(n & (n - 1));
}

/* True if the file can be opened with O_DIRECT, and the unit's offset is a multiple of 512. */
static bool can_dio(const struct loop *lo, const struct file *f)
{
	return file_may_be_direct(f) && !(lo->offset & 511);
}

/* Returns the block size: that of the file's disk if the file is opened with O_DIRECT, else 512. */
static u32 default_block_size(const struct file *f)
{
	const struct inode *inode = f->f_mapping->host;
	const struct block_device *b = S_ISBLK(inode->i_mode) ? inode->i_bdev : inode->i_sb->s_bdev;

	return f->f_flags & O_DIRECT && b ? b->disk->logical_block_size : 512;
}

/* ---- binding ---- */

static DEFINE_SPINLOCK(files_lock);

/*
 * True if @f leads, through other loop devices or their partitions, to @lo. Under files_lock, so
 * that no file on the way is released.
 */
static bool leads_to(struct loop *lo, const struct file *f)
{
	u32 hops;

	for (hops = 0; f && hops < LOOP_MAX; hops++) {
		const struct inode *inode = f->f_mapping->host;
		const struct block_device *b = S_ISBLK(inode->i_mode) ? inode->i_bdev : NULL;
		struct loop *under;

		if (!b || b->disk->major != LOOP_MAJOR)
			return false;
		under = b->disk->private;
		if (under == lo)
			return true;
		f = under->file;
	}
	return f != NULL;
}

static int check_backing(struct loop *lo, const struct file *f)
{
	bool circle;

	spin_lock(&files_lock);
	circle = leads_to(lo, f);
	spin_unlock(&files_lock);
	if (circle)
		return -EBADF;
	if (!S_ISREG(f->f_inode->i_mode) && !S_ISBLK(f->f_inode->i_mode))
		return -EINVAL;
	return f->f_op->read_iter ? 0 : -EINVAL;
}

/*
 * Sets the unit's file to @f, which check_backing() has checked, or to NULL. Returns 0, or -EBADF
 * if another binding has made @f lead to @lo since.
 */
static int set_file(struct loop *lo, struct file *f)
{
	int err = 0;

	spin_lock(&files_lock);
	if (f && leads_to(lo, f))
		err = -EBADF;
	else
		lo->file = f ? get_file(f) : NULL;
	spin_unlock(&files_lock);
	return err;
}

static int check_info(const struct loop_info64 *i)
{
	if (i->lo_encrypt_key_size > LO_KEY_SIZE || i->lo_encrypt_type != LO_CRYPT_NONE)
		return -EINVAL;
	return i->lo_offset > S64_MAX || i->lo_sizelimit > S64_MAX ? -EOVERFLOW : 0;
}

static void take_info(struct loop *lo, const struct loop_info64 *i)
{
	lo->offset = i->lo_offset;
	lo->sizelimit = i->lo_sizelimit;
	memcpy(lo->name, i->lo_file_name, sizeof(lo->name));
	lo->name[LO_NAME_SIZE - 1] = 0;
	memcpy(lo->init, i->lo_init, sizeof(lo->init));
}

/*
 * Binds @f, to which the unit takes a reference. lo->lock is held. Returns 0, or -errno with
 * nothing changed.
 */
static int bind_file(struct loop *lo, struct file *dev, struct file *f, const struct loop_config *c)
{
	const struct block_device *b = lo->disk.part[0];
	int err = lo->state == LOOP_UNBOUND ? check_backing(lo, f) : -EBUSY;

	if (!err && b->holder && b->holder != dev)
		err = -EBUSY; /* another opener has O_EXCL */
	if (err)
		return err;
	err = set_file(lo, f);
	if (err)
		return err;
	err = loop_start_thread(lo);
	if (err) {
		set_file(lo, NULL);
		fput(f); /* the caller holds another reference */
		return err;
	}
	take_info(lo, &c->info);
	lo->flags = c->info.lo_flags & CONFIGURABLE;
	if (!(f->f_mode & FMODE_WRITE) || !(dev->f_mode & FMODE_WRITE) || !f->f_op->write_iter)
		lo->flags |= LO_FLAGS_READ_ONLY;
	if (!can_dio(lo, f))
		lo->flags &= ~(u32)LO_FLAGS_DIRECT_IO;
	lo->state = LOOP_BOUND;
	lo->disk.ro = lo->flags & LO_FLAGS_READ_ONLY;
	WRITE_ONCE(lo->disk.part[0]->ro, false); /* BLKROSET was for the last file */
	lo->disk.discard = lo->disk.write_zeroes = f->f_op->fallocate != NULL;
	lo->disk.logical_block_size = c->block_size ? c->block_size : default_block_size(f);
	update_size(lo);
	lo->disk.no_partscan = !(lo->flags & LO_FLAGS_PARTSCAN);
	disk_changed(&lo->disk);
	if (lo->flags & LO_FLAGS_PARTSCAN)
		disk_rescan(&lo->disk);
	return 0;
}

/* Binds a file. For LOOP_SET_FD the configuration is zero except for the file. */
static long configure(struct loop *lo, struct file *dev, const struct loop_config *c)
{
	struct file *f;
	int err;

	if (c->block_size && !valid_block_size(c->block_size))
		return -EINVAL;
	if (c->info.lo_flags & ~(u32)CONFIGURABLE)
		return -EINVAL;
	err = check_info(&c->info);
	if (err)
		return err;
	f = fget((int)c->fd);
	if (!f)
		return -EBADF;
	mutex_lock(&lo->lock);
	err = bind_file(lo, dev, f, c);
	mutex_unlock(&lo->lock);
	fput(f);
	return err;
}

void loop_clear(struct loop *lo)
{
	struct file *f = lo->file;

	assert_mutex_held(&lo->lock);
	lo->state = LOOP_RUNDOWN;
	sync_blockdev(lo->disk.part[0]);
	disk_lose_medium(&lo->disk);
	loop_stop_thread(lo);
	lo->disk.ro = false;
	lo->disk.discard = lo->disk.write_zeroes = false;
	lo->disk.no_partscan = true;
	lo->disk.logical_block_size = 512;
	set_file(lo, NULL);
	lo->offset = lo->sizelimit = 0;
	lo->flags = 0;
	memset(lo->name, 0, sizeof(lo->name));
	lo->state = LOOP_UNBOUND;
	disk_changed(&lo->disk);
	fput(f);
}

static long clear_fd(struct loop *lo)
{
	if (lo->users > 1 || lo->disk.part[0]->openers > 1)
		lo->flags |= LO_FLAGS_AUTOCLEAR;
	else
		loop_clear(lo);
	return 0;
}

static int swap_file(struct loop *lo, struct file *f)
{
	struct file *old = lo->file;
	int err = lo->flags & LO_FLAGS_READ_ONLY ? check_backing(lo, f) : -EINVAL;

	if (err)
		return err;
	if (i_size_read(f->f_mapping->host) != i_size_read(old->f_mapping->host))
		return -EINVAL;
	loop_freeze(lo);
	err = set_file(lo, f);
	loop_thaw(lo);
	if (err)
		return err;
	fput(old);
	invalidate_mapping_pages(lo->disk.part[0]->mapping, 0, ~0UL);
	if (lo->flags & LO_FLAGS_PARTSCAN)
		disk_rescan(&lo->disk);
	return 0;
}

static long change_fd(struct loop *lo, int fd)
{
	struct file *f = fget(fd);
	int err;

	if (!f)
		return -EBADF;
	err = swap_file(lo, f);
	fput(f);
	return err;
}

/* ---- status ---- */

static long set_status(struct loop *lo, const struct loop_info64 *i)
{
	bool moved = lo->offset != i->lo_offset || lo->sizelimit != i->lo_sizelimit;
	u32 old = lo->flags;
	int err = check_info(i);

	if (!err && moved && lo->pins)
		err = -EBUSY;
	if (err)
		return err;
	if (moved) {
		sync_blockdev(lo->disk.part[0]);
		invalidate_mapping_pages(lo->disk.part[0]->mapping, 0, ~0UL);
	}
	loop_freeze(lo);
	take_info(lo, i);
	lo->flags |= i->lo_flags & SETTABLE;
	if (!(i->lo_flags & LO_FLAGS_AUTOCLEAR))
		lo->flags &= ~(u32)LO_FLAGS_AUTOCLEAR;
	if (!can_dio(lo, lo->file))
		lo->flags &= ~(u32)LO_FLAGS_DIRECT_IO;
	loop_thaw(lo);
	if (moved)
		update_size(lo);
	lo->disk.no_partscan = !(lo->flags & LO_FLAGS_PARTSCAN);
	if (lo->flags & ~old & LO_FLAGS_PARTSCAN)
		disk_rescan(&lo->disk);
	return 0;
}

static u64 wide_dev(dev_t d)
{
	return (MINOR(d) & 0xff) | (u64)MAJOR(d) << 8 | (u64)(MINOR(d) & ~0xffU) << 12;
}

static long get_status(struct loop *lo, struct loop_info64 *i)
{
	struct kstat st;
	int err = vfs_getattr(&lo->file->f_path, &st, STATX_INO, 0);

	if (err)
		return err;
	memset(i, 0, sizeof(*i));
	i->lo_device = wide_dev(st.dev);
	i->lo_inode = st.ino;
	i->lo_rdevice = S_ISBLK(st.mode) ? wide_dev(st.rdev) : 0;
	i->lo_offset = lo->offset;
	i->lo_sizelimit = lo->sizelimit;
	i->lo_number = lo->number;
	i->lo_flags = lo->flags;
	memcpy(i->lo_file_name, lo->name, sizeof(lo->name));
	memcpy(i->lo_init, lo->init, sizeof(lo->init));
	return 0;
}

static long put_status64(struct loop *lo, uaddr_t ua)
{
	struct loop_info64 i;
	long err = get_status(lo, &i);

	return err ? err : put_user(i, ua);
}

/* Copies the status to the program in the older structure, which has narrower fields. */
static long put_status_old(struct loop *lo, uaddr_t ua)
{
	struct loop_info64 i;
	struct loop_info o;
	long err = get_status(lo, &i);

	if (err)
		return err;
	memset(&o, 0, sizeof(o));
	o.lo_number = (int)i.lo_number;
	o.lo_device = (__typeof__(o.lo_device))i.lo_device;
	o.lo_inode = i.lo_inode;
	o.lo_rdevice = (__typeof__(o.lo_rdevice))i.lo_rdevice;
	o.lo_offset = (int)i.lo_offset;
	o.lo_flags = (int)i.lo_flags;
	memcpy(o.lo_name, i.lo_file_name, LO_NAME_SIZE);
	memcpy(o.lo_init, i.lo_init, sizeof(o.lo_init));
	if ((u64)o.lo_device != i.lo_device || (u64)o.lo_rdevice != i.lo_rdevice ||
		o.lo_offset < 0 || (u64)o.lo_offset != i.lo_offset)
		return -EOVERFLOW;
	return put_user(o, ua);
}

static void widen(const struct loop_info *o, struct loop_info64 *i)
{
	memset(i, 0, sizeof(*i));
	i->lo_offset = (u64)(s64)o->lo_offset;
	i->lo_flags = (u32)o->lo_flags;
	i->lo_encrypt_type = (u32)o->lo_encrypt_type;
	i->lo_encrypt_key_size = (u32)o->lo_encrypt_key_size;
	memcpy(i->lo_file_name, o->lo_name, LO_NAME_SIZE);
	memcpy(i->lo_init, o->lo_init, sizeof(i->lo_init));
}

/* ---- ioctl ---- */

static long set_dio(struct loop *lo, bool on)
{
	if (on && !can_dio(lo, lo->file))
		return -EINVAL;
	if (on)
		lo->flags |= LO_FLAGS_DIRECT_IO;
	else
		lo->flags &= ~(u32)LO_FLAGS_DIRECT_IO;
	return 0;
}

static long set_block_size(struct loop *lo, u64 n)
{
	if (!valid_block_size(n))
		return -EINVAL;
	sync_blockdev(lo->disk.part[0]);
	lo->disk.logical_block_size = (u32)n;
	return 0;
}

/* Handles ioctls of a bound unit. lo->lock is held. */
static long bound_ioctl(struct loop *lo, u32 cmd, u64 arg, const struct loop_info64 *info)
{
	switch (cmd) {
	case LOOP_CLR_FD: return clear_fd(lo);
	case LOOP_CHANGE_FD: return change_fd(lo, (int)arg);
	case LOOP_SET_STATUS:
	case LOOP_SET_STATUS64: return set_status(lo, info);
	case LOOP_GET_STATUS: return put_status_old(lo, UADDR(arg));
	case LOOP_GET_STATUS64: return put_status64(lo, UADDR(arg));
	case LOOP_SET_CAPACITY: update_size(lo); return 0;
	case LOOP_SET_DIRECT_IO: return set_dio(lo, arg);
	case LOOP_SET_BLOCK_SIZE: return set_block_size(lo, arg);
	}
	return -EINVAL;
}

static int fetch_info(u32 cmd, uaddr_t ua, struct loop_info64 *info)
{
	struct loop_info old;

	if (cmd == LOOP_SET_STATUS64)
		return get_user(*info, ua);
	if (cmd != LOOP_SET_STATUS)
		return 0;
	if (get_user(old, ua))
		return -EFAULT;
	widen(&old, info);
	return 0;
}

static bool wants_writer(u32 cmd)
{
	return cmd == LOOP_SET_STATUS || cmd == LOOP_SET_STATUS64 || cmd == LOOP_SET_CAPACITY ||
	       cmd == LOOP_SET_DIRECT_IO || cmd == LOOP_SET_BLOCK_SIZE;
}

static long configure_ioctl(struct loop *lo, struct file *f, u32 cmd, u64 arg)
{
	struct loop_config c;

	memset(&c, 0, sizeof(c));
	if (cmd == LOOP_SET_FD)
		c.fd = (u32)arg;
	else if (get_user(c, UADDR(arg)))
		return -EFAULT;
	return configure(lo, f, &c);
}

long loop_ioctl(struct gendisk *d, struct file *f, u32 cmd, u64 arg)
{
	struct loop *lo = d->private;
	struct loop_info64 info;
	long err;

	if (((cmd >> 8) & 0xff) != 0x4c)
		return -EINVAL;
	if (cmd == LOOP_SET_FD || cmd == LOOP_CONFIGURE)
		return configure_ioctl(lo, f, cmd, arg);
	if (wants_writer(cmd) && !(f->f_mode & FMODE_WRITE) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = fetch_info(cmd, UADDR(arg), &info);
	if (err)
		return err;
	mutex_lock(&lo->lock);
	err = lo->state == LOOP_BOUND ? bound_ioctl(lo, cmd, arg, &info) : -ENXIO;
	mutex_unlock(&lo->lock);
	return err;
}

/* ---- /sys/block/loopN/loop ---- */

static int show_backing(struct seq *s, void *arg)
{
	struct loop *lo = arg;
	char *page, *text;

	mutex_lock(&lo->lock);
	page = lo->file ? get_free_page(GFP_KERNEL) : NULL;
	if (page) {
		text = d_path(&lo->file->f_path, page, PAGE_SIZE);
		if (!IS_ERR(text))
			seq_printf(s, "%s\n", text);
		free_page_addr(page);
	}
	mutex_unlock(&lo->lock);
	return 0;
}

static int show_offset(struct seq *s, void *arg)
{
	seq_printf(s, "%lu\n", ((struct loop *)arg)->offset);
	return 0;
}

static int show_limit(struct seq *s, void *arg)
{
	seq_printf(s, "%lu\n", ((struct loop *)arg)->sizelimit);
	return 0;
}

static int show_flag(struct seq *s, struct loop *lo, u32 flag)
{
	seq_printf(s, "%d\n", !!(lo->flags & flag));
	return 0;
}

static int show_autoclear(struct seq *s, void *arg)
{
	return show_flag(s, arg, LO_FLAGS_AUTOCLEAR);
}

static int show_partscan(struct seq *s, void *arg)
{
	return show_flag(s, arg, LO_FLAGS_PARTSCAN);
}

static int show_dio(struct seq *s, void *arg)
{
	return show_flag(s, arg, LO_FLAGS_DIRECT_IO);
}

static bool is_bound(void *arg)
{
	return READ_ONCE(((struct loop *)arg)->file) != NULL;
}

int loop_sysfs_add(struct loop *lo)
{
	static const struct {
		const char *name;
		show_fn show;
	} files[] = {
		{ "backing_file", show_backing },
		{ "offset", show_offset },
		{ "sizelimit", show_limit },
		{ "autoclear", show_autoclear },
		{ "partscan", show_partscan },
		{ "dio", show_dio },
	};
	char path[80];
	u32 i;
	int err = sysfs_add_disk(&lo->disk);

	for (i = 0; i < ARRAY_SIZE(files) && !err; i++) {
		scnprintf(path, sizeof(path), "devices/virtual/block/loop%u/loop/%s", lo->number,
			files[i].name);
		err = sysfs_create(path, files[i].show, lo);
	}
	scnprintf(path, sizeof(path), "devices/virtual/block/loop%u/loop", lo->number);
	return err ? err : sysfs_show_when(path, is_bound, lo);
}
