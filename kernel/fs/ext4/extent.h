/* SPDX-License-Identifier: MIT */
/* extent.h: declarations that extent.c (lookup) and extent_write.c (changes) share. */
#ifndef NESTLING_EXT4_EXTENT_H
#define NESTLING_EXT4_EXTENT_H

#include "kernel/fs/ext4/ext4.h"

static inline u64 idx_block(const struct ext4_extent_idx *x)
{
	return x->ei_leaf_lo | ((u64)x->ei_leaf_hi << 32);
}
static inline u64 extent_start(const struct ext4_extent *e)
{
	return e->ee_start_lo | ((u64)e->ee_start_hi << 32);
}
static inline u32 extent_len(const struct ext4_extent *e)
{
	return e->ee_len <= EXT4_INIT_MAX_LEN ? e->ee_len : e->ee_len - EXT4_INIT_MAX_LEN;
}
static inline bool extent_unwritten(const struct ext4_extent *e)
{
	return e->ee_len > EXT4_INIT_MAX_LEN;
}
/*
 * Checks a node that should have @depth: its structure at each call, its checksum once. Returns 0
 * or -errno.
 */
int ext4_extent_verify(struct inode *inode, struct ext4_buf *b, int depth);
/*
 * Returns the index of the last entry that begins at or before @lblk, or 0 if there is none. Index
 * and leaf entries have the same first word.
 */
u32 ext4_extent_find(const struct ext4_extent_header *h, u32 lblk);

/*
 * Stops the handle, whose transaction is full, and starts another in a new transaction. Writes the
 * inode before that. i_data_sem is held for writing, and dropped meanwhile. Returns 0, or -errno:
 * *h is then NULL.
 */
int ext4_restart(struct ext4_handle **h, struct inode *inode);

/* ---- indirect.c: files without extents ---- */
/* As ext4_map_create(), for one block: sets map->len to 1. */
int ext4_ind_create(struct ext4_handle *h, struct inode *inode, struct ext4_map *map);
/* As ext4_remove_space(). @last ~0U: to the end. */
int ext4_ind_remove(struct ext4_handle **h, struct inode *inode, u32 from, u32 last);

#endif
