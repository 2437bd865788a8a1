/* SPDX-License-Identifier: MIT */
/*
 * super.c: superblocks, one for each mounted file system.
 *
 * A mount operation calls mount_bdev, mount_nodev or mount_single with a function that fills the
 * superblock. s_active counts the mounts and the other users that keep the superblock alive. The
 * last deactivate_super() calls the type's kill_sb, which ends with generic_shutdown_super().
 *
 * States: being built (on super_blocks, s_root NULL) -> SB_ACTIVE -> dying (s_active 0) -> off the
 * list, freed after a grace period.
 *
 * Invariants:
 *   1. s_umount is held for writing while a superblock is built and while it dies, so a task that
 *      gets s_umount and sees s_root has a live superblock.
 *   2. A block device carries one superblock at a time (bdev_open's holder).
 *   3. A walk over the list (for_each_super) does not keep a superblock alive: when the umount that
 *      drops the last s_active returns, the superblock has ended.
 *
 * Locks: sb_lock (the list), s_umount.
 */
#include "kernel/block/block.h"
#include "kernel/lib/radix.h"
#include "kernel/vfs/bdev/bdev.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/landlock/landlock.h"

LIST_HEAD(super_blocks);
DEFINE_SPINLOCK(sb_lock);
/* Held while mount_bdev() finds or makes a superblock. */
static DEFINE_MUTEX(bdev_mount_mutex);
/* Minors of anonymous devices that are in use, under anon_lock. */
static struct radix anon_devs;
static DEFINE_MUTEX(anon_lock);

static void sb_set_blocksize_default(struct super_block *sb)
{
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_maxbytes = (loff_t)(~0UL >> 1);
	sb->s_time_gran = 1;
	sb->s_time_min = (s64)(1UL << 63);
	sb->s_time_max = (s64)(~0UL >> 1);
}

static const struct super_operations no_super_ops;

/* Allocates a superblock, with s_umount held for writing and s_active 1. */
static struct super_block *alloc_super(struct file_system_type *t, u32 flags)
{
	struct super_block *sb = kzalloc(sizeof(*sb), GFP_KERNEL);

	if (!sb)
		return NULL;
	sb->s_type = t;
	sb->s_op = &no_super_ops;
	sb->s_flags = flags & ~(SB_ACTIVE);
	sb_set_blocksize_default(sb);
	init_rwsem(&sb->s_umount);
	mutex_init(&sb->s_rename_mutex);
	atomic_set(&sb->s_active, 1);
	spin_lock_init(&sb->s_inode_list_lock);
	spin_lock_init(&sb->s_inode_wblist_lock);
	INIT_LIST_HEAD(&sb->s_ruled);
	INIT_LIST_HEAD(&sb->s_inodes);
	INIT_LIST_HEAD(&sb->s_dirty);
	INIT_LIST_HEAD(&sb->s_syncing);
	sb->s_bdi = &default_bdi;
	strscpy(sb->s_id, t->name, sizeof(sb->s_id));
	down_write(&sb->s_umount);
	spin_lock(&sb_lock);
	list_add_tail(&sb->s_list, &super_blocks);
	spin_unlock(&sb_lock);
	return sb;
}

static void super_free_rcu(struct rcu_head *h)
{
	struct super_block *sb = container_of(h, struct super_block, s_rcu);

	put_user_ns(sb->s_user_ns);
	kfree(sb);
}

/*
 * Removes @sb from the list if it has been taken down and no walk holds it. Returns true if @sb was
 * removed, so that the caller must free it.
 */
static bool unlist_locked(struct super_block *sb)
{
	assert_spin_held(&sb_lock);
	if (sb->s_looks || !sb->s_gone)
		return false;
	list_del_init(&sb->s_list);
	return true;
}

/*
 * Takes a superblock off the list, and releases s_umount, which is held for writing. The memory is
 * freed after a grace period.
 */
static void super_unlist(struct super_block *sb)
{
	bool last;

	up_write(&sb->s_umount);
	spin_lock(&sb_lock);
	sb->s_gone = true;
	last = unlist_locked(sb);
	spin_unlock(&sb_lock);
	if (last)
		call_rcu(&sb->s_rcu, super_free_rcu);
}

void deactivate_super(struct super_block *sb)
{
	if (!atomic_dec_and_test(&sb->s_active))
		return;
	down_write(&sb->s_umount);
	sb->s_type->kill_sb(sb);
	super_unlist(sb);
}

/* Drops a superblock that could not be filled. s_umount is held. */
static void abandon_super(struct super_block *sb)
{
	atomic_set(&sb->s_active, 0);
	sb->s_type->kill_sb(sb);
	super_unlist(sb);
}

void generic_shutdown_super(struct super_block *sb)
{
	assert_rwsem_held_write(&sb->s_umount);
	if (!sb->s_root)
		goto inodes;
	super_thaw_locked(sb, FREEZE_ALL);
	if (!sb_rdonly(sb))
		sync_filesystem(sb, true);
	sb->s_flags &= ~SB_ACTIVE;
	fsnotify_unmount(sb);
	fsnotify_sb_gone(sb);
	landlock_sb_gone(sb);
	shrink_dcache_for_umount(sb);
	if (sb->s_op->sync_fs && !sb_rdonly(sb))
		sb->s_op->sync_fs(sb, true);
inodes:
	sb->s_flags &= ~SB_ACTIVE;
	evict_inodes(sb);
	if (!wait_for_inodes(sb))
		pr_err("vfs: inodes of %s (%s) are in use after unmounting\n", sb->s_id,
			sb->s_type->name);
	if (sb->s_op && sb->s_op->put_super) /* s_op is unset if the mount failed early */
		sb->s_op->put_super(sb);
}

/* ---- anonymous devices ---- */

static int anon_dev_get(dev_t *dev)
{
	s64 minor;

	mutex_lock(&anon_lock);
	minor = radix_alloc(&anon_devs, 1, (1UL << MINORBITS) - 1, &anon_devs);
	mutex_unlock(&anon_lock);
	if (minor < 0)
		return minor;
	*dev = MKDEV(0, minor);
	return 0;
}

static void anon_dev_put(dev_t dev)
{
	mutex_lock(&anon_lock);
	radix_delete(&anon_devs, MINOR(dev));
	mutex_unlock(&anon_lock);
}

void kill_anon_super(struct super_block *sb)
{
	dev_t dev = sb->s_dev;

	generic_shutdown_super(sb);
	if (dev)
		anon_dev_put(dev);
}

/* ---- mount helpers ---- */

typedef int (*fill_super_t)(struct super_block *sb, void *data, bool silent);

static struct dentry *fill_new(struct super_block *sb, void *data, fill_super_t fill, u32 flags)
{
	int err = fill(sb, data, flags & MS_SILENT);

	if (err) {
		abandon_super(sb);
		return ERR_PTR(err);
	}
	/* The superblock belongs to the mounter's user namespace. */
	if (!sb->s_user_ns)
		sb->s_user_ns = get_user_ns(current_user_ns());
	if (sb->s_user_ns != &init_user_ns)
		sb->s_iflags |= SB_I_NODEV;
	sb->s_flags |= SB_ACTIVE;
	WRITE_ONCE(sb->s_born, true);
	return dget(sb->s_root);
}

struct dentry *mount_nodev(struct file_system_type *t, u32 flags, void *data, fill_super_t fill)
{
	struct super_block *sb = alloc_super(t, flags);
	int err;

	if (!sb)
		return ERR_PTR(-ENOMEM);
	err = anon_dev_get(&sb->s_dev);
	if (err) {
		abandon_super(sb);
		return ERR_PTR(err);
	}
	return fill_new(sb, data, fill, flags);
}

/*
 * Waits until @sb, which is being taken down, has released its device. Called with sb_lock held,
 * which it releases.
 */
static void wait_for_end(struct super_block *sb)
{
	bool last;

	sb->s_looks++;
	spin_unlock(&sb_lock);
	down_write(&sb->s_umount);
	up_write(&sb->s_umount);
	spin_lock(&sb_lock);
	last = !--sb->s_looks && unlist_locked(sb);
	spin_unlock(&sb_lock);
	if (last)
		call_rcu(&sb->s_rcu, super_free_rcu);
	/* The task that takes @sb down may not have locked s_umount yet. */
	cond_resched();
}

/*
 * Returns a live superblock of the type, and of the device @b if that is not NULL, with s_umount
 * held for writing and a reference (s_active); NULL if there is none. A superblock that is being
 * taken down may still write to the device, so the function first waits until that has ended.
 */
static struct super_block *grab_super(struct file_system_type *t, struct block_device *b)
{
	struct super_block *sb;

again:
	spin_lock(&sb_lock);
	list_for_each_entry(sb, &super_blocks, s_list) {
		if (sb->s_type != t || (b && sb->s_bdev != b))
			continue;
		if (!atomic_inc_not_zero(&sb->s_active)) {
			if (!b || sb->s_gone)
				continue;
			wait_for_end(sb);
			goto again;
		}
		spin_unlock(&sb_lock);
		down_write(&sb->s_umount);
		if (sb->s_root)
			return sb;
		up_write(&sb->s_umount);
		deactivate_super(sb);
		goto again;
	}
	spin_unlock(&sb_lock);
	return NULL;
}

struct dentry *mount_single(struct file_system_type *t, u32 flags, void *data, fill_super_t fill)
{
	struct super_block *sb;
	struct dentry *root;

	mutex_lock(&bdev_mount_mutex);
	sb = grab_super(t, NULL);
	root = sb ? dget(sb->s_root) : mount_nodev(t, flags, data, fill);
	mutex_unlock(&bdev_mount_mutex);
	return root;
}

/*
 * Returns the block device that a path names, for a mount with @flags, or ERR_PTR(-ENOENT,
 * -ENOTBLK, -EPERM, -ENXIO ...).
 */
static struct block_device *bdev_of_path(const char *name, u32 flags)
{
	int what = DEVICE_READ | (flags & SB_RDONLY ? 0 : DEVICE_WRITE);
	struct block_device *b;
	struct path path;
	int err;

	if (!name || !*name)
		return ERR_PTR(-EINVAL);
	err = kern_path(name, LOOKUP_FOLLOW, &path);
	if (err)
		return ERR_PTR(err);
	if (!S_ISBLK(path.dentry->d_inode->i_mode))
		err = -ENOTBLK;
	else if (path.mnt->mnt_flags & MS_NODEV)
		err = -EACCES;
	/* Calls the bpf programs of current's control group. */
	else if (device_guard)
		err = device_guard->permission(S_IFBLK, path.dentry->d_inode->i_rdev, what);
	b = err ? NULL : bdev_by_dev(path.dentry->d_inode->i_rdev);
	path_put(&path);
	if (err)
		return ERR_PTR(err);
	return b ? b : ERR_PTR(-ENXIO);
}

/*
 * Opens a device for a file system. For a writable mount the disk itself must be writable, not only
 * its node. Returns 0 or -errno.
 */
static int open_for_super(struct block_device *b, bool write, struct file_system_type *t)
{
	if (write && bdev_read_only(b))
		return b->disk->ro && !b->disk->ro_opens ? -EROFS : -EACCES;
	return bdev_open(b, write, t);
}

/* Opens the device and makes a superblock on it. Returns its root with a reference, or ERR_PTR. */
static struct dentry *bdev_new_super(struct file_system_type *t, struct block_device *b, u32 flags,
	void *data, fill_super_t fill)
{
	bool write = !(flags & SB_RDONLY);
	struct super_block *sb;
	int err = open_for_super(b, write, t);

	if (err)
		return ERR_PTR(err);
	sb = alloc_super(t, flags);
	if (!sb) {
		bdev_close(b, write, t);
		return ERR_PTR(-ENOMEM);
	}
	sb->s_bdev = b;
	sb->s_bdi = b->disk->bdi;
	sb->s_bdev_write = write;
	sb->s_dev = b->dev;
	bdev_name(b, sb->s_id, sizeof(sb->s_id));
	return fill_new(sb, data, fill, flags);
}

struct dentry *bdev_mount(struct file_system_type *t, u32 flags, struct block_device *b, void *data,
	fill_super_t fill)
{
	struct super_block *sb;
	struct dentry *root;

	mutex_lock(&bdev_mount_mutex);
	sb = grab_super(t, b);
	if (!sb) {
		root = bdev_new_super(t, b, flags, data, fill);
	} else if ((sb->s_flags ^ flags) & SB_RDONLY) {
		root = ERR_PTR(-EBUSY);
		up_write(&sb->s_umount);
		deactivate_super(sb);
	} else {
		root = dget(sb->s_root);
	}
	mutex_unlock(&bdev_mount_mutex);
	return root;
}

struct dentry *mount_bdev(
	struct file_system_type *t, u32 flags, const char *dev, void *data, fill_super_t fill)
{
	struct block_device *b = bdev_of_path(dev, flags);

	return IS_ERR(b) ? ERR_CAST(b) : bdev_mount(t, flags, b, data, fill);
}

void kill_block_super(struct super_block *sb)
{
	struct block_device *b = sb->s_bdev;
	bool write = sb->s_bdev_write;

	generic_shutdown_super(sb);
	if (!b)
		return;
	if (write)
		sync_blockdev(b);
	bdev_close(b, write, sb->s_type);
}

/* ---- walks over all superblocks ---- */

/*
 * Returns the neighbour of @sb in the list, towards the list's end or, with @back, its beginning.
 * @sb NULL stands for the list's head. The neighbour of the last superblock is that head, which is
 * no superblock.
 */
static struct super_block *step(struct super_block *sb, bool back)
{
	struct list_head *at = sb ? &sb->s_list : &super_blocks;

	return list_entry(back ? at->prev : at->next, struct super_block, s_list);
}

/*
 * Returns the next superblock after @from, or NULL, and drops the count that @from has in s_looks.
 * @all: includes superblocks that are being taken down.
 */
static struct super_block *walk(struct super_block *from, bool back, bool all)
{
	struct super_block *sb, *found = NULL;
	bool last = false;

	spin_lock(&sb_lock);
	for (sb = step(from, back); &sb->s_list != &super_blocks; sb = step(sb, back))
		if (all || atomic_read(&sb->s_active)) {
			found = sb;
			sb->s_looks++;
			break;
		}
	if (from && !--from->s_looks)
		last = unlist_locked(from);
	spin_unlock(&sb_lock);
	if (last)
		call_rcu(&from->s_rcu, super_free_rcu);
	return found;
}

struct super_block *super_next(struct super_block *prev)
{
	return walk(prev, false, false);
}

struct super_block *super_prev(struct super_block *next)
{
	return walk(next, true, true);
}

void for_each_super(void (*fn)(struct super_block *sb, void *arg), void *arg)
{
	struct super_block *sb = NULL;

	while ((sb = super_next(sb))) {
		/*
		 * Test this first, so as not to wait for a mount in progress, which may wait for a
		 * process.
		 */
		if (!READ_ONCE(sb->s_born))
			continue;
		down_read(&sb->s_umount);
		if (sb->s_root && (sb->s_flags & SB_ACTIVE))
			fn(sb, arg);
		up_read(&sb->s_umount);
	}
}

void for_each_super_of(
	struct backing_dev *b, void (*fn)(struct super_block *sb, void *arg), void *arg)
{
	struct super_block *sb = NULL;

	while ((sb = super_next(sb))) {
		/*
		 * Test this first, so as not to wait for s_umount of superblocks on other devices,
		 * or of a mount in progress.
		 */
		if (sb->s_bdi != b || !READ_ONCE(sb->s_born))
			continue;
		down_read(&sb->s_umount);
		if (sb->s_root && (sb->s_flags & SB_ACTIVE))
			fn(sb, arg);
		up_read(&sb->s_umount);
	}
}

int sync_filesystem(struct super_block *sb, bool wait)
{
	int err = 0, err2 = 0;

	if (sb_rdonly(sb) || READ_ONCE(sb->s_frozen))
		return 0;
	writeback_sb(sb, wait);
	if (sb->s_op->sync_fs)
		err = sb->s_op->sync_fs(sb, wait);
	if (sb->s_bdev && wait)
		err2 = sync_blockdev(sb->s_bdev);
	return err ? err : err2;
}

struct sync {
	bool wait, lasting;
};

/* True for a file system that is lost with the instance. */
static bool is_temporary(const struct super_block *sb)
{
	return sb->s_bdev && sb->s_bdev->disk->temporary;
}

static void sync_one(struct super_block *sb, void *arg)
{
	const struct sync *s = arg;

	if (!s->lasting || !is_temporary(sb))
		sync_filesystem(sb, s->wait);
}

static void sync_supers(bool lasting)
{
	for_each_super(sync_one, &(struct sync){ false, lasting });
	for_each_super(sync_one, &(struct sync){ true, lasting });
}

void sync_all(void)
{
	sync_supers(false);
}

static void quiesce_one(struct super_block *sb, void *arg)
{
	const struct sync *s = arg;
	u32 flags = sb->s_flags | SB_RDONLY;

	if (!sb_rdonly(sb) && sb->s_bdev && sb->s_op->remount && !(s->lasting && is_temporary(sb)))
		sb->s_op->remount(sb, &flags, NULL);
}

void sync_and_quiesce_all(bool lasting)
{
	/* Forbids new freezes, since the steps below would wait for them. */
	freeze_forbid(true);
	/* Tasks that wait for a thaw wake up, and their writes fail. */
	thaw_all();
	sync_supers(lasting);
	for_each_super(quiesce_one, &(struct sync){ true, lasting });
	freeze_forbid(false);
}

/* Makes a file system read-only after it has found damage. Callable in any context. */
void sb_error_remount_ro(struct super_block *sb)
{
	if (sb_rdonly(sb))
		return;
	pr_err("%s (%s): remounting read-only after an error\n", sb->s_id, sb->s_type->name);
	__atomic_or_fetch(&sb->s_flags, SB_RDONLY, __ATOMIC_SEQ_CST);
}

/*
 * Remounts a superblock. Returns 0 or -errno: -EBUSY for a change to read-only while files are open
 * for writing, or while the file system is frozen. s_umount is held for writing.
 */
int do_remount_sb(struct super_block *sb, u32 flags, char *data)
{
	u32 keep = SB_RDONLY | SB_SYNCHRONOUS | MS_MANDLOCK | MS_LAZYTIME | MS_I_VERSION;
	bool to_ro = (flags & SB_RDONLY) && !sb_rdonly(sb);
	bool to_rw = !(flags & SB_RDONLY) && sb_rdonly(sb);
	int err = 0;

	assert_rwsem_held_write(&sb->s_umount);
	if (sb->s_frozen)
		return -EBUSY;
	if (to_rw && sb->s_bdev && (bdev_read_only(sb->s_bdev) || !sb->s_bdev_write)) {
		err = open_for_super(sb->s_bdev, true, sb->s_type);
		if (err)
			return err;
		/* Drops the earlier open; the superblock still holds the device. */
		bdev_close(sb->s_bdev, sb->s_bdev_write, NULL);
		sb->s_bdev_write = true;
	}
	if (to_ro) {
		/*
		 * Forbids new writers until the file system is read-only, since data written after
		 * the last sync would be lost.
		 */
		__atomic_store_n(&sb->s_going_ro, true, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&sb->s_writers.v, __ATOMIC_SEQ_CST))
			err = -EBUSY;
		else
			sync_filesystem(sb, true);
	}
	if (!err && sb->s_op->remount)
		err = sb->s_op->remount(sb, &flags, data);
	if (!err)
		sb->s_flags = (sb->s_flags & ~keep) | (flags & keep);
	__atomic_store_n(&sb->s_going_ro, false, __ATOMIC_SEQ_CST);
	return err;
}

/* ---- saved states ---- */

/* Adds @ns nanoseconds to a time, unless the time is unset. */
static void shift_time(struct timespec64 *t, u64 ns)
{
	u64 sum = (u64)t->tv_nsec + ns % NSEC_PER_SEC;

	if (!t->tv_sec)
		return;
	t->tv_sec += (s64)(ns / NSEC_PER_SEC + sum / NSEC_PER_SEC);
	t->tv_nsec = (long)(sum % NSEC_PER_SEC);
}

void supers_shift_times(u64 ns)
{
	struct super_block *sb;
	struct inode *inode;

	list_for_each_entry(sb, &super_blocks, s_list) {
		if (sb->s_bdev)
			continue;
		list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
			shift_time(&inode->i_atime, ns);
			shift_time(&inode->i_mtime, ns);
			shift_time(&inode->i_ctime, ns);
			shift_time(&inode->i_btime, ns);
		}
	}
}
