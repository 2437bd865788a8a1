/* SPDX-License-Identifier: MIT */
/*
 * machine.c: fakes of the kernel's functions that file systems, page cache and block layer call, in
 * one process of the host: time, root's rights, mounts, a disk in memory. memory.c has memory,
 * threads.c threads and locks, tests/unit/fakes.c the rest. A function that all of them lack is a
 * stub that ends the run with its name (build.bash).
 */
#include "kernel/block/internal.h"
#include "kernel/fs/sysfs/device.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/decompress.h"
#include "kernel/lib/string.h"
#include "kernel/mm/internal.h"
#include "kernel/mm/group/iogroup.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/ident/user_ns.h"
#include "kernel/vfs/internal.h"
#include "tests/fsfuzz/machine.h"
#include "tests/fsfuzz/world.h"

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);

int printk(const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt[0] == '\001' ? fmt + 2 : fmt, ap);
	va_end(ap);
	host_say(text, (unsigned long)min_t(int, n, (int)sizeof(text) - 1));
	return n;
}

void panic(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	host_die(text);
}

/* ---- /sys: no test reads it ---- */

struct mutex sysfs_grow;

int sysfs_create(const char *path, show_fn show, void *arg)
{
	return 0;
}

int sysfs_show_when(const char *path, bool (*when)(void *arg), void *arg)
{
	return 0;
}

pid_t pid_nr(struct pid *p)
{
	return 1;
}

/* ---- what is told of memory ---- */

u64 nr_managed_frames(void)
{
	return FRAMES;
}

u64 nr_free_frames(void)
{
	return FRAMES / 2;
}

void page_mkclean(struct page *p)
{
}

void page_unmap_all(struct page *p)
{
}

bool page_memory_locked(struct page *p)
{
	return false;
}

void unmap_mapping_range(struct address_space *m, u64 first_index, u64 nr)
{
}

void mapping_wrprotect_range(struct address_space *m, u64 start, u64 end)
{
}

u32 region_lost_count;

/* ---- time, luck ---- */

u64 machine_now = 1700000000UL * 1000000000UL;

u64 ktime_get(void)
{
	return machine_now += 1000;
}

u64 ktime_get_real(void)
{
	return machine_now += 1000;
}

u64 ktime_get_real_coarse(void)
{
	return machine_now;
}

static u64 luck;

void machine_seed(u64 seed)
{
	luck = seed * 0x9e3779b97f4a7c15UL + 88172645463325252UL;
}

u32 machine_random(void)
{
	luck ^= luck << 13;
	luck ^= luck >> 7;
	luck ^= luck << 17;
	return (u32)(luck >> 20);
}

void arch_random(void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((u8 *)buf)[i] = (u8)machine_random();
}

/* ---- the user and the mounts: root, with all rights ---- */

bool capable(int cap)
{
	return true;
}

bool ns_capable(struct user_namespace *ns, int cap)
{
	return true;
}

bool capable_wrt_ids(kuid_t uid, kgid_t gid, int cap)
{
	return true;
}

bool root_of_current(kuid_t uid)
{
	return true;
}

bool in_group(kgid_t gid)
{
	return false;
}

bool fatal_signal_pending(struct task *t)
{
	return false;
}

struct user_namespace init_user_ns;
const struct device_guard_ops *device_guard;

int mnt_want_write(struct mount *m)
{
	return 0;
}

void mnt_drop_write(struct mount *m)
{
}

bool file_is_sync(const struct file *f)
{
	return inode_is_sync(f->f_inode);
}

bool mnt_readonly(const struct mount *m)
{
	return false;
}

struct mount *kern_mount(struct file_system_type *t)
{
	struct mount *m = host_alloc(sizeof(*m));
	struct dentry *root = t->mount(t, 0, NULL, NULL);

	m->mnt_root = root;
	m->mnt_sb = root->d_sb;
	up_write(&m->mnt_sb->s_umount);
	return m;
}

/* Returns the disk, whatever the name. */
int kern_path(const char *name, u32 flags, struct path *path)
{
	static struct mount disk_mount;
	static struct dentry disk_dentry;

	disk_dentry.d_inode = machine_disk.part[0]->inode;
	*path = (struct path){ &disk_mount, &disk_dentry };
	return 0;
}

void path_get(const struct path *p)
{
}

void path_put(const struct path *p)
{
}

/* ---- what is told of files: nobody listens ---- */

void fsnotify_fs_error(struct super_block *sb, struct inode *inode, int err)
{
}

void fsnotify_inode_gone(struct inode *inode)
{
}

void fsnotify_sb_gone(struct super_block *sb)
{
}

void landlock_sb_gone(struct super_block *sb)
{
}

void fsnotify_inode(struct inode *inode, u32 mask)
{
}

void fsnotify_dentry(struct dentry *d, u32 mask)
{
}

/* ---- what the rest of vfs and mm would do ---- */

void inode_set_flags(struct inode *inode, u32 flags)
{
	inode->i_flags = flags & 0xff;
}

bool dir_emit_dots(struct file *f, struct dir_context *ctx)
{
	for (; ctx->pos < 2; ctx->pos++)
		if (!dir_emit(ctx, "..", ctx->pos ? 2 : 1, 2, 4))
			return false;
	return true;
}

void vfs_special_fops(struct inode *inode)
{
}

void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->func = func;
}

bool work_queue(struct work *w)
{
	w->func(w);
	return true;
}

/* no group has limits */
u32 io_nr_limits;

void io_account(dev_t dev, u32 kind, u64 bytes, const struct page *page)
{
}

void register_shrinker(struct shrinker *s)
{
}

void mem_count_cached(struct page *p, bool memory_only, s64 n)
{
}

void count_cached(struct address_space *m, s64 n)
{
}

struct page *cache_page_own(struct page *p)
{
	return p;
}

u32 direct_fill(struct address_space *m, u64 index, u32 nr, bool *done)
{
	*done = false;
	return nr;
}

void page_text_changed(struct page *p)
{
}

void detach_mounts(struct dentry *d)
{
}

static int node_create(const char *name, umode_t mode, dev_t dev)
{
	return 0;
}

static int node_remove(const char *name)
{
	return 0;
}
static const struct dev_node_ops node_ops = { .create = node_create, .remove = node_remove };

void put_user_ns(struct user_namespace *ns)
{
}

struct user_namespace *get_user_ns(struct user_namespace *ns)
{
	return ns;
}

/* ---- images ---- */

static bool has_kind(u32 kind)
{
	return kind == DECOMPRESS_ZLIB;
}

static long unpack_block(u32 kind, void *dst, size_t room, const void *src, size_t n)
{
	long done = kind == DECOMPRESS_ZLIB ? host_inflate(dst, room, src, n) : -1;

	return done < 0 ? -EIO : done;
}
const struct decompress_ops decompress_ops = { .has = has_kind, .block = unpack_block };

/* ---- the disk ---- */

static u8 *disk_data;
static u64 disk_bytes;

static int transfer(struct bio *bio)
{
	u32 op = bio->opf & REQ_OP_MASK;
	u64 at = bio->sector << SECTOR_SHIFT;

	if (op == REQ_FLUSH)
		return 0;
	if (at > disk_bytes || bio->bytes > disk_bytes - at)
		panic("the block layer let a request through that is not on the disk");
	if (op == REQ_DISCARD || op == REQ_WRITE_ZEROES) {
		memset(disk_data + at, 0, bio->bytes);
		return 0;
	}
	for (u32 i = 0; i < bio->nr_vecs; i++) {
		u8 *p = (u8 *)page_address(bio->vec[i].page) + bio->vec[i].off;

		if (op == REQ_READ)
			memcpy(p, disk_data + at, bio->vec[i].len);
		else
			memcpy(disk_data + at, p, bio->vec[i].len);
		at += bio->vec[i].len;
	}
	return 0;
}

static void disk_submit(struct gendisk *d, struct bio *bio)
{
	bio_endio(bio, transfer(bio));
}

static const struct block_device_operations disk_ops = { .submit = disk_submit };
struct gendisk machine_disk = { .name = "fuzz",
	.major = 240,
	.minors = 16,
	.ops = &disk_ops,
	.logical_block_size = 512,
	.discard = true,
	.write_zeroes = true,
	.write_cache = true };

void machine_insert(u8 *data, u64 size)
{
	truncate_inode_pages(machine_disk.part[0]->mapping, 0);
	disk_data = data;
	disk_bytes = size;
	disk_set_capacity(&machine_disk, size >> SECTOR_SHIFT);
}

/* ---- boot ---- */

static loff_t inode_size(struct inode *i)
{
	return i_size_read(i);
}

static void wb_error(struct inode *i, int err)
{
}

static struct file_ra *file_ra(struct file *f)
{
	return f ? &f->f_ra : NULL;
}

static const struct mm_file_ops file_ops = { .size = inode_size,
	.inode_get = igrab,
	.inode_put = iput,
	.ra = file_ra,
	.wb_error = wb_error };

extern const struct initcall __start_initcalls[], __stop_initcalls[];

void world_boot(void)
{
	memory_boot();
	threads_boot();
	mm_file_ops = &file_ops;
	dev_node_ops = &node_ops;
	dcache_init();
	inode_init();
	for (int level = 1; level <= 5; level++)
		for (const struct initcall *c = __start_initcalls; c < __stop_initcalls; c++)
			if (c->level == level && c->fn())
				panic("%s failed", c->name);
	static u8 none[4096];

	disk_data = none;
	disk_bytes = machine_disk.capacity = sizeof(none);
	machine_disk.capacity = sizeof(none) >> SECTOR_SHIFT;
	if (add_disk(&machine_disk))
		panic("no disk");
}
