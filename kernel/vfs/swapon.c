/* SPDX-License-Identifier: MIT */
/*
 * swapon.c: swap areas on block devices and in files (swapon(2), swapoff(2)): the header that
 * mkswap wrote, and the reads and writes of slots. kernel/mm decides what is in the slots.
 *
 * A file's blocks are looked up once, since S_SWAPFILE forbids changes and writes of the file.
 * Earlier writable mappings remain, but the fsync after S_SWAPFILE is set write-protects their
 * pages, and the next store gets SIGBUS from page_mkwrite. A device is opened exclusively.
 *
 * swap_place.c finds the slots on the disk: for a loop device on the disk below it.
 *
 * Locks: areas_lock, a mutex, for the list. An area's state is immutable while it is on the list.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>

#include "gen/syscalls.h"
#include "kernel/block/block.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/direct_io.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/swap.h"
#include "kernel/vfs/swap_place.h"

#define SWAP_PREFER 0x8000
#define SWAP_PRIO 0x7fff
#define SWAP_DISCARD_FLAGS 0x70000 /* discard, once, pages: no effect */
/* Maximum length of the header's list of bad pages. */
#define BAD_MAX 637
#define PAGE_SECTORS (PAGE_SIZE >> SECTOR_SHIFT)

struct header {
	u8 boot[1024];
	u32 version, last_page, nr_bad;
	u8 uuid[16], label[16];
	u32 pad[117];
	u32 bad[BAD_MAX];
	u8 gap[2], magic[10];
};

struct swap_file {
	struct list_head link;
	struct file *f;
	struct swap_area *area;
	struct swap_place place;
	bool going;      /* being removed; under areas_lock */
	bool err_logged; /* a write error was logged; no lock */
};

static DEFINE_MUTEX(areas_lock);
static LIST_HEAD(swap_files); /* by link; under areas_lock */

static struct inode *inode_of(const struct file *f)
{
	return f->f_mapping->host;
}

/* ---- reads and writes of slots ---- */

struct request {
	struct swap_file *sf;
	struct bio *bio;
	void (*done)(void *arg, int status);
	void *arg;
};

static u32 swap_run(void *backing, u64 slot, u32 n)
{
	const struct swap_file *sf = backing;
	const struct swap_extent *e = swap_extent_at(&sf->place, slot);

	return (u32)min_t(u64, n, e->slot + e->n - slot);
}

static bool swap_busy(void *backing)
{
	const struct swap_file *sf = backing;

	return queue_is_held(sf->place.bdev->disk);
}

static void fill_bio(
	const struct swap_file *sf, struct bio *bio, u64 slot, struct page **pages, u32 n)
{
	const struct swap_extent *e = swap_extent_at(&sf->place, slot);

	bio->sector = e->sector + (slot - e->slot) * PAGE_SECTORS;
	for (u32 i = 0; i < n; i++)
		BUG_ON(!bio_add_page(bio, pages[i], PAGE_SIZE, 0));
}

/* Reads @n slots from @slot on into pages, and waits. Returns 0, -EIO or -ENOMEM. */
static int swap_read(void *backing, u64 slot, struct page **pages, u32 n)
{
	struct swap_file *sf = backing;
	int err = 0;

	while (n && !err) {
		u32 part = swap_run(sf, slot, n);
		struct bio *bio = bio_alloc(sf->place.bdev, part, REQ_READ, GFP_NOFS);

		if (!bio)
			return -ENOMEM;
		fill_bio(sf, bio, slot, pages, part);
		err = submit_bio_wait(bio) ? -EIO : 0;
		bio_put(bio);
		slot += part;
		pages += part;
		n -= part;
	}
	return err;
}

static void *swap_write_begin(void *backing)
{
	struct swap_file *sf = backing;
	struct request *r = kmalloc(sizeof(*r), GFP_ATOMIC);

	if (!r)
		return NULL;
	r->sf = sf;
	r->bio = bio_alloc(sf->place.bdev, SWAP_BATCH, REQ_WRITE | REQ_SYNC, GFP_ATOMIC);
	if (r->bio)
		return r;
	kfree(r);
	return NULL;
}

static void swap_write_cancel(void *request)
{
	struct request *r = request;

	bio_put(r->bio);
	kfree(r);
}

static void swap_write_end(struct bio *bio)
{
	struct request *r = bio->private;

	if (bio->status && !r->sf->err_logged) {
		r->sf->err_logged = true;
		pr_err("swap: a write has failed (%d): such pages stay in memory\n", bio->status);
	}
	r->done(r->arg, bio->status);
	bio_put(bio);
	kfree(r);
}

static void swap_write(void *backing, void *request, u64 slot, struct page **pages, u32 n,
	void (*done)(void *arg, int status), void *arg)
{
	struct request *r = request;

	r->done = done;
	r->arg = arg;
	r->bio->private = r;
	r->bio->end_io = swap_write_end;
	fill_bio(backing, r->bio, slot, pages, n);
	submit_bio(r->bio);
}

static const struct swap_backing backing_ops = {
	.run = swap_run,
	.busy = swap_busy,
	.read = swap_read,
	.write_begin = swap_write_begin,
	.write_cancel = swap_write_cancel,
	.write = swap_write,
};

/* ---- the header ---- */

/*
 * Returns the number of slots that the header describes, or -EINVAL if it is not a valid swap
 * header. @pages: size of the file or device.
 */
static s64 check_header(const struct header *h, u64 pages)
{
	if (memcmp(h->magic, "SWAPSPACE2", 10) != 0 || h->version != 1)
		return -EINVAL;
	if (!h->last_page || (u64)h->last_page + 1 > pages || h->nr_bad > BAD_MAX)
		return -EINVAL;
	return (s64)h->last_page + 1;
}

/*
 * Reads and checks the header. The header is read through the page cache, since mkswap may just
 * have written it there. Returns the number of slots, or -errno.
 */
static s64 read_header(struct file *f, struct header *h)
{
	loff_t pos = 0, size = i_size_read(inode_of(f));
	ssize_t n = kernel_read(f, h, sizeof(*h), &pos);

	if (n < 0)
		return n;
	return (size_t)n < sizeof(*h) ? -EINVAL : check_header(h, (u64)size >> PAGE_SHIFT);
}

/* ---- exclusive use ---- */

/*
 * Sets S_SWAPFILE, which forbids changes of the file, and waits for its direct transfers. Returns 0
 * or -EBUSY.
 */
static int claim_file(struct file *f)
{
	struct inode *inode = inode_of(f);
	int err = 0;

	down_write(&inode->i_rwsem);
	if (inode->i_flags & S_SWAPFILE)
		err = -EBUSY;
	else if (!S_ISREG(inode->i_mode) && !mapping_deny_writable(f->f_mapping))
		/* The device has a shared mapping, through which programs could write to it. */
		err = -EBUSY;
	else
		inode->i_flags |= S_SWAPFILE;
	if (!err)
		inode_dio_wait(inode);
	up_write(&inode->i_rwsem);
	return err;
}

static void unclaim_file(struct file *f)
{
	struct inode *inode = inode_of(f);

	down_write(&inode->i_rwsem);
	inode->i_flags &= ~(u32)S_SWAPFILE;
	if (!S_ISREG(inode->i_mode))
		mapping_allow_writable(f->f_mapping);
	up_write(&inode->i_rwsem);
	/* Drop pages that other tasks have read since swapon(2), which may be out of date. */
	invalidate_mapping_pages(f->f_mapping, 0, ~0UL);
}

/*
 * Writes dirty pages, and so allocates their blocks. Called after S_SWAPFILE is set, after which no
 * page can become dirty.
 */
static int settle_file(struct file *f)
{
	int err = vfs_fsync_range(f, 0, S64_MAX, false);

	if (!err)
		invalidate_mapping_pages(f->f_mapping, 0, ~0UL);
	return err;
}

/* ---- swapon ---- */

/*
 * Reads the header of a claimed and opened area, and adds the area to those in which mm may put
 * pages. Returns 0 or -errno.
 */
static int start_area(struct swap_file *sf, u32 flags)
{
	struct header *h = get_free_page(GFP_KERNEL);
	struct swap_layout l;
	struct swap_stat st;
	s64 slots;
	int err;

	BUILD_BUG_ON(sizeof(*h) != PAGE_SIZE);
	if (!h)
		return -ENOMEM;
	slots = read_header(sf->f, h);
	err = slots < 0                                    ? (int)slots :
	      S_ISREG(sf->f->f_inode->i_mode) && h->nr_bad ? -EINVAL :
							     settle_file(sf->f);
	if (err)
		goto out;
	slots = swap_place_map(&sf->place, sf->f, (u64)slots);
	if (slots < 2)
		err = slots < 0 ? (int)slots : -EINVAL;
	if (err)
		goto out;
	l = (struct swap_layout){ .slots = (u64)slots,
		.prio = flags & SWAP_PREFER ? (s32)(flags & SWAP_PRIO) : -1,
		.bad = h->bad,
		.nr_bad = h->nr_bad };
	sf->area = swap_area_add(&backing_ops, sf, &l);
	if (IS_ERR(sf->area)) {
		err = (int)PTR_ERR(sf->area);
		goto out;
	}
	swap_area_stat(sf->area, &st);
	pr_info("swap: %lu KiB more, priority %d, extents %u\n", st.pages << 2, st.prio,
		sf->place.nr_extents);
out:
	free_page_addr(h);
	return err;
}

static void free_swap_file(struct swap_file *sf)
{
	swap_place_release(&sf->place);
	kfree(sf);
}

/* Adds the area of @f. Returns 0 or -errno; on success it takes over the reference to @f. */
static int add_file(struct file *f, u32 flags)
{
	struct swap_file *sf = kzalloc(sizeof(*sf), GFP_KERNEL);
	int err;

	if (!sf)
		return -ENOMEM;
	sf->f = f;
	err = swap_place_pin(&sf->place, f);
	if (!err)
		err = claim_file(f);
	if (err)
		goto err_free;
	mutex_lock(&areas_lock);
	err = start_area(sf, flags);
	if (!err)
		list_add_tail(&sf->link, &swap_files);
	mutex_unlock(&areas_lock);
	if (!err)
		return 0;
	unclaim_file(f);
err_free:
	free_swap_file(sf);
	return err;
}

static struct file *open_area(uaddr_t path, u32 flags)
{
	char *name = getname(path);
	struct file *f;

	if (IS_ERR(name))
		return ERR_CAST(name);
	f = filp_open(name, O_RDWR | O_LARGEFILE | flags, 0);
	putname(name);
	return f;
}

long sys_swapon(uaddr_t path, int flags)
{
	struct file *f;
	int err;

	if (flags & ~(SWAP_PREFER | SWAP_PRIO | SWAP_DISCARD_FLAGS))
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	f = open_area(path, O_EXCL); /* a device is opened exclusively */
	if (IS_ERR(f))
		return PTR_ERR(f);
	err = add_file(f, (u32)flags);
	if (err)
		fput(f);
	return err;
}

/* ---- swapoff ---- */

static struct swap_file *find_area(const struct file *f)
{
	struct swap_file *sf, *found = NULL;

	mutex_lock(&areas_lock);
	list_for_each_entry(sf, &swap_files, link)
		if (inode_of(sf->f) == inode_of(f) && !sf->going)
			found = sf;
	if (found)
		found->going = true;
	mutex_unlock(&areas_lock);
	return found;
}

/*
 * True if the pages in the area fit in the available memory and in the other areas. If it is false,
 * swapoff(2) is refused, since it would cause OOM kills.
 */
static bool fits_in_memory(struct swap_file *sf)
{
	struct swap_stat st;
	struct meminfo mi;

	swap_area_stat(sf->area, &st);
	si_meminfo(&mi);
	return st.used <= mi.available + nr_swap_free() - min(nr_swap_free(), st.pages - st.used);
}

/*
 * Serves swapoff(2) for an area that is marked as going. Frees it, or returns -errno and leaves it.
 */
static int remove_file(struct swap_file *sf)
{
	int err = fits_in_memory(sf) ? swap_area_remove(sf->area) : -ENOMEM;
	struct file *f;

	mutex_lock(&areas_lock);
	sf->going = false;
	if (!err)
		list_del(&sf->link);
	mutex_unlock(&areas_lock);
	if (err)
		return err;
	swap_area_free(sf->area);
	unclaim_file(sf->f);
	f = sf->f;
	free_swap_file(sf);
	fput(f);
	return 0;
}

long sys_swapoff(uaddr_t path)
{
	struct swap_file *sf;
	struct file *f;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	f = open_area(path, 0);
	if (IS_ERR(f))
		return PTR_ERR(f);
	sf = find_area(f);
	fput(f);
	return sf ? remove_file(sf) : -EINVAL;
}

void for_each_swap_area(
	void (*one)(void *arg, struct file *f, const struct swap_stat *st), void *arg)
{
	struct swap_file *sf;

	mutex_lock(&areas_lock);
	list_for_each_entry(sf, &swap_files, link) {
		struct swap_stat st;

		swap_area_stat(sf->area, &st);
		one(arg, sf->f, &st);
	}
	mutex_unlock(&areas_lock);
}
