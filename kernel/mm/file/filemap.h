/* SPDX-License-Identifier: MIT */
/*
 * filemap.h: the page cache: find, add, dirty, write back and drop the cached pages of a file.
 *
 * A page is found with a reference (find_get_page(), read_cache_page()) or also locked
 * (find_lock_page(), grab_cache_page()). set_page_dirty() notes a write; writeback takes the page
 * by next_dirty_page(), clear_page_dirty_for_io() and set_page_writeback(), and ends with
 * end_page_writeback(). Errors of writeback wait in the mapping (mapping_set_error()) for fsync.
 */
#ifndef NESTLING_MM_FILEMAP_H
#define NESTLING_MM_FILEMAP_H

#include "kernel/lib/types.h"

struct address_space;
struct file;
struct iov_iter;
struct page;

/*
 * Page cache: find returns a page with a reference, or NULL; grab finds or adds it, locked; read
 * makes it uptodate, with a reference, or ERR_PTR.
 */
struct page *find_get_page(struct address_space *m, u64 index);
struct page *find_lock_page(struct address_space *m, u64 index);
struct page *grab_cache_page(struct address_space *m, u64 index);
u32 find_get_pages(struct address_space *m, u64 index, u64 end, u32 nr,
	struct page **pages); /* ascending, how many */
/*
 * Collects the pages from @pos on, at most @nr, up to the first that is missing, or fewer: their
 * number. For a caller that copies from @pos at once.
 */
u32 find_get_run(struct address_space *m, u64 pos, u32 nr, struct page **pages);
struct page *read_cache_page(struct address_space *m, u64 index, struct file *file);
/*
 * Returns a page of the cache for a write of @len bytes of it: locked, with a reference, not under
 * writeback, and read in unless the write replaces all of it (@len is PAGE_SIZE). ERR_PTR.
 */
struct page *page_for_write(struct address_space *m, u64 index, u32 len, struct file *file);
/* Inserts a locked new page (takes a reference): 0, -EEXIST, -ENOMEM. */
int add_to_page_cache(struct page *p, struct address_space *m, u64 index);
void delete_from_page_cache(struct page *p); /* locked; drops the cache's reference */
/* Marks a page dirty and calls mark_inode_dirty(). Returns true if the page was clean. */
bool set_page_dirty(struct page *p);
/*
 * Clears the dirty mark and write-protects the page's mappings. Returns true if the page was dirty.
 */
bool clear_page_dirty_for_io(struct page *p);
void set_page_writeback(struct page *p);
/*
 * Removes patched call sites from a locked page that was or will be written to. Only needed while
 * it is PG_patched.
 */
void page_text_changed(struct page *p);
/* Drops pages from @start (bytes) on, zeroing the tail of a partial page; unmaps them first. */
void truncate_inode_pages(struct address_space *m, loff_t start);
void truncate_inode_pages_range(
	struct address_space *m, loff_t start, loff_t end); /* end inclusive */
/* Unmaps and drops pages beyond @size, which i_size has changed to. */
void truncate_pagecache(struct address_space *m, loff_t size);
/*
 * Zeroes what mappings have written behind i_size, @size, in its last page, before i_size grows. No
 * page of the file is locked.
 */
void pagecache_zero_tail(struct address_space *m, loff_t size);
void unmap_mapping_range(struct address_space *m, u64 first_index, u64 nr); /* nr 0: to the end */
/* Drops clean pages not in use (drop_caches, DONTNEED, O_DIRECT); number dropped. */
u64 invalidate_mapping_pages(struct address_space *m, u64 start, u64 end);
/*
 * Drops pages [start, end] (indexes), mapped or not, unless they are dirty: 0, or -EBUSY when some
 * had to stay. Waits for write-back.
 */
int drop_clean_pages(struct address_space *m, u64 start, u64 end);
/* Finds the next dirty page at or after *index (<= end), with a reference; sets *index past it. */
struct page *next_dirty_page(struct address_space *m, u64 *index, u64 end);
bool mapping_has_dirty(struct address_space *m);
void mapping_set_error(struct address_space *m, int err);
/*
 * Errors of writeback, once per open file: open stores mapping_wb_sample(m) in the file; fsync,
 * msync and sync_file_range return mapping_wb_check(m, &file's), which is the newest error since,
 * or 0. An unreported error is reported to a later opener.
 */
u32 mapping_wb_sample(struct address_space *m);
int mapping_wb_check(struct address_space *m, u32 *since);
/*
 * Allocates pages [index, index+nr) in contiguous frames and adds them to the cache, locked, up to
 * the first that is there already. For a_ops->readahead. @pages gets them, each with a reference
 * for the caller. Returns their number.
 */
u32 page_cache_alloc_run(struct address_space *m, u64 index, u32 nr, struct page **pages);
/*
 * direct.c: Called before the content of a locked page of the cache is changed. Returns that page
 * or, for a frame that can only be read, a locked copy in its place, to which the reference moves.
 * ERR_PTR(-ENOMEM or -EIO): @p is unlocked and put.
 */
struct page *cache_page_own(struct page *p);
/* Returns the number of frames in the cache that cost no memory of the guest's. */
u64 nr_direct_pages(void);
/*
 * Read and write through the cache: the usual read_iter and write_iter of disk files and tmpfs.
 * They return bytes or -errno, and advance *pos.
 */
ssize_t filemap_read(struct file *f, struct address_space *m, struct iov_iter *to, loff_t *pos);
ssize_t filemap_write(struct file *f, struct address_space *m, struct iov_iter *from, loff_t *pos);
int filemap_write_and_wait_range(struct address_space *m, loff_t start, loff_t end);
int filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end);
void force_readahead(struct address_space *m, struct file *f, u64 index, u64 nr);
/*
 * Writes all dirty pages of every mapping out (sync; vfs writes the inodes and file systems by
 * itself).
 */
void sync_mappings(bool wait);
/* Stops a writer while too much is dirty. */
void balance_dirty_pages(struct address_space *m);
u64 nr_dirty_pages(void);

#endif
