/* SPDX-License-Identifier: MIT */
/*
 * table.c: the FAT (file allocation table), which has a chain of clusters for each file.
 *
 *	fat_map(fi, pos, &at, &n)   fat_grow(fi, bytes)   fat_shrink(fi, bytes)
 *
 * An entry holds the number of the next cluster: 0 means free, 1 and numbers beyond the disk are
 * errors, and the highest values end the chain. Each inode caches its chain as runs of clusters, as
 * far as the chain was read. An entry is written to all copies of the FAT unless the boot sector
 * declares only one in use.
 */
#include <asm/errno.h>

#include "kernel/fs/fat/fat.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/bdev/bdev.h"

#define CHAIN_END 0x0fffffffU
#define COUNT_CHUNK 4096U

int fat_write(struct fat_sb *s, u64 at, const void *buf, size_t n)
{
	struct block_device *b = s->sb->s_bdev;
	u64 size = b->nr_sectors << SECTOR_SHIFT;
	const u8 *from = buf;

	if (at > size || n > size - at)
		return -EIO;
	while (n) {
		u32 off = (u32)(at & (PAGE_SIZE - 1)), part = (u32)min_t(u64, n, PAGE_SIZE - off);
		struct page *p;

		if (part == PAGE_SIZE) {
			p = grab_cache_page(b->mapping, at >> PAGE_SHIFT);
			if (!p)
				return -ENOMEM;
		} else {
			p = read_cache_page(b->mapping, at >> PAGE_SHIFT, NULL);
			if (IS_ERR(p))
				return (int)PTR_ERR(p);
			lock_page(p);
		}
		wait_on_page_writeback(p);
		memcpy((u8 *)page_address(p) + off, from, part);
		SetPageUptodate(p);
		set_page_dirty(p);
		unlock_page(p);
		put_page(p);
		from += part;
		at += part;
		n -= part;
	}
	return 0;
}

u64 fat_cluster_at(const struct fat_sb *s, u32 cluster)
{
	return s->data_at + ((u64)(cluster - FAT_FIRST) << s->cluster_bits);
}

/* ---- entries ---- */

/* True if the disk has the cluster. */
static bool in_range(const struct fat_sb *s, u32 cluster)
{
	return cluster >= FAT_FIRST && cluster < s->end;
}

/* Returns the byte position on the device of an entry in copy @fat of the FAT. */
static u64 entry_at(const struct fat_sb *s, u32 fat, u32 cluster)
{
	u64 off = s->bits == 12 ? cluster + cluster / 2 : (u64)cluster * (s->bits / 8);

	return s->fat_at + fat * s->fat_size + off;
}

/*
 * Reads the entry of @cluster. Returns the number of the next cluster (unchecked), 0 (free),
 * CHAIN_END or -errno.
 */
static s64 get_entry(struct fat_sb *s, u32 cluster)
{
	__le32 v = 0;
	u32 e;
	int err = bdev_read_bytes(
		s->sb->s_bdev, entry_at(s, s->active, cluster), &v, s->bits == 32 ? 4 : 2);

	if (err)
		return err;
	if (s->bits == 12)
		e = (cluster & 1 ? v >> 4 : v) & 0xfff;
	else
		e = s->bits == 16 ? v : v & 0x0fffffff;
	return e >= (s->bits == 12        ? 0xff8U :
			    s->bits == 16 ? 0xfff8U :
					    0x0ffffff8U) ?
		       CHAIN_END :
		       e;
}

/*
 * Writes an entry into one copy of the FAT. Preserves unused bits, and the bits of the neighbouring
 * entry (FAT12). Returns 0 or -errno.
 */
static int put_in_copy(struct fat_sb *s, u32 fat, u32 cluster, u32 value)
{
	u64 at = entry_at(s, fat, cluster);
	u32 n = s->bits == 32 ? 4 : 2;
	__le32 v = 0;
	int err = bdev_read_bytes(s->sb->s_bdev, at, &v, n);

	if (err)
		return err;
	if (s->bits == 12 && cluster & 1)
		v = (v & 0xf) | (value & 0xfff) << 4;
	else if (s->bits == 12)
		v = (v & 0xf000) | (value & 0xfff);
	else
		v = s->bits == 16 ? value & 0xffff : (v & 0xf0000000) | (value & 0x0fffffff);
	return fat_write(s, at, &v, n);
}

/* Writes an entry into all copies that are in use. Returns 0 or -errno. */
static int put_entry(struct fat_sb *s, u32 cluster, u32 value)
{
	u32 i;
	int err = 0;

	if (!s->mirrored)
		return put_in_copy(s, s->active, cluster, value);
	for (i = 0; i < s->fats && !err; i++)
		err = put_in_copy(s, i, cluster, value);
	return err;
}

/* Counts the free clusters, if that is not done yet. Returns 0 or -errno. fat_sb.lock is held. */
int fat_count_free(struct fat_sb *s)
{
	u32 cluster, n = 0;
	int err;

	assert_mutex_held(&s->lock);
	if (s->counted)
		return 0;
	for (cluster = FAT_FIRST; cluster < s->end; cluster++) {
		s64 e = get_entry(s, cluster);

		if (e < 0)
			return (int)e;
		n += !e;
		err = cluster % COUNT_CHUNK ? 0 : boundary_or_killed();
		if (err)
			return err;
	}
	s->free = n;
	s->counted = true;
	return 0;
}

/*
 * Allocates a free cluster and marks it as the end of a chain. Returns its number or -errno
 * (-ENOSPC). fat_sb.lock is held.
 */
static s64 take_cluster(struct fat_sb *s)
{
	u32 i, cluster = s->hint;
	int err = fat_count_free(s);

	if (err)
		return err;
	for (i = FAT_FIRST; s->free && i < s->end; i++, cluster++) {
		s64 e;

		if (!in_range(s, cluster))
			cluster = FAT_FIRST;
		if (!(i % COUNT_CHUNK))
			cond_resched();
		e = get_entry(s, cluster);
		if (e < 0)
			return e;
		if (e)
			continue;
		err = put_entry(s, cluster, CHAIN_END);
		if (err)
			return err;
		s->hint = cluster + 1;
		s->free--;
		return cluster;
	}
	return -ENOSPC;
}

/* ---- the runs of a file: under fat_inode.lock ---- */

void fat_forget_runs(struct fat_inode *fi)
{
	kfree(fi->runs);
	fi->runs = NULL;
	fi->nr_runs = fi->room = 0;
	fi->whole = false;
	fi->passed = fi->passed_at = 0;
}

/* Returns how many clusters of the chain the runs have. */
static u32 known(const struct fat_inode *fi)
{
	const struct fat_run *r = fi->nr_runs ? &fi->runs[fi->nr_runs - 1] : NULL;

	return r ? r->from + r->n : 0;
}

/* Adds the chain's next cluster to the runs. Returns 0 or -ENOMEM. */
static int add_known(struct fat_inode *fi, u32 cluster)
{
	struct fat_run *r = fi->nr_runs ? &fi->runs[fi->nr_runs - 1] : NULL;

	if (r && r->at + r->n == cluster) {
		r->n++;
		return 0;
	}
	if (fi->nr_runs == fi->room) {
		u32 room = fi->room ? 2 * fi->room : 4;

		r = krealloc(fi->runs, room * sizeof(*r), GFP_NOFS);
		if (!r)
			return -ENOMEM;
		fi->runs = r;
		fi->room = room;
	}
	fi->runs[fi->nr_runs] = (struct fat_run){ known(fi), cluster, 1 };
	fi->nr_runs++;
	return 0;
}

/*
 * True if the chain reaches a cluster twice, so that it has no end. Compares @next with a cluster
 * that is replaced each time the length of the chain has doubled (Brent's algorithm). Without this
 * check, a small image could make chains, and need memory for runs, of as many clusters as its boot
 * sector declares.
 */
static bool goes_round(struct fat_inode *fi, u32 next)
{
	if (next == fi->passed)
		return true;
	if (known(fi) >= 2 * fi->passed_at) {
		fi->passed = next;
		fi->passed_at = max(known(fi), 1U);
	}
	return false;
}

/* Reads the chain into runs until @n of its clusters, or all, are known. Returns 0 or -errno. */
static int learn(struct fat_inode *fi, u64 n)
{
	struct fat_sb *s = FAT_SB(fi->vfs.i_sb);
	s64 next;
	int err;

	assert_mutex_held(&fi->lock);
	while (!fi->whole && known(fi) < n) {
		const struct fat_run *r = fi->nr_runs ? &fi->runs[fi->nr_runs - 1] : NULL;

		next = r ? get_entry(s, r->at + r->n - 1) : fi->start ? fi->start : CHAIN_END;
		if (next < 0)
			return (int)next;
		if (next == CHAIN_END) {
			fi->whole = true;
			break;
		}
		if (!in_range(s, (u32)next) || known(fi) >= s->end || goes_round(fi, (u32)next))
			return fat_error(s, "a chain of clusters leads nowhere", (u64)next);
		err = add_known(fi, (u32)next);
		if (err)
			return err;
		if (!(known(fi) % 1024))
			cond_resched();
	}
	return 0;
}

/* Returns the run with the file's cluster @cluster, or NULL. */
static const struct fat_run *run_of(const struct fat_inode *fi, u32 cluster)
{
	u32 lo = 0, hi = fi->nr_runs;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (cluster < fi->runs[mid].from)
			hi = mid;
		else if (cluster - fi->runs[mid].from >= fi->runs[mid].n)
			lo = mid + 1;
		else
			return &fi->runs[mid];
	}
	return NULL;
}

int fat_map(struct fat_inode *fi, u64 pos, u64 *at, u64 *n)
{
	struct fat_sb *s = FAT_SB(fi->vfs.i_sb);
	u64 last = (pos + *n - 1) >> s->cluster_bits, in;
	const struct fat_run *r;
	int err;

	if (pos >> s->cluster_bits >= s->end)
		return -ENODATA;
	mutex_lock(&fi->lock);
	err = learn(fi, last + 1);
	r = err ? NULL : run_of(fi, (u32)(pos >> s->cluster_bits));
	if (r) {
		in = pos - ((u64)r->from << s->cluster_bits);
		*at = fat_cluster_at(s, r->at) + in;
		*n = min(*n, ((u64)r->n << s->cluster_bits) - in);
	} else if (!err) {
		err = -ENODATA;
	}
	mutex_unlock(&fi->lock);
	return err;
}

u64 fat_chain_bytes(struct fat_inode *fi, int *err)
{
	struct fat_sb *s = FAT_SB(fi->vfs.i_sb);
	u64 n;

	mutex_lock(&fi->lock);
	*err = learn(fi, s->end);
	n = (u64)known(fi) << s->cluster_bits;
	mutex_unlock(&fi->lock);
	return n;
}

/* Returns how many clusters @bytes bytes take. */
static u64 clusters(const struct fat_sb *s, u64 bytes)
{
	return (bytes + s->cluster_size - 1) >> s->cluster_bits;
}

/* Returns the number of the last cluster in the runs, or 0 if there is none. */
static u32 last_known(const struct fat_inode *fi)
{
	const struct fat_run *r = fi->nr_runs ? &fi->runs[fi->nr_runs - 1] : NULL;

	return r ? r->at + r->n - 1 : 0;
}

/* Appends a cluster to the chain. Returns 0 or -errno. fat_inode.lock and fat_sb.lock are held. */
static int append(struct fat_sb *s, struct fat_inode *fi)
{
	u32 last = last_known(fi);
	s64 c = take_cluster(s);
	int err;

	if (c < 0)
		return (int)c;
	err = last ? put_entry(s, last, (u32)c) : 0;
	if (!err)
		err = add_known(fi, (u32)c);
	if (!err && !last)
		fi->start = (u32)c;
	return err;
}

/* Sets i_blocks for the clusters in the runs. */
static void count_blocks(struct fat_inode *fi)
{
	fi->vfs.i_blocks = ((u64)known(fi) << FAT_SB(fi->vfs.i_sb)->cluster_bits) >> SECTOR_SHIFT;
}

/*
 * Frees all clusters of the chain but the first @keep. Returns 0 or -errno. fat_inode.lock and
 * fat_sb.lock are held.
 */
static int cut(struct fat_sb *s, struct fat_inode *fi, u32 keep)
{
	u32 i, j;
	int err = 0;

	for (i = 0; i < fi->nr_runs && !err; i++) {
		const struct fat_run *r = &fi->runs[i];

		for (j = r->from < keep ? min(keep - r->from, r->n) : 0; j < r->n && !err; j++) {
			err = put_entry(s, r->at + j, 0);
			s->free += s->counted && !err;
			cond_resched();
		}
	}
	while (fi->nr_runs && fi->runs[fi->nr_runs - 1].from >= keep)
		fi->nr_runs--;
	fi->passed = fi->passed_at = 0; /* @passed may become free and be reused */
	if (fi->nr_runs)
		fi->runs[fi->nr_runs - 1].n = keep - fi->runs[fi->nr_runs - 1].from;
	if (!err && keep)
		err = put_entry(s, last_known(fi), CHAIN_END);
	if (!keep)
		fi->start = 0;
	return err;
}

int fat_grow(struct fat_inode *fi, u64 bytes)
{
	struct fat_sb *s = FAT_SB(fi->vfs.i_sb);
	u64 want = clusters(s, bytes);
	u32 had;
	int err;

	mutex_lock(&fi->lock);
	err = learn(fi, want);
	/*
	 * A damaged chain, which is shorter than the size needs, is not extended: the new clusters
	 * would show old data of other files.
	 */
	if (!err && known(fi) < want && known(fi) < clusters(s, (u64)i_size_read(&fi->vfs)))
		err = fat_error(s, "a file has fewer clusters than its size needs", fi->vfs.i_ino);
	if (!err && known(fi) < want) {
		had = known(fi);
		mutex_lock(&s->lock);
		err = fat_count_free(s);
		if (!err && want - had > s->free)
			err = -ENOSPC;
		while (!err && known(fi) < want)
			err = append(s, fi);
		if (err && known(fi) > had)
			cut(s, fi, had);
		mutex_unlock(&s->lock);
	}
	count_blocks(fi);
	mutex_unlock(&fi->lock);
	return err;
}

int fat_shrink(struct fat_inode *fi, u64 bytes)
{
	struct fat_sb *s = FAT_SB(fi->vfs.i_sb);
	u64 keep = clusters(s, bytes);
	int err;

	mutex_lock(&fi->lock);
	err = learn(fi, s->end);
	if (!err && known(fi) > keep) {
		mutex_lock(&s->lock);
		err = cut(s, fi, (u32)keep);
		mutex_unlock(&s->lock);
	}
	count_blocks(fi);
	mutex_unlock(&fi->lock);
	return err;
}
