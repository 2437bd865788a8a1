/* SPDX-License-Identifier: MIT */
/*
 * squashfs.h: declarations that the files of the squashfs driver share.
 *
 *	super.c  mount, options, statfs; tables of ids
 *	block.c  from the device: raw bytes, decompression, work spaces
 *	cache.c  decoded metadata and fragment blocks; cursors
 *	inode.c  inodes from the disk, file handles
 *	dir.c    lookup, readdir
 *	file.c   lists of blocks, pages
 *	xattr.c  attributes
 *
 * The contents of the disk are untrusted: a number is checked before it is used. A chain of
 * metadata blocks only leads forward and ends where its table ends, so every walk over it ends.
 * Damage gives -EIO. sqfs_error() logs it, at a limited rate, and panics with errors=panic. The
 * disk is never written to, so pages, inodes and decoded blocks may be dropped at any time.
 *
 * Functions that read the disk may sleep. Positions are bytes on the device.
 */
#ifndef NESTLING_SQUASHFS_H
#define NESTLING_SQUASHFS_H

#include "kernel/block/block.h"
#include "kernel/fs/squashfs/disk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/super.h"

/* ---- decoded blocks ---- */

struct sqfs_cached {
	struct hlist_node hash;
	struct list_head lru; /* in sqfs_cache.lru while refs is 0 */
	u64 pos;              /* on the device, in bytes */
	u64 next;             /* position of the next metadata block */
	u32 len;              /* bytes of @data */
	u32 refs;             /* under sqfs_cache.lock */
	bool pending;         /* a task is filling the block */
	int err;              /* if filling failed: -errno; else 0 */
	u8 *data;
};
#define SQFS_CACHE_HASH 64
struct sqfs_cache {
	/*
	 * Protects all but the blocks' data. While pending is set, only the task that fills the
	 * block uses its data, which is constant afterwards.
	 */
	spinlock_t lock;
	struct wait_queue_head wait;
	struct hlist_head hash[SQFS_CACHE_HASH];
	struct list_head lru; /* unused blocks, oldest first */
	u32 nr, max;          /* blocks: allocated, and at most */
	u32 size;             /* bytes allocated for each block */
};

/* Work space: the buffers of one decompression. */
struct sqfs_space {
	struct list_head list;
	/* for a compressed block, and the rest of its first and last sector */
	u8 *in;
	/* for a decoded block whose pages are not contiguous in memory */
	u8 *out;
};

struct sqfs_sb {
	struct super_block *sb;
	u32 kind; /* DECOMPRESS_* */
	/* Bytes of a data block, and log2 of that. */
	u32 block_size, block_log;
	/* bytes_used: size of the file system in bytes. The others are positions on the device. */
	u64 bytes_used, inode_table, directory_table, directory_end, fragment_table, export_table;
	u64 xattr_table, xattr_start;             /* SQFS_NONE64: no xattrs */
	u32 xattr_ids, inodes, fragments, nr_ids; /* numbers of entries */
	u32 *ids;                                 /* @nr_ids uids and gids; immutable */
	bool panics;                              /* errors=panic */
	u32 threads;                              /* threads=; 0: number of vCPUs + 1 */
	struct sqfs_cache meta, fragment;
	spinlock_t space_lock; /* spaces, nr_spaces, max_spaces */
	struct list_head spaces;
	u32 nr_spaces, max_spaces;
	struct wait_queue_head space_wait;
	u64 said; /* ktime (ns) of the last message */
};

/* The part of a file's list of block lengths that was used last (file.c). */
struct sqfs_list;

struct sqfs_inode {
	struct inode vfs;
	u32 xattr;  /* index of its xattrs, or SQFS_NONE32 */
	u32 parent; /* a directory's parent: inode number */
	/*
	 * Position (block on the device, offset in the decoded block) of the metadata that follows
	 * the inode: a file's list of block lengths, or a directory's index.
	 */
	u64 more_block;
	u32 more_offset;
	u32 indices; /* entries of a directory's index */
	/*
	 * Position of a file's first block, or of the metadata block in which a directory's listing
	 * begins.
	 */
	u64 start;
	u64 fragment_pos; /* position of the fragment block */
	/*
	 * fragment_size: length of the fragment block on disk, with SQFS_BLOCK_PLAIN. offset: byte
	 * of the decoded block at which the tail end, or a directory's listing, begins.
	 */
	u32 fragment_size, offset;
	bool has_fragment;
	u32 listing; /* bytes of the directory's listing */
	struct mutex list_lock;
	struct sqfs_list *list; /* under list_lock */
};

static inline struct sqfs_sb *SQFS_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}
static inline struct sqfs_inode *SQFS_I(const struct inode *inode)
{
	return container_of(inode, struct sqfs_inode, vfs);
}

/*
 * super.c: reports damage: logs @what and @where, at a limited rate, or panics with errors=panic.
 * Returns -EIO.
 */
int sqfs_error(struct sqfs_sb *s, const char *what, u64 where);

/* ---- block.c ---- */
/* Allocates one work space, and sets the limit of their number. Returns 0 or -ENOMEM. */
int sqfs_spaces_init(struct sqfs_sb *s);
void sqfs_spaces_free(struct sqfs_sb *s);
/*
 * Returns a work space for the caller alone, until sqfs_space_put(). Waits if all are in use, so a
 * task may hold only one.
 */
struct sqfs_space *sqfs_space_get(struct sqfs_sb *s);
void sqfs_space_put(struct sqfs_sb *s, struct sqfs_space *w);
/* Reads @n bytes at @pos of the device through its page cache. For tables. Returns 0 or -errno. */
int sqfs_read_cached(struct sqfs_sb *s, u64 pos, void *buf, u32 n);
/*
 * Decodes the metadata block at @pos into @out (SQFS_META_SIZE bytes). Returns the number of
 * decoded bytes or -errno. *next: position of the next block.
 */
long sqfs_decode_meta(struct sqfs_sb *s, u64 pos, u8 *out, u64 *next);
/*
 * Decodes the data block at @pos into @out, at most @max bytes, in the work space @w of the caller.
 * @size: its length on disk, with the flag SQFS_BLOCK_PLAIN. Returns the number of decoded bytes or
 * -errno.
 */
long sqfs_decode_data(struct sqfs_sb *s, struct sqfs_space *w, u64 pos, u32 size, u8 *out, u32 max);

/* ---- cache.c ---- */
/*
 * Initialises the zeroed @c as a cache of at most @max blocks of @size bytes, which are allocated
 * when they are needed.
 */
void sqfs_cache_init(struct sqfs_cache *c, u32 max, u32 size);
/* Frees the blocks, none of which is in use. */
void sqfs_cache_free(struct sqfs_cache *c);
/*
 * Returns the decoded fragment block at @pos, referenced until sqfs_cached_put(), or ERR_PTR. @size
 * as for sqfs_decode_data().
 */
struct sqfs_cached *sqfs_fragment_get(struct sqfs_sb *s, u64 pos, u32 size);
void sqfs_cached_put(struct sqfs_cache *c, struct sqfs_cached *b);
/* A position in a chain of metadata blocks that ends before @end. */
struct sqfs_cursor {
	u64 block, end;
	u32 offset;
};
/* Reads the next @n bytes, or skips them if @buf is NULL, and moves @c. Returns 0 or -errno. */
int sqfs_read(struct sqfs_sb *s, struct sqfs_cursor *c, void *buf, u64 n);
/*
 * Reads entry @index of a table whose entries have @size bytes. @table: position of the list of the
 * table's metadata blocks. Returns 0 or -errno.
 */
int sqfs_read_entry(struct sqfs_sb *s, u64 table, u64 index, u32 size, void *buf);

/* ---- inode.c ---- */
/*
 * Returns the inode @number with a reference, or ERR_PTR. If it is not in memory, reads it at
 * @place (block << 16 | offset in the table of inodes): -EIO if that inode has another number. If
 * it is in memory, @place is not checked. @number 0: the number is read at @place.
 */
struct inode *sqfs_iget(struct super_block *sb, u64 place, u32 number);
/*
 * Return the inode with the number @ino, or of @dir's parent, with a reference, or ERR_PTR.
 * -ESTALE: there is no such inode, or @generation is not 0.
 */
struct inode *sqfs_handle_inode(struct super_block *sb, u64 ino, u32 generation);
struct inode *sqfs_parent_inode(struct inode *dir);
int sqfs_inode_cache_init(void);
struct inode *sqfs_alloc_inode(struct super_block *sb);
void sqfs_free_inode(struct inode *inode);
void sqfs_evict_inode(struct inode *inode);

/* ---- file.c, dir.c, xattr.c ---- */
/* Returns the number of data blocks of a file, without a tail end in a fragment. */
u64 sqfs_nr_blocks(const struct sqfs_inode *si);
void sqfs_list_free(struct sqfs_list *l);
extern const struct address_space_operations sqfs_aops;
extern const struct file_operations sqfs_file_fops, sqfs_dir_fops;
extern const struct inode_operations sqfs_file_iops, sqfs_dir_iops, sqfs_symlink_iops;
int sqfs_xattr_open(struct sqfs_sb *s); /* at mount: 0 or -errno */
ssize_t sqfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
ssize_t sqfs_listxattr(struct inode *inode, char *buf, size_t size);

#endif
