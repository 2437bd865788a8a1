/* SPDX-License-Identifier: MIT */
/*
 * super.c: mounting ISO 9660: volume descriptors, options, statfs.
 *
 * An image can have names of three kinds. The driver uses the first that it finds: Rock Ridge
 * (norock disables it), Joliet (nojoliet disables it), plain names (map=off leaves them in
 * capitals, map=acorn adds the file types of RISC OS).
 *
 * Other options: uid= gid= mode= dmode= (for images without Rock Ridge; with overriderockperm for
 * all images), iocharset=utf8|iso8859-1, utf8, hide, unhide, showassoc, sbsector= (the session's
 * first sector), check=relaxed (names are found in any case; for Joliet that is the default, and
 * check=strict disables it), cruft (the upper byte of a size is ignored). Without effect, since no
 * disk is an optical disc and no file is decompressed: block=, session=, nocompress.
 */
#include <asm/errno.h>
#include <linux/magic.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/isofs/isofs.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/bdev/bdev.h"
#include "kernel/vfs/mount/fsparam.h"

/* Logs why a mount is refused, unless @silent. Returns -EINVAL. */
static int refuse_mount(struct super_block *sb, bool silent, const char *why)
{
	if (!silent)
		printk(KERN_ERR "ISOFS (%s): %s\n", sb->s_id, why);
	return -EINVAL;
}

/* ---- options ---- */

static const char *const maps[] = { "normal", "off", "acorn", NULL };
static const char *const checks[] = { "strict", "relaxed", NULL };

/*
 * Finds the word of @words that @v is, in full or as its first letter, and stores the word's first
 * letter in *to. Returns 0 or -EINVAL.
 */
static int choose(char *to, const char *v, const char *const *words)
{
	for (; *words; words++) {
		if (!strcmp(v, *words) || (v[0] == (*words)[0] && !v[1])) {
			*to = **words;
			return 0;
		}
	}
	return -EINVAL;
}

/* Sets an option with a value. Returns 0 or -EINVAL. */
static int parse_value(struct iso_sb *s, const char *key, const char *v)
{
	bool octal = !strcmp(key, "mode") || !strcmp(key, "dmode");
	u64 x;

	if (!strcmp(key, "map"))
		return choose(&s->map, v, maps);
	if (!strcmp(key, "check"))
		return choose(&s->check, v, checks);
	if (!strcmp(key, "iocharset")) {
		s->utf8 = !strcmp(v, "utf8");
		return s->utf8 || !strcmp(v, "iso8859-1") ? 0 : -EINVAL;
	}
	if (kstrtou64(v, octal ? 8 : 10, &x) || x > 0xfffffffeU)
		return -EINVAL;
	if (!strcmp(key, "uid"))
		s->uid = make_kuid(current_user_ns(), (u32)x);
	else if (!strcmp(key, "gid"))
		s->gid = make_kgid(current_user_ns(), (u32)x);
	else if (!strcmp(key, "mode"))
		s->mode = (u32)x & 07777;
	else if (!strcmp(key, "dmode"))
		s->dmode = (u32)x & 07777;
	else if (!strcmp(key, "sbsector"))
		s->sector = x, s->sector_given = true;
	else if (!strcmp(key, "session") && x < 100)
		s->session = (u8)x;
	else if (strcmp(key, "block") != 0 || (x != 512 && x != 1024 && x != 2048))
		return -EINVAL; /* block= is checked, but unused */
	return uid_valid(s->uid) && uid_valid(s->gid) ? 0 : -EINVAL;
}

/* Sets an option without a value. Returns 0 or -EINVAL. */
static int parse_word(struct iso_sb *s, const char *word)
{
	const struct {
		const char *name;
		bool *flag, value;
	} words[] = { { "norock", &s->norock, true }, { "nojoliet", &s->nojoliet, true },
		{ "utf8", &s->utf8, true }, { "hide", &s->hide, true },
		{ "unhide", &s->hide, false }, { "showassoc", &s->showassoc, true },
		{ "overriderockperm", &s->override, true }, { "cruft", &s->cruft, true },
		{ "nocompress", &s->nocompress, true } };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i].name)) {
			*words[i].flag = words[i].value;
			return 0;
		}
	return -EINVAL;
}

/* Modifies @data. Returns 0, or -EINVAL and logs the option. */
static int parse_options(struct super_block *sb, struct iso_sb *s, char *data)
{
	char *word, *v;

	while ((word = fs_next_option(&data, &v))) {
		if (v ? parse_value(s, word, v) : parse_word(s, word)) {
			printk(KERN_ERR "ISOFS (%s): mount option \"%s\" is not known, or its "
					"value is not\n",
				sb->s_id, word);
			return -EINVAL;
		}
	}
	return 0;
}

static int iso_show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct iso_sb *s = ISO_SB(sb);
	const struct {
		const char *name;
		bool on;
	} words[] = { { "norock", !s->rock }, { "nojoliet", s->rock }, { "cruft", s->cruft },
		{ "hide", s->hide }, { "nocompress", s->nocompress },
		{ "overriderockperm", s->override }, { "showassoc", s->showassoc } };
	int n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].on)
			n += scnprintf(buf + n, size - (size_t)n, ",%s", words[i].name);
	n += scnprintf(buf + n, size - (size_t)n, ",check=%c,map=%c", s->check, s->map);
	if (s->session != 255)
		n += scnprintf(buf + n, size - (size_t)n, ",session=%u", s->session);
	if (s->sector_given)
		n += scnprintf(buf + n, size - (size_t)n, ",sbsector=%lu", s->sector);
	n += scnprintf(buf + n, size - (size_t)n, ",blocksize=%u", 1U << s->block_bits);
	if (s->uid)
		n += scnprintf(buf + n, size - (size_t)n, ",uid=%u",
			from_kuid_munged(current_user_ns(), s->uid));
	if (s->gid)
		n += scnprintf(buf + n, size - (size_t)n, ",gid=%u",
			from_kgid_munged(current_user_ns(), s->gid));
	if (s->mode != ISO_NO_MODE)
		n += scnprintf(buf + n, size - (size_t)n, ",mode=%o", s->mode);
	if (s->dmode != ISO_NO_MODE)
		n += scnprintf(buf + n, size - (size_t)n, ",dmode=%o", s->dmode);
	return n + scnprintf(buf + n, size - (size_t)n, ",iocharset=%s",
			   s->utf8 ? "utf8" : "iso8859-1");
}

/* Remounts, but keeps the options, since cached inodes and names depend on them. */
static int iso_remount(struct super_block *sb, u32 *flags, char *data)
{
	*flags |= SB_RDONLY;
	return 0;
}

/* ---- volume descriptors ---- */

static bool is_joliet(const struct iso_volume_descriptor *vd)
{
	return vd->type == ISO_VD_SUPPLEMENTARY && vd->escape[0] == '%' && vd->escape[1] == '/' &&
	       (vd->escape[2] == '@' || vd->escape[2] == 'C' || vd->escape[2] == 'E');
}

/*
 * Finds the primary descriptor, @p, and a Joliet descriptor, @j (its type is 0 if there is none).
 * Returns 0 or -errno.
 */
static int find_descriptors(struct super_block *sb, u64 sector, struct iso_volume_descriptor *p,
	struct iso_volume_descriptor *j, bool silent)
{
	struct iso_volume_descriptor *vd = kmalloc(sizeof(*vd), GFP_KERNEL);
	u32 i;

	p->type = j->type = 0;
	for (i = 0; vd && i < ISO_MAX_DESCRIPTORS; i++) {
		if (sector > (1UL << 40) ||
			bdev_read_bytes(sb->s_bdev,
				(sector + ISO_FIRST_DESCRIPTOR + i) << ISO_SECTOR_BITS, vd,
				sizeof(*vd)))
			break;
		if (memcmp(vd->id, "CD001", 5) || vd->type == ISO_VD_END)
			break;
		if (vd->type == ISO_VD_PRIMARY && !p->type)
			memcpy(p, vd, sizeof(*vd));
		else if (is_joliet(vd) && !j->type)
			memcpy(j, vd, sizeof(*vd));
	}
	if (!vd)
		return -ENOMEM;
	kfree(vd);
	return p->type ? 0 : refuse_mount(sb, silent, "can't find a volume descriptor");
}

/* Checks a volume descriptor, and sets block_bits and blocks. Returns 0 or -EINVAL. */
static int check_descriptor(struct super_block *sb, struct iso_sb *s,
	const struct iso_volume_descriptor *p, bool silent)
{
	const struct iso_dir_record *root = (const void *)p->root;

	for (s->block_bits = 9; s->block_bits < ISO_SECTOR_BITS; s->block_bits++)
		if (p->block_size == 1U << s->block_bits)
			break;
	if (p->block_size != 1U << s->block_bits)
		return refuse_mount(sb, silent, "block size makes no sense");
	s->blocks = p->blocks;
	return root->length < sizeof(*root) || !(root->flags & ISO_DIRECTORY) ?
		       refuse_mount(sb, silent, "the root is no directory") :
		       0;
}

/* Sets sb->s_root. Returns 0 or -errno. */
static int get_root(
	struct super_block *sb, struct iso_sb *s, const struct iso_dir_record *root, bool silent)
{
	struct inode *inode = iso_iget_dir(sb, iso_extent(s, root));

	if (IS_ERR(inode))
		return PTR_ERR(inode) == -EIO ?
			       refuse_mount(sb, silent, "the root directory is damaged") :
			       (int)PTR_ERR(inode);
	sb->s_root = d_make_root(inode);
	return sb->s_root ? 0 : -ENOMEM;
}

/*
 * Chooses which kind of names to show. Rock Ridge is looked for in the primary descriptor's root.
 * Returns 0 or -ENOMEM.
 */
static int choose_names(struct iso_sb *s, const struct iso_dir_record *root, bool joliet)
{
	struct iso_record *r = kmalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return -ENOMEM;
	if (!s->norock && !iso_read_record(s->sb, iso_extent(s, root), r))
		iso_rock_probe(s, r);
	kfree(r);
	s->joliet = !s->rock && !s->nojoliet && joliet;
	if (!s->check)
		s->check = s->joliet ? 'r' : 's';
	return 0;
}

/*
 * Reads the volume descriptors, and sets sb->s_root. @vd: memory for two descriptors. Returns 0 or
 * -errno.
 */
static int load(
	struct super_block *sb, struct iso_sb *s, struct iso_volume_descriptor *vd, bool silent)
{
	struct iso_volume_descriptor *p = vd, *j = vd + 1;
	int err = find_descriptors(sb, s->sector, p, j, silent);

	if (!err)
		err = check_descriptor(sb, s, p, silent);
	if (!err)
		err = choose_names(s, (const void *)p->root, j->type);
	if (!err && s->joliet)
		err = check_descriptor(sb, s, j, silent);
	if (err)
		return err;
	sb->s_blocksize_bits = s->block_bits;
	sb->s_blocksize = 1U << s->block_bits;
	return get_root(sb, s, (const void *)(s->joliet ? j : p)->root, silent);
}

/* ---- mount ---- */

static int iso_statfs(struct dentry *d, struct kstatfs *st)
{
	const struct iso_sb *s = ISO_SB(d->d_sb);

	st->f_type = ISOFS_SUPER_MAGIC;
	st->f_bsize = st->f_frsize = 1U << s->block_bits;
	st->f_blocks = s->blocks;
	st->f_namelen = NAME_MAX;
	st->f_fsid = d->d_sb->s_dev;
	return 0;
}

static void iso_put_super(struct super_block *sb)
{
	kfree(sb->s_fs_info);
	sb->s_fs_info = NULL;
}

static const struct super_operations iso_sops = {
	.alloc_inode = iso_alloc_inode,
	.free_inode = iso_free_inode,
	.put_super = iso_put_super,
	.statfs = iso_statfs,
	.remount = iso_remount,
	.show_options = iso_show_options,
};

static int iso_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct iso_sb *s = kzalloc(sizeof(*s), GFP_KERNEL);
	struct iso_volume_descriptor *vd;
	int err;

	if (!s)
		return -ENOMEM;
	s->sb = sb;
	s->mode = s->dmode = ISO_NO_MODE;
	s->map = 'n';
	s->session = 255;
	s->utf8 = true;
	sb->s_fs_info = s;
	sb->s_op = &iso_sops;
	sb->s_magic = ISOFS_SUPER_MAGIC;
	sb->s_flags |= SB_RDONLY;
	sb->s_time_gran = 1000000000;
	err = parse_options(sb, s, data);
	if (err)
		return err;
	vd = kmalloc(2 * sizeof(*vd), GFP_KERNEL);
	err = vd ? load(sb, s, vd, silent) : -ENOMEM;
	kfree(vd);
	return err;
}

static struct dentry *iso_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_bdev(t, flags, dev, data, iso_fill_super);
}

static struct file_system_type iso_type = {
	.name = "iso9660",
	.fs_flags = FS_REQUIRES_DEV,
	.mount = iso_mount,
	.kill_sb = kill_block_super,
};

static int iso_init(void)
{
	int err = iso_inode_cache_init();

	return err ? err : register_filesystem(&iso_type);
}
INITCALL(3, iso_init);
