/* SPDX-License-Identifier: MIT */
/*
 * block.h: block devices, requests to them, and their page cache.
 *
 * A driver registers a gendisk whose submit operation takes a bio and completes it with bio_endio(), from any task or from its
 * interrupt handler at a boundary. Requests on one device may complete in any order. A bio with REQ_PREFLUSH waits for all data that
 * was completed before it to reach the host's disk before it starts; REQ_FUA: this one's data has reached the disk when it ends.
 *
 * Path: ext4 -> bio -> block/queue.c (merging, plugging, ordering of flushes) -> ubd.c -> ubd_host.c; back by irq.c.
 */
#ifndef NESTLING_BLOCK_H
#define NESTLING_BLOCK_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/mm/mm.h"

#define REQ_READ 0
#define REQ_WRITE 1
#define REQ_DISCARD 2
#define REQ_FLUSH 3 /* no data */
#define REQ_WRITE_ZEROES 4
#define REQ_OP_MASK 0xff
#define REQ_FUA 0x100
#define REQ_PREFLUSH 0x200
#define REQ_SYNC 0x400 /* somebody waits */
#define REQ_META 0x800
#define REQ_PAST_CACHE 0x1000 /* of a read: nobody expects that what is below keeps a copy */

#define REQ_FROM_CACHE 0x2000 /* a write of the device's page cache, which has the data */

struct bio_vec {
	struct page *page;
	u32 off, len;
};
#define BIO_MAX_VECS 256
#define BIO_SURE_VECS 112            /* such a bio fits in a frame: for __GFP_NOFAIL */
#define BIO_MAX_SEGMENT (1U << 30)   /* bytes of a vec */
#define BIO_MAX_RANGE (2048UL << 20) /* bytes of a discard or write-zeroes in one request */
struct block_device;
struct gendisk;
struct task;
struct bio {
	struct list_head list; /* private to whoever has the bio */
	struct block_device *bdev;
	struct block_device
		*part;   /* whom it is counted for, beside the disk; submit_bio() sets it */
	u32 opf;         /* REQ_* */
	sector_t sector; /* within @bdev (partitions are remapped by submit_bio) */
	u64 bytes;       /* for discard and write-zeroes; else the sum of vecs */
	int status;      /* 0 or -errno, when it has ended */
	void (*end_io)(struct bio *bio); /* at a boundary or in a task: may not sleep */
	void *private;
	u64 start_ns; /* when it was handed to the driver */
	u32 nr_vecs, max_vecs;
	struct bio_vec vec[]; /* behind them, room for the driver: bio_driver() */
};
struct bio *bio_alloc(struct block_device *bdev, u32 nr_vecs, u32 opf, gfp_t gfp); /* NULL */
void bio_put(struct bio *bio);
/* The driver's own part, with which a request that has a bio cannot fail for want of memory. */
static inline void *bio_driver(struct bio *bio)
{
	return &bio->vec[bio->max_vecs];
}
bool bio_add_page(struct bio *bio, struct page *p, u32 len, u32 off); /* false: full */
void submit_bio(
	struct bio *bio); /* never fails; errors come through end_io. In a task: it may sleep */
int submit_bio_wait(struct bio *bio); /* status; may sleep */
void bio_endio(struct bio *bio, int status);
/* Logs that the driver has refused @bio. */
void bio_tell_error(const struct bio *bio);
/* Logs the pages of a failed write for which no task waits, and counts them as lost. */
void bio_lost(const struct bio *bio);
/* Counts @bytes (0: an unknown number) as lost on @b's disk by @err, for the instance's end. */
void bdev_lost(struct block_device *b, u64 bytes, int err);
/* An end_io: the locked pages of the vecs (each may be several) are read, or have an error; they are unlocked, the bio is put. */
void bio_end_read_pages(struct bio *bio);
/*
 * Collects what current submits until blk_finish_plug, or until it goes to sleep: whatever it waits for may be in it. Nested, the outer one
 * counts.
 */
struct blk_plug {
	struct list_head list;
	u32 nr;
};
void blk_start_plug(struct blk_plug *p);
void blk_finish_plug(struct blk_plug *p);
void disk_account_start(struct bio *bio);
void disk_account_end(struct bio *bio);

/* What a device has done since boot. Words of their own, changed atomically; who reads them gets no snapshot. */
enum { STAT_READ, STAT_WRITE, STAT_DISCARD, STAT_FLUSH, STAT_GROUPS };
struct disk_stats {
	struct {
		u64 ios, merges, sectors, ns;
	} group[STAT_GROUPS];
	u64 inflight[2];      /* reads, all else */
	u64 busy_ns, changed; /* with something in flight; when that was last brought up to date */
};
/* /proc/diskstats behind the name, and /sys/block/DISK/stat: Documentation/admin-guide/iostats.rst. Times in ms. */
#define DISK_STAT_FIELDS 17
void disk_stat_fields(struct block_device *b, u64 *v);
/* fn() for each disk, with the fields of disk_stat_fields(). May not sleep long. */
void disks_stat(void (*fn)(const struct block_device *b, const u64 *v, void *arg), void *arg);
void disk_account_merge(struct bio *bio, u32 n); /* @n bios have become part of @bio */

struct gendisk;
struct file;
struct file_operations;
struct block_device_operations {
	void (*submit)(struct gendisk *d, struct bio *bio);
	int (*open)(struct gendisk *d, bool write);
	void (*release)(struct gendisk *d);
	long (*ioctl)(struct gendisk *d, struct file *f, u32 cmd, u64 arg);
	/* See bdev_frames(); @s and @nr are within the disk. NULL: none ever. */
	u32 (*frames)(struct gendisk *d, sector_t s, u32 nr, pfn_t *pfn);
};
struct gendisk {
	char name[16]; /* "ubda" */
	u32 major, first_minor, minors;
	const struct block_device_operations *ops;
	void *private;
	u64 capacity; /* sectors */
	u32 logical_block_size;
	bool ro, discard, write_zeroes;
	bool write_cache; /* REQ_FLUSH and REQ_FUA mean something */
	bool has_frames;  /* immutable: ops->frames finds some */
	bool no_swap;     /* immutable: a write may need memory that only a write would free */
	bool ro_opens;    /* read-only, it opens for writing all the same; writes fail */
	bool no_geometry, no_partscan; /* HDIO_GETGEO is ENOTTY; BLKRRPART is EINVAL */
	u32 ext_first;           /* minors 1: its partitions are (BLOCK_EXT_MAJOR, ext_first + N) */
	u64 diskseq;             /* of the medium: no other has had it since boot */
	struct backing_dev *bdi; /* write-back and read-ahead; set by add_disk */
	struct block_device *part[16]; /* [0] is the whole disk */
	const char *serial;            /* /sys/block/DISK/serial, or NULL */
	const char *host_file; /* the host's file of the disk, "" if it has no name; NULL: none */
	u32 nr_requests; /* that the driver has under way at once; who submits more sleeps. 0: one by one, and they queue in the driver */
	atomic_t under_way; /* as long as there is a limit */
	atomic_t changes;   /* under way, all that is neither read nor flush */
	bool held;          /* atomic: no change begins; see queue_hold() */
	/* Number of completed writes that bypassed the page caches of its devices; atomic. */
	u64 changed;
	u32 driver_bytes,
		driver_vec_bytes; /* immutable: what the driver needs in each bio, and for each of its vectors */
	struct list_head list;
};
void queue_leave(struct bio *bio);         /* @bio has ended */
bool bio_is_joined(const struct bio *bio); /* true if several bios were merged into it */
/*
 * What changes the disk waits from now on, before it takes one of the requests that reads need; what was under way has ended when this returns.
 * Until queue_release(), which wakes who waits. A flush passes. disks_release(): all disks that are held, and power-off cannot wait for.
 */
void queue_hold(struct gendisk *d);
void queue_release(struct gendisk *d);
void disks_release(void);
static inline bool queue_is_held(const struct gendisk *d)
{
	return __atomic_load_n(&d->held, __ATOMIC_SEQ_CST);
}
/*
 * A mounted file system that caches metadata blocks of the device itself. Reads and writes of the
 * device's file (rw.c) call it, in tasks that may sleep, with tenant_lock held for reading.
 */
struct bdev_tenant {
	/*
	 * Returns which of the @nr (at most 32) blocks from @block on are newer than the disk: bit
	 * i is block + i.
	 */
	u32 (*newer)(void *arg, u64 block, u32 nr);
	/* Copies a block that newer() has named; leaves @to alone if it is on the disk by now. */
	void (*read)(void *arg, u64 block, u8 *to);
	/*
	 * Offers @n bytes at byte @off of the block. 1: the tenant writes them to the disk; 0: the
	 * caller does; -errno.
	 */
	int (*write)(void *arg, u64 block, u32 off, const u8 *from, u32 n);
	/* Drops unused copies of the @nr blocks, some of which the caller has written to disk. */
	void (*written)(void *arg, u64 block, u32 nr);
	/* Writes to the disk what write() has taken. 0 or -errno. */
	int (*sync)(void *arg);
};
struct block_device {
	struct gendisk *disk;
	u32 partno;
	dev_t dev;
	sector_t start, nr_sectors;
	struct inode *inode; /* bdev inode: its i_mapping caches the device */
	struct address_space *mapping;
	struct mutex lock; /* openers and holder */
	u32 openers;
	bool gone; /* a partition that is no more: does not open, may come back */
	void *holder; /* exclusive: a mounted file system, or who has opened it with O_EXCL; under claim_lock */
	bool write_holder;
	struct rwsem
		tenant_lock; /* the three below; outside all locks of the tenant but s_umount */
	const struct bdev_tenant *tenant; /* NULL: none */
	void *tenant_arg;
	u32 tenant_block; /* bytes; divides PAGE_SIZE */
	u64 cached_at;    /* disk->changed when clean pages of the mapping were right; atomic */
	struct disk_stats stat;
};
/* Makes a mounted file system, which holds the device, its tenant; @t NULL: ends that. */
void bdev_set_tenant(struct block_device *b, const struct bdev_tenant *t, void *arg, u32 block);
/* Adds the disk, scans for DOS/GPT partitions, creates /dev nodes. 0 or -errno. */
int add_disk(struct gendisk *d);
void del_gendisk(struct gendisk *d);
/* It goes, but its memory stays: opens nowhere. -EBUSY while it or a partition is open. Then it comes back, with another capacity perhaps. */
int disk_withdraw(struct gendisk *d);
int disk_return(struct gendisk *d);
void disk_set_capacity(struct gendisk *d, u64 sectors);
/* Forgets the partitions and looks again; -EBUSY while one is in use. */
int disk_rescan(struct gendisk *d);
void disk_lose_medium(
	struct gendisk *d); /* no partitions, of which none is open, and no capacity */
/* In sectors. -EBUSY: another is there, or (to go) it is in use; -ENXIO: there is none; -EINVAL: not within the disk. */
int disk_add_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr);
int disk_del_partition(struct gendisk *d, u32 partno);
int disk_resize_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr);
struct block_device *bdev_by_dev(dev_t dev); /* NULL */
/* "8:0 ", a disk's number as control groups are told it, and moves behind it: 0, -EINVAL, -ENODEV (a partition, too). */
int disk_parse_number(char **text, dev_t *dev);
struct block_device *bdev_by_name(const char *name); /* "ubda", "ubda1" */
/* Opens; @holder not NULL: exclusively. 0, -ENXIO, -EBUSY, -EROFS. */
int bdev_open(struct block_device *b, bool write, void *holder);
void bdev_close(struct block_device *b, bool write, void *holder);
int bdev_flush(struct block_device *b); /* REQ_FLUSH and wait */
int bdev_discard(struct block_device *b, sector_t s, u64 nr);
int bdev_write_zeroes(
	struct block_device *b, sector_t s, u64 nr); /* -EOPNOTSUPP: the driver cannot */
int sync_blockdev(struct block_device *b);           /* writes its page cache out and waits */
/* Direct synchronous I/O on kernel memory from the direct map (any alignment to 512): for metadata and journal. 0 or -errno. */
int bdev_rw(struct block_device *b, u32 opf, sector_t s, void *buf, size_t n);

/* @n bytes at byte @pos through the device's page cache, read ahead of: for metadata of what is only read. 0; -EIO beyond the end; -errno. */
int bdev_read_bytes(struct block_device *b, u64 pos, void *buf, size_t n);

/* Can parts of the disk be frames (an image that is mapped directly)? */
static inline bool bdev_has_frames(const struct block_device *b)
{
	return b->disk->ops->frames && b->disk->has_frames;
}
/*
 * The @nr pages of the disk from sector @s on: how many of them (1 to @nr) are alike, *pfn: the first of so many frames in a row that hold
 * what the disk holds now and can only be read, or 0: they must be read. A write to the disk makes the answer stale, not the frames.
 */
u32 bdev_frames(struct block_device *b, sector_t s, u32 nr, pfn_t *pfn);

int bdev_name(const struct block_device *b, char *buf, size_t size);
/* What /sys shows of disks; kernel/fs/sysfs registers it. */
struct disk_sysfs_ops {
	void (*part_appeared)(
		struct block_device *b); /* a partition is found for the first time after boot */
	void (*event)(struct block_device *b, const char *action);
};
extern const struct disk_sysfs_ops *disk_sysfs_ops;
/* Tells udev that a device comes, goes or changes: @action is "add", "remove" or "change". */
void disk_event(struct block_device *b, const char *action);
void disk_changed(struct gendisk *d); /* another medium, or none: told as "change" */

int diskstats_line(int i, char *buf, size_t size); /* /proc/diskstats, /proc/partitions */
int partitions_line(int i, char *buf, size_t size);
int blkdev_major_line(int i, char *buf, size_t size);
extern const struct file_operations def_blk_fops;

#endif
