/* SPDX-License-Identifier: MIT */
/*
 * super.c: mounting squashfs: the superblock, options, statfs.
 *
 * A failed mount gives its reason in one printk line. Options: errors=continue|panic,
 * threads=single|multi|percpu|N (how many blocks may be decompressed at a time; multi, percpu and
 * the default are one more than the number of vCPUs).
 *
 * Source: linux-doc, filesystems/squashfs.
 */
#include <asm/errno.h>
#include <linux/magic.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/squashfs/squashfs.h"
#include "kernel/lib/decompress.h"
#include "kernel/lib/printk.h"

#define META_BLOCKS 256 /* 2 MiB of decoded metadata */
#define FRAGMENT_BYTES (4U << 20)
#define SAY_EVERY 1000000000UL /* ns between two messages */

int sqfs_error(struct sqfs_sb *s, const char *what, u64 where)
{
	u64 now = ktime_get();

	if (s->panics)
		panic("SQUASHFS (%s): %s (%llx)", s->sb->s_id, what, (unsigned long long)where);
	if (!READ_ONCE(s->said) || now - READ_ONCE(s->said) > SAY_EVERY) {
		WRITE_ONCE(s->said, now);
		printk(KERN_ERR "SQUASHFS error (device %s): %s (%llx)\n", s->sb->s_id, what,
			(unsigned long long)where);
	}
	return -EIO;
}

/*
 * Prints why a mount is refused, and returns -EINVAL. With @silent prints nothing, since the caller
 * tries several types. Pass false once the image is known to be squashfs.
 */
static int refuse_mount(struct super_block *sb, bool silent, const char *why)
{
	if (!silent)
		printk(KERN_ERR "SQUASHFS (%s): %s\n", sb->s_id, why);
	return -EINVAL;
}

/* ---- options ---- */

/* Sets s->threads: 1, a number, or 0 for the default. Returns 0 or -EINVAL. */
static int parse_threads(struct sqfs_sb *s, const char *v)
{
	u64 n;

	if (!strcmp(v, "single"))
		s->threads = 1;
	else if (!strcmp(v, "multi") || !strcmp(v, "percpu"))
		s->threads = 0;
	else if (!kstrtou64(v, 10, &n) && n && n <= MAX_CPUS)
		s->threads = (u32)n;
	else
		return -EINVAL;
	return 0;
}

/* Modifies @data. Returns 0, or -EINVAL and logs the word. */
static int parse_options(struct super_block *sb, struct sqfs_sb *s, char *data)
{
	char *word;

	while (data && (word = strsep(&data, ","))) {
		if (!*word || !strcmp(word, "errors=continue"))
			s->panics = *word ? false : s->panics;
		else if (!strcmp(word, "errors=panic"))
			s->panics = true;
		else if (strncmp(word, "threads=", 8) || parse_threads(s, word + 8)) {
			printk(KERN_ERR "SQUASHFS (%s): mount option \"%s\" is not known\n",
				sb->s_id, word);
			return -EINVAL;
		}
	}
	return 0;
}

static int sqfs_show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct sqfs_sb *s = SQFS_SB(sb);
	int n = scnprintf(buf, size, ",errors=%s", s->panics ? "panic" : "continue");

	if (!s->threads)
		return n + scnprintf(buf + n, size - (size_t)n, ",threads=multi");
	if (s->threads == 1)
		return n + scnprintf(buf + n, size - (size_t)n, ",threads=single");
	return n + scnprintf(buf + n, size - (size_t)n, ",threads=%u", s->threads);
}

/* Remounts. The file system always stays read-only. */
static int sqfs_remount(struct super_block *sb, u32 *flags, char *data)
{
	struct sqfs_sb *s = SQFS_SB(sb);
	bool panics = s->panics;
	u32 threads = s->threads;
	int err = parse_options(sb, s, data);

	s->threads = threads; /* cannot change after the mount */
	if (err)
		s->panics = panics;
	*flags |= SB_RDONLY;
	return err;
}

/* ---- the superblock ---- */

/* Sets s->kind. @id: SQFS_* of the superblock. Returns 0 or -EINVAL. */
static int check_compression(struct super_block *sb, struct sqfs_sb *s, u32 id)
{
	static const struct {
		const char *name;
		u32 kind;
	} kinds[] = { [SQFS_ZLIB] = { "zlib", DECOMPRESS_ZLIB },
		[SQFS_LZMA] = { "lzma", DECOMPRESS_KINDS },
		[SQFS_LZO] = { "lzo", DECOMPRESS_LZO },
		[SQFS_XZ] = { "xz", DECOMPRESS_XZ },
		[SQFS_LZ4] = { "lz4", DECOMPRESS_LZ4 },
		[SQFS_ZSTD] = { "zstd", DECOMPRESS_ZSTD } };
	char text[60];

	if (!id || id >= ARRAY_SIZE(kinds))
		return refuse_mount(sb, false, "compressed in a way that is not known");
	s->kind = kinds[id].kind;
	if (decompress_has(s->kind))
		return 0;
	scnprintf(text, sizeof(text), "compressed with %s: not built in", kinds[id].name);
	return refuse_mount(sb, false, text);
}

/*
 * Checks that the tables lie in the order of disk.h and within the image, so that each chain of
 * metadata ends before the next begins. Returns 0 or -EINVAL.
 */
static int check_tables(struct super_block *sb, struct sqfs_sb *s, const struct sqfs_disk_sb *d)
{
	u64 end = d->bytes_used;

	if (d->xattr_table != SQFS_NONE64) {
		if (d->xattr_table >= end ||
			end - d->xattr_table < sizeof(struct sqfs_disk_xattr_table))
			return refuse_mount(
				sb, false, "the table of attributes lies beyond the end");
		end = d->xattr_table;
	}
	if (d->id_table >= end ||
		end - d->id_table < DIV_ROUND_UP(d->ids * 4UL, SQFS_META_SIZE) * sizeof(u64))
		return refuse_mount(sb, false, "the table of ids lies beyond the end");
	end = d->id_table;
	if (d->export_table != SQFS_NONE64) {
		if (d->export_table >= end)
			return refuse_mount(sb, false, "the export table lies beyond the end");
		end = d->export_table;
	}
	if (d->fragments) {
		if (d->fragment_table >= end)
			return refuse_mount(
				sb, false, "the table of fragments lies beyond the end");
		end = d->fragment_table;
	}
	if (d->inode_table < sizeof(*d) || d->inode_table >= d->directory_table ||
		d->directory_table >= end)
		return refuse_mount(
			sb, false, "the tables of inodes and directories lie beyond the end");
	s->inode_table = d->inode_table;
	s->directory_table = d->directory_table;
	s->directory_end = end;
	s->fragment_table = d->fragment_table;
	s->export_table = d->export_table;
	s->xattr_table = d->xattr_table;
	return 0;
}

/* Reads and checks the superblock into *d and @s. Returns 0 or -errno. */
static int read_sb(struct super_block *sb, struct sqfs_sb *s, struct sqfs_disk_sb *d, bool silent)
{
	u8 *sector;
	int err;

	s->bytes_used = sb->s_bdev->nr_sectors << SECTOR_SHIFT;
	if (s->bytes_used < 2 * sizeof(*d))
		return refuse_mount(sb, silent, "the device is too small");
	sector = kmalloc(512, GFP_KERNEL);
	if (!sector)
		return -ENOMEM;
	err = bdev_rw(sb->s_bdev, REQ_READ, 0, sector, 512);
	memcpy(d, sector, sizeof(*d));
	kfree(sector);
	if (err)
		return refuse_mount(sb, silent, "unable to read the superblock");
	if (d->magic != SQFS_MAGIC)
		return refuse_mount(sb, silent, "can't find a squashfs superblock");
	if (d->major != 4 || d->minor)
		return refuse_mount(sb, false, "version is not 4.0: made by an older mksquashfs");
	if (d->block_log < PAGE_SHIFT || d->block_log > SQFS_MAX_LOG ||
		d->block_size != 1U << d->block_log)
		return refuse_mount(sb, false, "block size makes no sense");
	if (d->bytes_used > s->bytes_used)
		return refuse_mount(sb, false, "the image is cut short");
	if (!d->ids)
		return refuse_mount(sb, false, "there are no ids");
	s->bytes_used = d->bytes_used;
	s->block_size = d->block_size;
	s->block_log = d->block_log;
	s->inodes = d->inodes;
	s->fragments = d->fragments;
	s->nr_ids = d->ids;
	err = check_compression(sb, s, d->compression);
	return err ? err : check_tables(sb, s, d);
}

/* Reads the table of ids into s->ids. Returns 0 or -errno. */
static int read_ids(struct sqfs_sb *s, u64 table)
{
	u32 i;
	int err = 0;

	s->ids = kcalloc(s->nr_ids, sizeof(s->ids[0]), GFP_KERNEL);
	if (!s->ids)
		return -ENOMEM;
	for (i = 0; i < s->nr_ids && !err; i++)
		err = sqfs_read_entry(s, table, i, sizeof(s->ids[0]), &s->ids[i]);
	return err;
}

/* ---- mount, unmount ---- */

static void sqfs_put_super(struct super_block *sb)
{
	struct sqfs_sb *s = SQFS_SB(sb);

	if (!s)
		return;
	sqfs_cache_free(&s->meta);
	sqfs_cache_free(&s->fragment);
	sqfs_spaces_free(s);
	kfree(s->ids);
	kfree(s);
	sb->s_fs_info = NULL;
}

static int sqfs_statfs(struct dentry *d, struct kstatfs *st)
{
	const struct sqfs_sb *s = SQFS_SB(d->d_sb);

	st->f_type = SQUASHFS_MAGIC;
	st->f_bsize = st->f_frsize = s->block_size;
	st->f_blocks = ((s->bytes_used - 1) >> s->block_log) + 1;
	st->f_files = s->inodes;
	st->f_namelen = 256;
	st->f_fsid = d->d_sb->s_dev;
	return 0;
}

#define COMMON_OPS                                                                                 \
	.alloc_inode = sqfs_alloc_inode, .free_inode = sqfs_free_inode,                            \
	.evict_inode = sqfs_evict_inode, .put_super = sqfs_put_super, .statfs = sqfs_statfs,       \
	.remount = sqfs_remount, .show_options = sqfs_show_options

static const struct super_operations sqfs_sops = { COMMON_OPS };
static const struct super_operations sqfs_export_sops = { COMMON_OPS,
	.handle_inode = sqfs_handle_inode, .parent_inode = sqfs_parent_inode };

/* Makes and sets sb->s_fs_info. Returns NULL if memory is short. */
static struct sqfs_sb *new_sb(struct super_block *sb)
{
	struct sqfs_sb *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->sb = sb;
	s->xattr_table = SQFS_NONE64;
	spin_lock_init(&s->space_lock);
	INIT_LIST_HEAD(&s->spaces);
	init_waitqueue_head(&s->space_wait);
	sb->s_fs_info = s;
	return s;
}

/* True if the image has a complete export table. */
static bool exportable(const struct sqfs_sb *s, const struct sqfs_disk_sb *d)
{
	u64 blocks = DIV_ROUND_UP((u64)s->inodes * sizeof(u64), SQFS_META_SIZE);

	return d->export_table != SQFS_NONE64 &&
	       d->id_table - d->export_table >= blocks * sizeof(u64);
}

/* Sets sb->s_root. @place: as for sqfs_iget(). Returns 0 or -errno. */
static int get_root(struct super_block *sb, u64 place)
{
	struct inode *root = sqfs_iget(sb, place, 0);

	if (IS_ERR(root))
		return (int)PTR_ERR(root);
	if (!S_ISDIR(root->i_mode)) {
		iput(root);
		return refuse_mount(sb, false, "the root inode is no directory");
	}
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int sqfs_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct sqfs_sb *s = new_sb(sb);
	struct sqfs_disk_sb d;
	int err;

	if (!s)
		return -ENOMEM;
	sb->s_op = &sqfs_sops;
	sb->s_magic = SQUASHFS_MAGIC;
	sb->s_flags |= SB_RDONLY;
	sb->s_time_gran = 1000000000;
	sb->s_time_min = 0;
	sb->s_time_max = 0xffffffffL;
	sb->s_blocksize = 1024;
	sb->s_blocksize_bits = 10;
	err = parse_options(sb, s, data);
	if (!err)
		err = read_sb(sb, s, &d, silent);
	if (err)
		return err;
	sqfs_cache_init(&s->meta, META_BLOCKS, SQFS_META_SIZE);
	sqfs_cache_init(
		&s->fragment, clamp(FRAGMENT_BYTES / s->block_size, 4U, 32U), s->block_size);
	if (exportable(s, &d))
		sb->s_op = &sqfs_export_sops;
	err = sqfs_spaces_init(s);
	if (!err)
		err = read_ids(s, d.id_table);
	if (!err)
		err = sqfs_xattr_open(s);
	return err ? err : get_root(sb, d.root_inode);
}

static struct dentry *sqfs_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_bdev(t, flags, dev, data, sqfs_fill_super);
}

static struct file_system_type sqfs_type = {
	.name = "squashfs",
	.fs_flags = FS_REQUIRES_DEV | FS_ALLOW_IDMAP,
	.mount = sqfs_mount,
	.kill_sb = kill_block_super,
};

static int sqfs_init(void)
{
	int err = sqfs_inode_cache_init();

	return err ? err : register_filesystem(&sqfs_type);
}
INITCALL(3, sqfs_init);
