/* SPDX-License-Identifier: MIT */
/*
 * dir.h: directories of ext4: blocks of entries (dir.c), the index over them (htree.c), the hash of
 * names (hash.c). A directory's i_rwsem is held. For the rest see the head of ext4.h.
 */
#ifndef NESTLING_EXT4_DIR_H
#define NESTLING_EXT4_DIR_H

#include "kernel/fs/ext4/ext4.h"

/*
 * Sets the checksum of a changed leaf and adds it to the transaction. Puts the leaf of an inline
 * directory back into the inode. Returns 0 or -errno.
 */
int ext4_leaf_dirty(struct ext4_handle *h, struct inode *dir, struct ext4_buf *b);
bool ext4_dir_indexed(const struct inode *dir); /* True with EXT4_INDEX_FL */
extern const u8 ext4_dtype_of[8];               /* file type on disk to DT_* */
/* True if the entry at @off of @block is well-formed and ends at or before @end. */
bool ext4_entry_ok(const struct ext4_sb *sbi, const u8 *block, u32 off, u32 end);
/*
 * Returns block @lblk of a directory, checked. Returns NULL for a hole, and ERR_PTR on failure
 * (-EINTR if a fatal signal interrupts the walk over a damaged directory).
 */
struct ext4_buf *ext4_dir_block(struct inode *dir, u32 lblk);
/* Returns the length in bytes that the entry takes in its block, unchecked. */
u32 ext4_rec_len(const struct ext4_sb *sbi, const struct ext4_dir_entry *de);
u32 ext4_dir_nr_blocks(const struct inode *dir);
/* Returns the entry in the leaf's block, or NULL. The leaf was checked. */
struct ext4_dir_entry *ext4_leaf_find(
	const struct ext4_sb *sbi, u8 *block, const struct qstr *name);
void ext4_dir_set_csum(struct inode *dir, struct ext4_buf *b); /* of a leaf, before ext4_dirty() */
u32 ext4_dir_space(const struct ext4_sb *sbi);                 /* bytes for entries in a leaf */
/*
 * Finds a name. Returns its block and sets *de to its entry. Returns NULL if the name does not
 * exist, and ERR_PTR on failure.
 */
struct ext4_buf *ext4_dir_find(
	struct inode *dir, const struct qstr *name, struct ext4_dir_entry **de);
/* Adds an entry for a name that does not exist yet, and writes the directory's inode. */
int ext4_dir_add(
	struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, umode_t mode);
/* Removes the entry that ext4_dir_find() has returned in @b and @de. The caller keeps @b. */
int ext4_dir_remove(
	struct ext4_handle *h, struct inode *dir, struct ext4_buf *b, struct ext4_dir_entry *de);
/* Adds an entry if this leaf has room (else -ENOSPC). Does not look whether the name exists. */
int ext4_leaf_add(struct ext4_handle *h, struct inode *dir, struct ext4_buf *b,
	const struct qstr *name, u32 ino, umode_t mode);
struct ext4_buf *ext4_link_block(struct inode *inode); /* for a long symlink; ERR_PTR */
/*
 * Adds a zeroed block, *lblk, to the directory and raises its i_size. The caller fills it and calls
 * ext4_dirty(). -ENOSPC also if the directory is as large as it may be.
 */
struct ext4_buf *ext4_dir_append(
	struct ext4_handle *h, struct inode *dir, u32 *lblk); /* ERR_PTR on failure */
/* Makes the block an empty leaf, which has an unused entry and the tail. */
void ext4_leaf_init(struct ext4_sb *sbi, struct ext4_buf *b);
/*
 * htree.c: Do what ext4_dir_find() and ext4_dir_add() do, by the index. Return -ENOENT if the index
 * cannot be used. The caller then searches block by block.
 */
struct ext4_buf *ext4_htree_find(
	struct inode *dir, const struct qstr *name, struct ext4_dir_entry **de);
int ext4_htree_add(
	struct ext4_handle *h, struct inode *dir, const struct qstr *name, u32 ino, umode_t mode);
/*
 * Calls @take for the leaf that has names of hash @from, and for each following leaf as long as it
 * continues names of a hash of the leaf before, or no name was taken. @take returns the total
 * number of names so far, or -errno. *next: the first hash of the next leaf, or ~0 if there is
 * none. Returns 0 or -errno: -ENOENT if the index cannot be used.
 */
int ext4_htree_leaves(struct inode *dir, u32 from,
	int (*take)(void *arg, u32 version, const struct ext4_buf *leaf, u32 lblk), void *arg,
	u32 *next);
/* Sets the checksum of the index's root block, after a change of ".." in the block. */
void ext4_htree_root_csum(struct inode *dir, struct ext4_buf *root);
/* Makes an index for a directory of one full leaf. Returns 0 or -errno. */
int ext4_htree_make(struct ext4_handle *h, struct inode *dir);
/*
 * hash.c: Computes the hash of a name of @len bytes in the given version, and 32 more bits unless
 * @minor is NULL. Returns 0 or -EINVAL (unknown version). Does not sleep.
 */
int ext4_dirhash(
	const struct ext4_sb *sbi, u32 version, const char *name, u32 len, u32 *hash, u32 *minor);
/* Returns the hash version for a directory that has no index yet. */
static inline u32 ext4_hash_version(const struct ext4_sb *sbi)
{
	return sbi->disk.s_def_hash_version <= 2 ? sbi->disk.s_def_hash_version : 1;
}

#endif
