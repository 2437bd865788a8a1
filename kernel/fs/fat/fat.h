/* SPDX-License-Identifier: MIT */
/*
 * fat.h: between the files of the driver of vfat and msdos.
 *
 *	super.c   boot sector, mount, FSINFO, dirty bit
 *	table.c   the FAT: clusters taken, given back, found; runs of a file
 *	option.c  mount options
 *	name.c    characters, short names
 *	dir.c     slots: walking, adding, removing
 *	namei.c   lookup, create, remove, rename
 *	inode.c   inodes and times
 *	file.c    pages, sizes
 *
 * All of the disk, also the contents of files, is read and written through the page cache of the
 * device: a page of it may hold a sector of the FAT, a directory and a piece of a file at once, so
 * only one cache can be right. A file's pages are copies that are written into it.
 *
 * Everything on the disk is hostile: a chain is at most as long as there are clusters, a number
 * outside of them, or a ring, ends it with -EIO.
 *
 * Locks: i_rwsem of directories and files (vfs), then fat_inode.lock (its runs), then fat_sb.lock
 * (the FAT, the count of free clusters). fat_sb.entry_lock: where an inode's slot is, against
 * writeback; nothing but device pages within. hash_lock is a leaf.
 */
#ifndef NESTLING_FAT_H
#define NESTLING_FAT_H

#include "kernel/block/block.h"
#include "kernel/fs/fat/disk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/super.h"

#define FAT_FIRST 2U /* number of the first cluster */
#define FAT_HASH 256
#define FAT_MAX_DIR (2U << 20)
#define FAT_ROOT_INO 1
#define FAT_DOTS_DIR 2 /* positions of readdir before the slots */

struct fat_sb {
	struct super_block *sb;
	bool vfat;
	u32 bits; /* 12, 16, 32 */
	u32 sector_size, cluster_size, cluster_bits;
	u64 fat_at, fat_size, root_at, data_at; /* bytes on the device */
	u32 fats, active;                       /* copies; the one that is read */
	bool mirrored;
	u32 root_size;           /* FAT12, FAT16: bytes */
	u32 root_cluster;        /* FAT32 */
	u32 end;                 /* the number behind the last cluster */
	u64 fsinfo_at, state_at; /* 0: none */
	bool was_dirty, marked;
	struct mutex lock;
	u32 free, hint; /* under lock; free is right when counted */
	bool counted;
	struct mutex entry_lock;
	spinlock_t hash_lock;
	struct hlist_head hash[FAT_HASH]; /* inodes by their slot, under hash_lock */
	u64 next_ino;                     /* under hash_lock */
	u64 said;                         /* ktime of the last message of damage */
	/* options */
	kuid_t uid;
	kgid_t gid;
	u32 fmask, dmask;
	bool utf8, quiet, showexec, panics, goes_on;
	enum { FAT_MIXED, FAT_LOWER, FAT_WIN95, FAT_WINNT } shortname;
};

struct fat_run {
	/* first cluster of the file; its number on the device; number of clusters */
	u32 from, at, n;
};
struct fat_inode {
	struct inode vfs;
	struct mutex lock;
	u32 start; /* first cluster, 0: none; under lock */
	struct fat_run *runs;
	u32 nr_runs, room;
	bool whole; /* the runs go to the end of the chain */
	/* a cluster that the chain must not meet again; how many clusters came before it */
	u32 passed, passed_at;
	/*
	 * place of the short slot on the device, 0: the root, or removed; under entry_lock and
	 * hash_lock
	 */
	u64 slot_at;
	u64 dir_ino; /* of the directory it is in */
	/* hashes of its long and short name, whatever their case */
	u32 name_hash[2];
	u8 attr;
	/* errors of writeback of the device that were reported already: fat_note_lost() */
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

/* super.c: Reports damage and, by errors=, makes the file system read-only. Returns -EIO. */
int fat_error(struct fat_sb *s, const char *what, u64 where);
int fat_parse_options(struct super_block *sb, struct fat_sb *s, char *data);
int fat_show_options(struct super_block *sb, char *buf, size_t size);

/* ---- table.c ---- */
int fat_write(struct fat_sb *s, u64 at, const void *buf, size_t n); /* into the device's pages */
u64 fat_cluster_at(const struct fat_sb *s, u32 cluster);
int fat_count_free(struct fat_sb *s);
/*
 * Maps the bytes of the file from @pos on that lie in one piece, at most *n: sets *at and *n.
 * -ENODATA: the chain ends before them.
 */
int fat_map(struct fat_inode *fi, u64 pos, u64 *at, u64 *n);
int fat_grow(struct fat_inode *fi, u64 bytes);   /* the chain is long enough: 0, -ENOSPC */
int fat_shrink(struct fat_inode *fi, u64 bytes); /* and no longer than needed */
u64 fat_chain_bytes(struct fat_inode *fi, int *err);
void fat_forget_runs(struct fat_inode *fi);

/* ---- name.c ---- */
struct fat_name {
	u16 units[256];
	u32 n;
};
/* Parses a path's component: 0, -EINVAL (no name can be so) or -ENAMETOOLONG. */
int fat_name_parse(const struct fat_sb *s, const struct qstr *q, struct fat_name *name);
u32 fat_name_put(
	const struct fat_sb *s, const u16 *units, u32 n, char *to); /* bytes, at most NAME_MAX */
u32 fat_name_hash(const u16 *units, u32 n);
bool fat_name_same(const u16 *a, u32 an, const u16 *b, u32 bn);
u32 fat_short_units(
	const struct fat_sb *s, const struct fat_slot *d, u16 units[12]); /* as displayed */
u8 fat_short_sum(const u8 name[11]);
/*
 * Makes the short name for @name. Returns true if it holds the whole name, with *lcase, and false
 * if it needs a tail.
 */
bool fat_short_make(const struct fat_sb *s, const struct fat_name *name, u8 to[11], u8 *lcase);
void fat_short_tail(u8 name[11], u32 tries, u32 hash);

/* ---- dir.c ---- */
struct fat_entry {
	/* offset in the directory of the first slot; of the short one */
	u32 first, off;
	u64 at; /* of the short one on the device */
	struct fat_slot slot;
	bool has_long;
	struct fat_name name; /* long, or short as displayed */
	u16 short_units[12];
	u32 short_n;
};
int fat_next(struct inode *dir, u32 *off,
	struct fat_entry *e); /* 1, 0 at the end, -errno; *off: behind it */
int fat_find(struct inode *dir, const struct fat_name *name,
	struct fat_entry *e); /* 0, -ENOENT, -errno */
/* Adds slots for @name with the other data of @slot; @e: where it is now. */
int fat_add(struct inode *dir, const struct fat_name *name, const struct fat_slot *slot,
	struct fat_entry *e);
int fat_take_away(struct inode *dir, const struct fat_entry *e);
int fat_is_empty(struct inode *dir); /* 0, -ENOTEMPTY, -errno */
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
struct inode *fat_root(struct super_block *sb);
struct inode *fat_iget(struct inode *dir, const struct fat_entry *e); /* ERR_PTR */
u64 fat_known_ino(struct fat_sb *s, u64 at);                          /* of a slot, for readdir */
int fat_number(struct inode *inode, u64 at); /* a new inode into vfs's hash, with I_NEW */
void fat_fill(struct inode *inode, const struct fat_slot *d); /* all but the size of a directory */
void fat_attach(struct inode *inode, struct inode *dir, const struct fat_entry *e);
void fat_detach(struct inode *inode);
void fat_slot_times(struct fat_slot *d, const struct inode *inode);
int fat_setattr(struct dentry *d, struct iattr *attr);
int fat_extend(struct inode *inode, loff_t size); /* with zeros; i_rwsem held */
int fat_set_start(struct fat_slot *d, u32 start);
void fat_note_lost(struct inode *inode); /* behind sync_blockdev() */
int fat_fsync(struct file *f, loff_t start, loff_t end, bool datasync);
int fat_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags);

#endif
