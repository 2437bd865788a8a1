/* SPDX-License-Identifier: MIT */
/*
 * fat.h: declarations that the files of the driver for vfat and msdos share.
 *
 *	super.c   boot sector, mount, FSINFO, dirty bit
 *	table.c   the FAT: allocates, frees and finds clusters; runs of a file
 *	option.c  mount options
 *	name.c    characters, short names
 *	dir.c     slots: walking, adding, removing
 *	namei.c   lookup, create, remove, rename
 *	inode.c   inodes and times
 *	file.c    pages, sizes
 *
 * The whole disk, including the contents of files, is read and written through the page cache of
 * the device. One device page may hold a sector of the FAT, a directory and a piece of a file, so a
 * second cache of the disk would be inconsistent. A file's pages are copies; writeback copies them
 * into the device's pages.
 *
 * The contents of the disk are untrusted: a cluster number outside the disk, a circular chain, and
 * a chain of more clusters than the disk has give -EIO.
 *
 * Functions may sleep. Those of type int return 0 or -errno, unless their comment says more.
 *
 * Locks: i_rwsem of directories and files (vfs), then fat_inode.lock (its runs), then fat_sb.lock
 * (the FAT, the count of free clusters). fat_sb.entry_lock protects fat_inode.slot_at against
 * writeback; inside it only device pages are locked. hash_lock is an innermost lock.
 */
#ifndef NESTLING_FAT_H
#define NESTLING_FAT_H

#include "kernel/block/block.h"
#include "kernel/fs/fat/disk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/super.h"

#define FAT_FIRST 2U /* number of the first cluster */
#define FAT_HASH 256
#define FAT_MAX_DIR (2U << 20) /* bytes of the largest directory */
#define FAT_ROOT_INO 1
#define FAT_DOTS_DIR 2 /* positions that "." and ".." take */

/* The mount options (option.c). */
struct fat_options {
	kuid_t uid;
	kgid_t gid;
	u32 fmask, dmask;
	bool utf8, quiet, showexec, panics, goes_on;
	enum { FAT_MIXED, FAT_LOWER, FAT_WIN95, FAT_WINNT } shortname;
};

struct fat_sb {
	struct super_block *sb;
	bool vfat;
	u32 bits;                                    /* of a FAT entry: 12, 16, 32 */
	u32 sector_size, cluster_size, cluster_bits; /* bytes; log2 of cluster_size */
	/* In bytes: positions on the device, and the size of one FAT. */
	u64 fat_at, fat_size, root_at, data_at;
	u32 fats, active;        /* copies; number of the copy that is read */
	bool mirrored;           /* True if all copies are written */
	u32 root_size;           /* FAT12, FAT16: bytes of the root */
	u32 root_cluster;        /* FAT32: first cluster of the root */
	u32 end;                 /* number of the last cluster + 1 */
	u64 fsinfo_at, state_at; /* byte positions; 0: none */
	/*
	 * was_dirty: the dirty bit was set at mount, or damage was found since. marked:
	 * begin_writing() has succeeded, and end_writing() has not run since.
	 */
	bool was_dirty, marked;
	struct mutex lock;
	/*
	 * free: number of free clusters, valid if @counted. hint: the cluster at which a search for
	 * a free one begins. Under lock.
	 */
	u32 free, hint;
	bool counted;
	struct mutex entry_lock;
	spinlock_t hash_lock;
	struct hlist_head hash[FAT_HASH]; /* inodes, by slot_at; under hash_lock */
	u64 next_ino;                     /* under hash_lock */
	u64 said;                         /* ktime (ns) of the last damage message */
	struct fat_options opt;           /* a remount replaces it */
};

struct fat_run {
	/*
	 * The @n consecutive clusters of the device from cluster @at on have the indexes from @from
	 * on in the chain of the file.
	 */
	u32 from, at, n;
};
struct fat_inode {
	struct inode vfs;
	struct mutex lock;
	u32 start; /* first cluster; 0: none; under lock */
	/* The known beginning of the chain: nr_runs runs, with memory for room; under lock. */
	struct fat_run *runs;
	u32 nr_runs, room;
	bool whole; /* True if @runs has the whole chain */
	/*
	 * To detect a circular chain: @passed is a cluster that must not occur again, @passed_at
	 * the number of clusters before it.
	 */
	u32 passed, passed_at;
	/*
	 * Byte position of the short slot on the device. 0: the root, or a removed file. Under
	 * entry_lock and hash_lock.
	 */
	u64 slot_at;
	u64 dir_ino; /* inode number of its directory */
	/* fat_name_hash() of its long and of its short name. */
	u32 name_hash[2];
	u8 attr;
	/* Count of the device's writeback errors up to which fat_note_lost() has reported them. */
	u32 dev_errors;
	struct hlist_node hash;
};

static inline struct fat_sb *FAT_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}
static inline struct fat_inode *FAT_I(const struct inode *inode)
{
	return container_of(inode, struct fat_inode, vfs);
}

static inline bool sb_is_rdonly(const struct super_block *sb)
{
	return READ_ONCE(sb->s_flags) & SB_RDONLY;
}

/*
 * super.c: reports damage: logs @what and @where, at a limited rate, and acts as errors= says (by
 * default the file system becomes read-only; it may panic). Returns -EIO. Takes no lock.
 */
int fat_error(struct fat_sb *s, const char *what, u64 where);
/* Parses the options in @data, which it overwrites, into @o. Returns 0 or -EINVAL. */
int fat_parse_options(struct super_block *sb, struct fat_options *o, char *data);
/* Prints the options to @buf as ",word,key=value". Returns the length. */
int fat_show_options(struct super_block *sb, char *buf, size_t size);

/*
 * table.c: writes @n bytes at byte @at of the device, into its page cache. -EIO: the range ends
 * beyond the device.
 */
int fat_write(struct fat_sb *s, u64 at, const void *buf, size_t n);
/* Returns the byte position of @cluster, which is in range, on the device. */
u64 fat_cluster_at(const struct fat_sb *s, u32 cluster);
/* Counts the free clusters, if that is not done yet. fat_sb.lock is held. */
int fat_count_free(struct fat_sb *s);
/*
 * Maps the bytes of the file from @pos on that are contiguous on the device, at most *n, which is
 * not 0. Sets *at to their position on the device and *n to their number. -ENODATA: the chain ends
 * before @pos. This function and the three that follow take fat_inode.lock.
 */
int fat_map(struct fat_inode *fi, u64 pos, u64 *at, u64 *n);
/*
 * Allocate the clusters that a file of @bytes bytes lacks, and free those that it does not need.
 * -ENOSPC changes nothing. i_size is left alone, i_blocks is set.
 */
int fat_grow(struct fat_inode *fi, u64 bytes);
int fat_shrink(struct fat_inode *fi, u64 bytes);
/* Returns the length of the chain of clusters in bytes. Sets *err to 0, or to -errno on failure. */
u64 fat_chain_bytes(struct fat_inode *fi, int *err);
/* Frees the runs of an inode that no other task uses. */
void fat_forget_runs(struct fat_inode *fi);

/* ---- name.c ---- */
/* A name in UTF-16, not terminated: @n units, at most 255. */
struct fat_name {
	u16 units[256];
	u32 n;
};
/*
 * Parses a component of a path. Returns 0, -EINVAL (not allowed as a name), -ENOENT (only dots) or
 * -ENAMETOOLONG.
 */
int fat_name_parse(const struct fat_sb *s, const struct qstr *q, struct fat_name *name);
/* Converts a name to the form that programs see, at @to, without a NUL. Returns its length. */
u32 fat_name_put(
	const struct fat_sb *s, const u16 *units, u32 n, char *to); /* bytes, at most NAME_MAX */
/* Hash a name, and compare two names (true if they are equal). Both ignore case. */
u32 fat_name_hash(const u16 *units, u32 n);
bool fat_name_same(const u16 *a, u32 an, const u16 *b, u32 bn);
/* Stores the short name of @d, such as "readme.txt", in @units. Returns the number of units. */
u32 fat_short_units(
	const struct fat_sb *s, const struct fat_slot *d, u16 units[12]); /* in UTF-16 units */
/* Returns the checksum of a short name, which its long slots contain. */
u8 fat_short_sum(const u8 name[11]);
/*
 * Makes the short name for @name, padded with blanks, with its case flags *lcase. Returns true if
 * both represent the whole name, and false if the name needs a long name too, and the short name a
 * tail.
 */
bool fat_short_make(const struct fat_sb *s, const struct fat_name *name, u8 to[11], u8 *lcase);
/*
 * Appends a tail such as ~1 to the base name, a different one for each value of @tries. @hash:
 * fat_name_hash() of the long name.
 */
void fat_short_tail(u8 name[11], u32 tries, u32 hash);

/* ---- dir.c ---- */
struct fat_entry {
	/* byte offsets in the directory: of the entry's first slot, and of its short slot */
	u32 first, off;
	u64 at; /* position of the short slot on the device */
	struct fat_slot slot;
	bool has_long;
	struct fat_name name; /* long name, or displayed short name */
	u16 short_units[12];
	u32 short_n;
};
/*
 * Reads the entry at or after byte *off of the directory into @e, and moves *off to the next slot.
 * Returns 1, 0 at the end, or -errno. The caller of this and the following functions holds @dir's
 * i_rwsem.
 */
int fat_next(struct inode *dir, u32 *off,
	struct fat_entry *e); /* complete only if the result is 1 (entry) */
/* Looks for @name without regard to case, and sets *e. */
int fat_find(struct inode *dir, const struct fat_name *name,
	struct fat_entry *e); /* 0, -ENOENT or another -errno */
/*
 * Adds slots for @name, with the other fields from @slot. @e becomes the new entry. -ENOSPC,
 * -EEXIST: no short name is left.
 */
int fat_add(struct inode *dir, const struct fat_name *name, const struct fat_slot *slot,
	struct fat_entry *e);
/* Marks the slots of @e as deleted. The clusters stay. */
int fat_take_away(struct inode *dir, const struct fat_entry *e);
int fat_is_empty(struct inode *dir); /* 0, -ENOTEMPTY, or another -errno */
extern const struct file_operations fat_dir_fops;

/* ---- inode.c, namei.c, file.c ---- */
extern const struct inode_operations fat_dir_iops, fat_file_iops;
extern const struct file_operations fat_file_fops;
extern const struct address_space_operations fat_aops;
extern const struct dentry_operations fat_dops;
int fat_inode_cache_init(void);
struct inode *fat_alloc_inode(struct super_block *sb);
void fat_free_inode(struct inode *inode);
void fat_evict_inode(struct inode *inode);
int fat_write_inode(struct inode *inode, bool sync);
/* Returns the inode of the root with a reference, or ERR_PTR. */
struct inode *fat_root(struct super_block *sb);
/* Returns the inode of @e with a reference, or ERR_PTR. @dir's i_rwsem is held. */
struct inode *fat_iget(struct inode *dir, const struct fat_entry *e);
/* Returns the inode number that readdir shows for the short slot at byte @at of the device. */
u64 fat_known_ino(struct fat_sb *s, u64 at);
/*
 * Gives a new inode, for the short slot at byte @at, its number, and hashes it with I_NEW. Returns
 * 0.
 */
int fat_number(struct inode *inode, u64 at);
/* Fills in @inode from its slot: all but a directory's size. */
void fat_fill(struct inode *inode, const struct fat_slot *d);
/*
 * Record that @inode has the slots of @e in @dir, or (fat_detach()) that it has no slots any more.
 * Take entry_lock and hash_lock.
 */
void fat_attach(struct inode *inode, struct inode *dir, const struct fat_entry *e);
void fat_detach(struct inode *inode);
/* Copies the times of @inode to @d, rounded as FAT stores them. */
void fat_slot_times(struct fat_slot *d, const struct inode *inode);
int fat_setattr(struct dentry *d, struct iattr *attr);
/* Appends zeros up to @size bytes. i_rwsem is held. -EFBIG from 4 GiB on. */
int fat_extend(struct inode *inode, loff_t size);
/* Stores the number of the first cluster in @d. Returns 0. */
int fat_set_start(struct fat_slot *d, u32 start);
/* Called after sync_blockdev(): lets @inode report errors of the device's writeback. */
void fat_note_lost(struct inode *inode);
int fat_fsync(struct file *f, loff_t start, loff_t end, bool datasync);
int fat_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags);

#endif
