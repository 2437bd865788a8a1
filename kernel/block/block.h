/* SPDX-License-Identifier: MIT */
/*
 * block.h: block devices, requests to them, and their page cache.
 *
 * A driver registers a gendisk whose submit operation takes a bio and completes it with
 * bio_endio(), from any task or from its interrupt handler at a boundary. Requests on one device
 * may complete in any order. A bio with REQ_PREFLUSH starts after all data that was completed
 * before it has reached the host's disk. With REQ_FUA its own data has reached the disk when it
 * ends.
 *
 * Path: ext4 -> bio -> block/queue.c (merging, plugging, ordering of flushes) -> ubd.c ->
 * ubd_host.c; back by irq.c.
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
#define REQ_SYNC 0x400 /* a task waits */
#define REQ_META 0x800
/* a read that need not stay in a cache below */
#define REQ_PAST_CACHE 0x1000

/* a write from the device's own page cache, which has the data already */
#define REQ_FROM_CACHE 0x2000

struct bio_vec {
	struct page *page;
	u32 off, len;
};
#define BIO_MAX_VECS 256
/* vectors with which a bio fits in a frame: for __GFP_NOFAIL */
#define BIO_SURE_VECS 112
#define BIO_MAX_SEGMENT (1U << 30) /* bytes of a vec */
/* bytes of a discard or write-zeroes in one request */
#define BIO_MAX_RANGE (2048UL << 20)
struct block_device;
struct gendisk;
struct task;
struct bio {
	struct list_head list; /* private to the bio's owner */
	struct block_device *bdev;
	/* the partition for which it is counted as well; set by submit_bio() */
	struct block_device *part;
	u32 opf; /* REQ_* */
	/* first sector, within @bdev (submit_bio() remaps partitions) */
	sector_t sector;
	/* for discard and write-zeroes; else the sum of vecs */
	u64 bytes;
	int status; /* result once ended: 0 or -errno */
	/* called at a boundary or in a task: may not sleep */
	void (*end_io)(struct bio *bio);
	void *private;
	u64 start_ns; /* when it was handed to the driver */
	u32 nr_vecs, max_vecs;
	/* Behind the vectors, room for the driver: bio_driver(). */
	struct bio_vec vec[];
};
struct bio *bio_alloc(struct block_device *bdev, u32 nr_vecs, u32 opf, gfp_t gfp); /* NULL */
void bio_put(struct bio *bio);
/* Returns the driver's private part of a bio, which needs no allocation that could fail. */
static inline void *bio_driver(struct bio *bio)
{
	return &bio->vec[bio->max_vecs];
}
bool bio_add_page(struct bio *bio, struct page *p, u32 len, u32 off); /* false: full */
/* Submits a request. It never fails: errors come through end_io. Called in a task; may sleep. */
void submit_bio(struct bio *bio);
int submit_bio_wait(struct bio *bio); /* status; may sleep */
void bio_endio(struct bio *bio, int status);
/* Logs that the driver has refused @bio. */
void bio_tell_error(const struct bio *bio);
/* Logs the pages of a failed write for which no task waits, and counts them as lost. */
void bio_lost(const struct bio *bio);
/* Counts @bytes (0: an unknown number) as lost on @b's disk by @err, for the instance's end. */
void bdev_lost(struct block_device *b, u64 bytes, int err);
/*
 * Ends reads, as an end_io: sets the locked pages of the vecs (each may be several) uptodate or in
 * error, unlocks them and puts the bio.
 */
void bio_end_read_pages(struct bio *bio);
/*
 * Collects the bios that current submits until blk_finish_plug, or until current sleeps, since it
 * may wait for a bio in the plug. Of nested plugs only the outer one is used.
 */
struct blk_plug {
	struct list_head list;
	u32 nr;
};
void blk_start_plug(struct blk_plug *p);
void blk_finish_plug(struct blk_plug *p);
void disk_account_start(struct bio *bio);
void disk_account_end(struct bio *bio);

/* Counters of a device since boot. Each word changes atomically; a reader gets no snapshot. */
enum { STAT_READ, STAT_WRITE, STAT_DISCARD, STAT_FLUSH, STAT_GROUPS };
struct disk_stats {
	struct {
		u64 ios, merges, sectors, ns;
	} group[STAT_GROUPS];
	u64 inflight[2]; /* reads, everything else */
	/* ns with something in flight; time of their last update */
	u64 busy_ns, changed;
};
/*
 * numbers of /proc/diskstats behind the name, and of /sys/block/DISK/stat
 * (Documentation/admin-guide/iostats.rst); times in ms
 */
#define DISK_STAT_FIELDS 17
void disk_stat_fields(struct block_device *b, u64 *v);
/* Calls fn() for each disk, with the fields of disk_stat_fields(). fn() may not sleep long. */
void disks_stat(void (*fn)(const struct block_device *b, const u64 *v, void *arg), void *arg);
void disk_account_merge(struct bio *bio, u32 n); /* @n bios were merged into @bio */

struct gendisk;
struct file;
struct file_operations;
struct block_device_operations {
	void (*submit)(struct gendisk *d, struct bio *bio);
	int (*open)(struct gendisk *d, bool write);
	void (*release)(struct gendisk *d);
	long (*ioctl)(struct gendisk *d, struct file *f, u32 cmd, u64 arg);
	/*
	 * Serves bdev_frames(); @s and @nr are within the disk. NULL: the disk has no frames to
	 * share.
	 */
	u32 (*frames)(struct gendisk *d, sector_t s, u32 nr, pfn_t *pfn);
	/*
	 * Returns the file that holds the disk's bytes, a reference, and *@off, where in it they
	 * begin. Neither changes until unpin(). ERR_PTR; NULL ops: there is no such file.
	 */
	struct file *(*pin)(struct gendisk *d, u64 *off);
	void (*unpin)(struct gendisk *d);
};
struct gendisk {
	char name[16]; /* "ubda" */
	u32 major, first_minor, minors;
	const struct block_device_operations *ops;
	void *private;
	u64 capacity; /* sectors */
	u32 logical_block_size;
	bool ro, discard, write_zeroes;
	bool write_cache; /* REQ_FLUSH and REQ_FUA have an effect */
	bool has_frames;  /* immutable: ops->frames finds some */
	/* read-only, but opens for writing; writes fail */
	bool ro_opens;
	/* HDIO_GETGEO is ENOTTY; BLKRRPART is EINVAL */
	bool no_geometry, no_partscan;
	/* for minors 1: its partitions are (BLOCK_EXT_MAJOR, ext_first + N) */
	u32 ext_first;
	/* number of the medium, unique since boot */
	u64 diskseq;
	/* writeback and readahead; set by add_disk */
	struct backing_dev *bdi;
	struct block_device *part[16]; /* [0] is the whole disk */
	const char *serial;            /* /sys/block/DISK/serial, or NULL */
	/* the host's file of the disk, "" without a name, or NULL */
	const char *host_file;
	/*
	 * Requests that the driver has under way at once; further submitters sleep. 0: one by one,
	 * with a queue in the driver.
	 */
	u32 nr_requests;
	atomic_t under_way; /* while there is a limit */
	/* under way: everything but reads and flushes */
	atomic_t changes;
	/* atomic: no change begins; see queue_hold() */
	bool held;
	/* Number of completed writes that bypassed the page caches of its devices; atomic. */
	u64 changed;
	/* Immutable: bytes that the driver needs in each bio, and for each of its vectors. */
	u32 driver_bytes, driver_vec_bytes;
	struct list_head list;
};
void queue_leave(struct bio *bio);         /* @bio has ended */
bool bio_is_joined(const struct bio *bio); /* true if several bios were merged into it */
/*
 * Makes requests that change the disk wait, before they take one of the requests that reads need.
 * Requests under way have ended when this returns. queue_release() wakes the waiters; a flush
 * passes. disks_release() releases all held disks, for a power-off, which cannot wait.
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
	/* Writes the data that write() has taken to the disk. 0 or -errno. */
	int (*sync)(void *arg);
};
struct block_device {
	struct gendisk *disk;
	u32 partno;
	dev_t dev;
	sector_t start, nr_sectors;
	/* bdev inode: its i_mapping caches the device */
	struct inode *inode;
	struct address_space *mapping;
	struct mutex lock; /* openers and holder */
	u32 openers;
	/* a removed partition: does not open, may come back */
	bool gone;
	/* Exclusive: a mounted file system, or an opener with O_EXCL; under claim_lock. */
	void *holder;
	bool write_holder;
	/* Protects the next three; outside all locks of the tenant but s_umount. */
	struct rwsem tenant_lock;
	const struct bdev_tenant *tenant; /* NULL: none */
	void *tenant_arg;
	u32 tenant_block; /* bytes; divides PAGE_SIZE */
	/* disk->changed when clean pages of the mapping were valid; atomic */
	u64 cached_at;
	struct disk_stats stat;
};
/* Adds the disk, scans for DOS/GPT partitions, creates /dev nodes. 0 or -errno. */
int add_disk(struct gendisk *d);
void del_gendisk(struct gendisk *d);
/*
 * Withdraws the disk: it cannot be opened, but its memory stays. -EBUSY while it or a partition is
 * open. disk_return() brings it back, perhaps with another capacity.
 */
int disk_withdraw(struct gendisk *d);
int disk_return(struct gendisk *d);
void disk_set_capacity(struct gendisk *d, u64 sectors);
/* Drops the partitions and scans again; -EBUSY while one is in use. */
int disk_rescan(struct gendisk *d);
/* Drops the partitions, none of which is open, and sets the capacity to 0. */
void disk_lose_medium(struct gendisk *d);
/*
 * Add and delete a partition, in sectors. -EBUSY: another overlaps, or it is in use; -ENXIO: it
 * does not exist; -EINVAL: not within the disk.
 */
int disk_add_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr);
int disk_del_partition(struct gendisk *d, u32 partno);
int disk_resize_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr);
struct block_device *bdev_by_dev(dev_t dev); /* NULL */
/*
 * Parses "8:0 ", a disk's number in the syntax of control groups, and moves behind it. 0, -EINVAL,
 * -ENODEV (also for a partition).
 */
int disk_parse_number(char **text, dev_t *dev);
struct block_device *bdev_by_name(const char *name); /* "ubda", "ubda1" */
int bdev_flush(struct block_device *b);              /* sends REQ_FLUSH and waits */
int bdev_discard(struct block_device *b, sector_t s, u64 nr);
/* Returns -EOPNOTSUPP where the driver cannot. */
int bdev_write_zeroes(struct block_device *b, sector_t s, u64 nr);
/*
 * Reads or writes directly and synchronously, for metadata and journal. @buf is kernel memory of
 * the direct map (any alignment to 512). 0 or -errno.
 */
int bdev_rw(struct block_device *b, u32 opf, sector_t s, void *buf, size_t n);

/* True if parts of the disk can be frames (an image that is mapped directly). */
static inline bool bdev_has_frames(const struct block_device *b)
{
	return b->disk->ops->frames && b->disk->has_frames;
}

int bdev_name(const struct block_device *b, char *buf, size_t size);
/* A device as a file; kernel/vfs/bdev registers the table before there are disks. */
struct disk_file_ops {
	/* Makes the inode whose page cache caches the device: 0 or -ENOMEM. */
	int (*create)(struct block_device *b);
	void (*resize)(struct block_device *b); /* b->nr_sectors has changed */
	/* Writes its page cache out and waits: 0 or -errno. */
	int (*sync)(struct block_device *b);
};
extern const struct disk_file_ops *disk_file_ops;
/* Makes nodes in /dev; kernel/fs/devtmpfs registers the table before there are disks. */
struct dev_node_ops {
	int (*create)(const char *name, umode_t mode, dev_t dev); /* 0 or -errno */
	int (*remove)(const char *name);
};
extern const struct dev_node_ops *dev_node_ops;
/* Shows disks in /sys; kernel/fs/sysfs registers the table. */
struct disk_sysfs_ops {
	/* Shows a partition that was found for the first time after boot. */
	void (*part_appeared)(struct block_device *b);
	void (*event)(struct block_device *b, const char *action);
};
extern const struct disk_sysfs_ops *disk_sysfs_ops;
/* Tells udev that a device comes, goes or changes: @action is "add", "remove" or "change". */
void disk_event(struct block_device *b, const char *action);
/* Reports another medium, or none, as "change". */
void disk_changed(struct gendisk *d);

int diskstats_line(int i, char *buf, size_t size); /* /proc/diskstats, /proc/partitions */
int partitions_line(int i, char *buf, size_t size);
int blkdev_major_line(int i, char *buf, size_t size);

#endif
