/* SPDX-License-Identifier: MIT */
/*
 * block.h: block devices, requests to them, and their page cache.
 *
 * A driver registers a gendisk whose submit operation takes a bio and completes it with
 * bio_endio(), from any task or from its interrupt handler at a boundary (docs/architecture.md).
 * Requests on one device may complete in any order. A bio with REQ_PREFLUSH starts after all writes
 * that completed before it are on the host's disk. With REQ_FUA its own data is on the disk when it
 * ends.
 *
 * Path: ext4 -> bio -> block/queue.c (merging, plugging, ordering of flushes) -> ubd.c ->
 * ubd_host.c; back by irq.c.
 *
 * A sector is 512 bytes, whatever a disk's logical_block_size. Functions of type int return 0 or
 * -errno. All functions may sleep, unless their comment says otherwise. A block_device has no
 * reference count: its struct stays for ever, with `gone` set once it is removed.
 */
#ifndef NESTLING_BLOCK_H
#define NESTLING_BLOCK_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/mm/mm.h"

#define REQ_READ 0
#define REQ_WRITE 1
#define REQ_DISCARD 2
#define REQ_FLUSH 3 /* carries no data */
#define REQ_WRITE_ZEROES 4
#define REQ_OP_MASK 0xff
#define REQ_FUA 0x100
#define REQ_PREFLUSH 0x200
#define REQ_SYNC 0x400 /* a task waits for the bio */
#define REQ_META 0x800
/* A read whose data the caches below the guest need not keep. */
#define REQ_PAST_CACHE 0x1000

/* A write from the device's own page cache, which therefore needs no invalidation. */
#define REQ_FROM_CACHE 0x2000

struct bio_vec {
	struct page *page; /* without a reference */
	u32 off, len;      /* bytes; may reach into the next frames */
};
#define BIO_MAX_VECS 256
/* Number of vectors with which a bio fits in one frame, so that __GFP_NOFAIL can work. */
#define BIO_SURE_VECS 112
#define BIO_MAX_SEGMENT (1U << 30) /* bytes of a vector */
/* Maximum bytes of one discard or write-zeroes request. */
#define BIO_MAX_RANGE (2048UL << 20)
struct block_device;
struct gendisk;
struct task;
struct bio {
	struct list_head list; /* private to the bio's owner */
	struct block_device *bdev;
	/* The partition whose statistics count this bio too; set by submit_bio(). */
	struct block_device *part;
	u32 opf; /* REQ_* */
	/* The first sector, within @bdev; submit_bio() changes both for partitions. */
	sector_t sector;
	/* Length of a discard or write-zeroes; otherwise the sum of the vectors' lengths. */
	u64 bytes;
	int status; /* result once ended: 0 or -errno */
	/* Called once, at a boundary or in a task; must not sleep. Owns the bio from then on. */
	void (*end_io)(struct bio *bio);
	void *private; /* of the submitter */
	u64 start_ns;  /* ns: when the bio went to the driver */
	u32 nr_vecs, max_vecs;
	/* max_vecs vectors, and behind them the driver's private part: bio_driver(). */
	struct bio_vec vec[];
};
/*
 * Allocates a bio for up to @nr_vecs vectors (at most BIO_MAX_VECS), which the caller owns. NULL:
 * no memory. Sleeps as @gfp allows.
 */
struct bio *bio_alloc(struct block_device *bdev, u32 nr_vecs, u32 opf, gfp_t gfp);
void bio_put(struct bio *bio); /* frees it, not its pages; does not sleep */
/*
 * Returns the driver's private part of a bio. It was allocated with the bio, so it cannot be
 * missing.
 */
static inline void *bio_driver(struct bio *bio)
{
	return &bio->vec[bio->max_vecs];
}
/* Adds @len bytes from byte @off of @p on. The caller keeps the page until the bio has ended. */
bool bio_add_page(struct bio *bio, struct page *p, u32 len, u32 off); /* false: full */
/*
 * Submits a request. Never fails: errors are passed to end_io, which may be called before the
 * function returns. Called in a task; may sleep. Until end_io the bio belongs to the queue and the
 * driver.
 */
void submit_bio(struct bio *bio);
/* Submits a bio without end_io and waits. The caller then owns the bio again. */
int submit_bio_wait(struct bio *bio); /* returns the status; may sleep */
/*
 * Ends a request, for drivers: calls end_io. @status: 0 or -errno. Does not sleep, nor do the next
 * four functions.
 */
void bio_endio(struct bio *bio, int status);
/* Logs that the driver has failed @bio. */
void bio_report_error(const struct bio *bio);
/* Logs the pages of a failed write for which no task waits, and counts them as lost. */
void bio_lost(const struct bio *bio);
/*
 * Counts @bytes (0: an unknown number) as lost on @b's disk by error @err (-errno). The count is
 * reported when the instance ends.
 */
void bdev_lost(struct block_device *b, u64 bytes, int err);
/*
 * An end_io for reads: marks the locked pages of the vectors (each may have several) uptodate or in
 * error, unlocks them and puts the bio.
 */
void bio_end_read_pages(struct bio *bio);
/*
 * From blk_start_plug() on, collects the bios that current submits, until blk_finish_plug() or
 * until current sleeps, since it may wait for a collected bio. Of nested plugs only the outermost
 * is used.
 */
struct blk_plug {
	struct list_head list;
	u32 nr; /* bios on @list */
};
void blk_start_plug(struct blk_plug *p); /* @p is on the caller's stack */
void blk_finish_plug(struct blk_plug *p);
/* Count a bio that goes to the driver, and its end. They do not sleep. */
void disk_account_start(struct bio *bio);
void disk_account_end(struct bio *bio);

/*
 * Counters of a device since boot. Each word changes atomically; readers get no consistent
 * snapshot.
 */
enum { STAT_READ, STAT_WRITE, STAT_DISCARD, STAT_FLUSH, STAT_GROUPS };
struct disk_stats {
	struct {
		u64 ios, merges, sectors, ns; /* ns: sum of all requests */
	} group[STAT_GROUPS];
	u64 inflight[2]; /* [0]: reads; [1]: all other requests */
	/*
	 * busy_ns: sum of the times in which requests were in flight. changed: value of ktime_get()
	 * (ns) up to which busy_ns counts.
	 */
	u64 busy_ns, changed;
};
/*
 * Stores in @v the DISK_STAT_FIELDS numbers behind the name in /proc/diskstats and of
 * /sys/block/DISK/stat (Documentation/admin-guide/iostats.rst); times in ms. Does not sleep.
 */
#define DISK_STAT_FIELDS 17
void disk_stat_fields(struct block_device *b, u64 *v);
/*
 * Calls @fn for each disk, with the fields of disk_stat_fields(), under disks_lock, a mutex. @fn
 * must not sleep for long.
 */
void disks_stat(void (*fn)(const struct block_device *b, const u64 *v, void *arg), void *arg);
void disk_account_merge(struct bio *bio, u32 n); /* @n bios were merged into @bio */

struct gendisk;
struct file;
struct file_operations;
/* All but submit may be NULL, and all may sleep. */
struct block_device_operations {
	/*
	 * Takes over the bio, whose sector is the disk's, and later calls bio_endio(). Called in a
	 * task.
	 */
	void (*submit)(struct gendisk *d, struct bio *bio);
	/*
	 * Called at the first open and the last close of each device, under its lock. 0 or -errno.
	 */
	int (*open)(struct gendisk *d, bool write);
	void (*release)(struct gendisk *d);
	long (*ioctl)(struct gendisk *d, struct file *f, u32 cmd, u64 arg); /* -ENOTTY: unknown */
	/*
	 * Implements bdev_frames(); @s and @nr are within the disk. NULL: the disk's data is in no
	 * frames.
	 */
	u32 (*frames)(struct gendisk *d, sector_t s, u32 nr, pfn_t *pfn);
	/*
	 * Returns the file that holds the disk's bytes, with a reference; *@off is set to the
	 * offset of the disk in it. Neither changes until unpin(). Returns ERR_PTR on failure. The
	 * operation is NULL if there is no such file.
	 */
	struct file *(*pin)(struct gendisk *d, u64 *off);
	void (*unpin)(struct gendisk *d);
};
struct gendisk {
	char name[16]; /* "ubda" */
	u32 major, first_minor, minors;
	const struct block_device_operations *ops;
	void *private;          /* of the driver */
	u64 capacity;           /* sectors */
	u32 logical_block_size; /* bytes; O_DIRECT is aligned to it */
	/* ro: it cannot be written. discard, write_zeroes: it serves that kind of request. */
	bool ro, discard, write_zeroes;
	bool write_cache; /* REQ_FLUSH and REQ_FUA have an effect */
	bool has_frames;  /* immutable: ops->frames may find frames */
	/* A read-only disk that can be opened for writing; the writes then fail. */
	bool ro_opens;
	/* The content is lost when the instance ends: a power-off writes nothing back to it. */
	bool temporary;
	/*
	 * If no_geometry is set, HDIO_GETGEO fails with ENOTTY. If no_partscan is set, BLKRRPART
	 * fails with EINVAL.
	 */
	bool no_geometry, no_partscan;
	/* If minors is 1, partition N has the number (BLOCK_EXT_MAJOR, ext_first + N). */
	u32 ext_first;
	/* Number of the medium, unique since boot. */
	u64 diskseq;
	/* Writeback and readahead settings; set by add_disk(). */
	struct backing_dev *bdi;
	struct block_device *part[16]; /* [0] is the whole disk */
	const char *serial;            /* /sys/block/DISK/serial, or NULL */
	/*
	 * Name of the disk's file on the host, "" for a file without a name, or NULL for no file.
	 */
	const char *host_file;
	/*
	 * Maximum number of requests in progress in the driver; further submitters sleep. 0: no
	 * limit, since the driver queues requests and serves one at a time.
	 */
	u32 nr_requests;
	atomic_t under_way; /* number of requests, if limited */
	/*
	 * Number of requests in progress that change the disk, which are all except reads and
	 * flushes; atomic.
	 */
	atomic_t changes;
	/* Atomic. While true, no request that changes the disk begins; see queue_hold(). */
	bool held;
	/* Number of completed writes that bypassed the page caches of its devices; atomic. */
	u64 changed;
	/* Immutable: bytes that the driver needs in each bio, and for each of its vectors. */
	u32 driver_bytes, driver_vec_bytes;
	struct list_head list;
};
void queue_leave(struct bio *bio);         /* called when @bio has ended */
bool bio_is_joined(const struct bio *bio); /* true if several bios were merged into it */
/*
 * Holds the disk: new requests that change it wait, and do not count against nr_requests meanwhile,
 * since reads need that. Returns when earlier changes have ended. Flushes are not held.
 * queue_release() wakes up the waiters. disks_release() releases all held disks, for a power-off,
 * which cannot wait.
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
 * device's file (vfs/bdev/rw.c) call it, in tasks that may sleep, with tenant_lock held for
 * reading.
 */
struct bdev_tenant {
	/*
	 * Returns for which of the @nr (at most 32) blocks from @block on the tenant has newer
	 * contents than the disk; bit i is block + i.
	 */
	u32 (*newer)(void *arg, u64 block, u32 nr);
	/*
	 * Copies a block that newer() has reported. Leaves @to unchanged if the block is on the
	 * disk by now.
	 */
	void (*read)(void *arg, u64 block, u8 *to);
	/*
	 * Offers the write of @n bytes at byte @off of the block. Returns 1 if the tenant writes
	 * them to the disk, 0 if the caller must write them, or -errno.
	 */
	int (*write)(void *arg, u64 block, u32 off, const u8 *from, u32 n);
	/*
	 * Drops unused copies of the @nr blocks; the caller has written some of them to the disk.
	 */
	void (*written)(void *arg, u64 block, u32 nr);
	/* Writes data accepted by write() to the disk. Returns 0 or -errno. */
	int (*sync)(void *arg);
};
struct block_device {
	struct gendisk *disk;
	u32 partno; /* 0: the whole disk */
	dev_t dev;
	sector_t start, nr_sectors; /* range on the disk, in sectors */
	/* The device's inode, whose i_mapping is its page cache. */
	struct inode *inode;
	struct address_space *mapping;
	struct mutex lock; /* held over open and close */
	u32 openers;       /* opens in force; under lock */
	/*
	 * True for a removed partition, which cannot be opened. A new partition of that number
	 * reuses the struct and clears this.
	 */
	bool gone;
	/*
	 * BLKROSET has made the device read-only, and its partitions if it is the whole disk. It
	 * can still be opened for writing. Atomic.
	 */
	bool ro;
	/* Exclusive holder: a mounted file system, or an opener with O_EXCL; under claim_lock. */
	void *holder;
	/*
	 * Protects tenant, tenant_arg and tenant_block; outside all locks of the tenant except
	 * s_umount.
	 */
	struct rwsem tenant_lock;
	const struct bdev_tenant *tenant; /* NULL: none */
	void *tenant_arg;
	u32 tenant_block; /* bytes; divides PAGE_SIZE */
	/* Value of disk->changed up to which the mapping's clean pages are valid; atomic. */
	u64 cached_at;
	struct disk_stats stat;
};
/* True if writes to the device fail: the disk cannot be written, or BLKROSET forbids it. */
static inline bool bdev_read_only(const struct block_device *b)
{
	return b->disk->ro || READ_ONCE(b->disk->part[0]->ro) || READ_ONCE(b->ro);
}
/*
 * Adds the disk, reads its DOS or GPT partition table, creates the nodes in /dev. The driver has
 * filled in @d, which it keeps until del_gendisk().
 */
int add_disk(struct gendisk *d);
void del_gendisk(struct gendisk *d); /* removes the disk and its partitions */
/*
 * Withdraws the disk: it cannot be opened any more, but its struct stays. -EBUSY while it or a
 * partition is open. disk_return() adds it again, perhaps with another capacity.
 */
int disk_withdraw(struct gendisk *d);
int disk_return(struct gendisk *d);
/*
 * Sets the size of the disk, and drops cached pages beyond it. Partitions stay, and udev is not
 * notified.
 */
void disk_set_capacity(struct gendisk *d, u64 sectors);
/* Removes the partitions and reads the table again; -EBUSY while a partition is in use. */
int disk_rescan(struct gendisk *d);
/* Removes the partitions, none of which may be open, and sets the capacity to 0. */
void disk_lose_medium(struct gendisk *d);
/*
 * Add, delete and resize a partition; positions in sectors. -EBUSY: it overlaps another, it is in
 * use, or the partition to add exists; -ENXIO: it or the disk does not exist; -EINVAL: not within
 * the disk, a number that the disk cannot have, or a resize with another start.
 */
int disk_add_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr);
int disk_del_partition(struct gendisk *d, u32 partno);
int disk_resize_partition(struct gendisk *d, u32 partno, sector_t start, u64 nr);
struct block_device *bdev_by_dev(dev_t dev); /* NULL if there is none */
/*
 * Parses a disk's number like "8:0 " in the syntax of control groups, and moves *text behind it.
 * -EINVAL: other text; -ENODEV: no such disk, or a partition.
 */
int disk_parse_number(char **text, dev_t *dev);
/* Finds a device by a name such as "ubda" or "ubda1". Returns NULL if there is none. */
struct block_device *bdev_by_name(const char *name);
int bdev_flush(struct block_device *b); /* sends REQ_FLUSH and waits */
/*
 * Discard or zero @nr sectors from sector @s on, and wait. -EOPNOTSUPP: the driver has no such
 * operation.
 */
int bdev_discard(struct block_device *b, sector_t s, u64 nr);
int bdev_write_zeroes(struct block_device *b, sector_t s, u64 nr);
/*
 * Reads or writes @n bytes, a multiple of 512, directly and synchronously, for metadata and
 * journals. @opf: REQ_*. @buf is in the direct map, aligned to 512 bytes.
 */
int bdev_rw(struct block_device *b, u32 opf, sector_t s, void *buf, size_t n);

/* True if parts of the disk may be in frames (an image mapped directly). */
static inline bool bdev_has_frames(const struct block_device *b)
{
	return b->disk->ops->frames && b->disk->has_frames;
}

/* Writes the name, such as "ubda1". Returns its length, which may exceed @size as snprintf()'s. */
int bdev_name(const struct block_device *b, char *buf, size_t size);
/* Operations on a device as a file; kernel/vfs/bdev registers the table before there are disks. */
struct disk_file_ops {
	/* Makes the inode whose page cache caches the device: 0 or -ENOMEM. */
	int (*create)(struct block_device *b);
	void (*resize)(struct block_device *b); /* b->nr_sectors has changed */
	/* Writes its page cache back and waits. Returns 0 or -errno. */
	int (*sync)(struct block_device *b);
};
extern const struct disk_file_ops *disk_file_ops;
/* Makes nodes in /dev; kernel/fs/devtmpfs registers the table before there are disks. */
struct dev_node_ops {
	int (*create)(const char *name, umode_t mode, dev_t dev); /* 0 or -errno */
	int (*remove)(const char *name);                          /* 0 or -errno */
};
extern const struct dev_node_ops *dev_node_ops;
/* Shows disks in /sys; kernel/fs/sysfs registers the table. */
struct disk_sysfs_ops {
	/* Shows a partition that was found for the first time after boot. */
	void (*part_appeared)(struct block_device *b);
	/* Implements disk_event(). */
	void (*event)(struct block_device *b, const char *action);
};
extern const struct disk_sysfs_ops *disk_sysfs_ops;
/*
 * Notifies udev that a device was added, removed or changed; @action is "add", "remove" or
 * "change".
 */
void disk_event(struct block_device *b, const char *action);
/* Reports a changed or removed medium as "change", with a new diskseq. */
void disk_changed(struct gendisk *d);

/*
 * Write line @i of /proc/diskstats, of /proc/partitions, and of the block devices of /proc/devices.
 * Return its length without the NUL; 0 past the last line.
 */
int diskstats_line(int i, char *buf, size_t size);
int partitions_line(int i, char *buf, size_t size);
int blkdev_major_line(int i, char *buf, size_t size);

#endif
