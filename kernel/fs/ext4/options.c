/* SPDX-License-Identifier: MIT */
/*
 * options.c: the mount options of ext4: parses the option string into flags and numbers, and prints
 * them for /proc/mounts.
 *
 *	ext4_default_options(sb, disk, &o);
 *	ext4_parse_options(sb, data, &o); ...
 *	ext4_show_option_list(&o, &def, buf, size);
 *
 * All of Linux's options are known. An option that would tune an allocator or a cache that this
 * kernel lacks is accepted and shown as on Linux, and a line in the log notes that it has no
 * effect. Options that would change stored or visible data, DAX and data=journal, are refused
 * (docs/ext4.md). Quotas are ignored with a line in the log, so that a system whose fstab names
 * quotas boots.
 *
 * Source: linux-doc, admin-guide/ext4; for the shown options and their order, the host's ext4.
 */
#include "kernel/fs/ext4/options.h"

#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

/* in seconds. Linux refuses larger values, which do not fit into its jiffies. */
#define MAX_COMMIT 8589934U

/* bits of s_default_mount_opts */
#define DEFM_DEBUG 0x1
#define DEFM_BSDGROUPS 0x2
#define DEFM_UID16 0x10
#define DEFM_JMODE 0x60
#define DEFM_NOBARRIER 0x100
#define DEFM_BLOCK_VALIDITY 0x200
#define DEFM_DISCARD 0x400
#define DEFM_NODELALLOC 0x800

/* Options without a value, with the flags that they set and clear. */
static const struct word {
	const char *name;
	u32 set, clear;
	bool idle; /* accepted without effect */
} words[] = {
	{ "minixdf", EXT4_OPT_MINIXDF, 0, false },
	{ "bsddf", 0, EXT4_OPT_MINIXDF, false },
	{ "grpid", EXT4_OPT_GRPID, 0, false },
	{ "bsdgroups", EXT4_OPT_GRPID, 0, false },
	{ "nogrpid", 0, EXT4_OPT_GRPID, false },
	{ "sysvgroups", 0, EXT4_OPT_GRPID, false },
	{ "block_validity", EXT4_OPT_VALIDITY, 0, false }, /* blocks are always checked */
	{ "noblock_validity", 0, EXT4_OPT_VALIDITY, true },
	{ "dioread_nolock", EXT4_OPT_DIOREAD_NOLOCK, 0, false },
	{ "nodioread_nolock", 0, EXT4_OPT_DIOREAD_NOLOCK, true },
	{ "dioread_lock", 0, EXT4_OPT_DIOREAD_NOLOCK, true },
	{ "discard", EXT4_OPT_DISCARD, 0, false },
	{ "nodiscard", 0, EXT4_OPT_DISCARD, false },
	{ "delalloc", EXT4_OPT_DELALLOC, 0, false },
	{ "nodelalloc", 0, EXT4_OPT_DELALLOC, true },
	{ "warn_on_error", EXT4_OPT_WARN_ON_ERROR, 0, true },
	{ "nowarn_on_error", 0, EXT4_OPT_WARN_ON_ERROR, false },
	{ "journal_checksum", EXT4_OPT_JCSUM, 0, false },
	{ "nojournal_checksum", 0, EXT4_OPT_JCSUM, false },
	{ "noload", EXT4_OPT_NOLOAD, 0, false },
	{ "norecovery", EXT4_OPT_NOLOAD, 0, false },
	{ "barrier", EXT4_OPT_BARRIER, 0, false },
	{ "nobarrier", 0, EXT4_OPT_BARRIER, false },
	{ "auto_da_alloc", EXT4_OPT_DA_ALLOC, 0, false },
	{ "noauto_da_alloc", 0, EXT4_OPT_DA_ALLOC, false },
	{ "nouid32", EXT4_OPT_NOUID32, 0, false },
	{ "debug", EXT4_OPT_DEBUG, 0, true },
	{ "nombcache", EXT4_OPT_NOMBCACHE, 0, true },
	{ "no_mbcache", EXT4_OPT_NOMBCACHE, 0, true },
	{ "no_prefetch_block_bitmaps", EXT4_OPT_NO_PREFETCH, 0, true },
	{ "prefetch_block_bitmaps", 0, EXT4_OPT_NO_PREFETCH, true },
	{ "noacl", EXT4_OPT_NOACL, 0, false },
	{ "acl", 0, EXT4_OPT_NOACL, false },
	{ "user_xattr", 0, 0, false },
	{ "noinit_itable", 0, EXT4_OPT_INIT_ITABLE, false },
	{ "init_itable", EXT4_OPT_INIT_ITABLE, 0, false },
	{ "abort", EXT4_OPT_ABORT, 0, false },
	{ "relatime", 0, 0, false },
	{ "i_version", 0, 0, false },
	{ "iversion", 0, 0, false },
	{ "noquota", 0, 0, false },
	{ "quota", 0, 0, true },
	{ "usrquota", 0, 0, true },
	{ "grpquota", 0, 0, true },
	{ "prjquota", 0, 0, true },
	{ "inlinecrypt", 0, 0, true },
	{ "nofail", 0, 0, false }, /* for mount(8), which may pass it on */
	{ "oldalloc", 0, 0, true },
	{ "orlov", 0, 0, true },
	{ "bh", 0, 0, true },
	{ "nobh", 0, 0, true },
	{ "reservation", 0, 0, true },
	{ "noreservation", 0, 0, true },
	{ "mblk_io_submit", 0, 0, true },
	{ "nomblk_io_submit", 0, 0, true },
	{ "nocheck", 0, 0, true },
	{ "usrjquota", 0, 0, true },
	{ "grpjquota", 0, 0, true },
};

/*
 * Options whose value is a number, at most @max. @field: its offset in struct ext4_options plus 1,
 * or 0 if the number is not stored.
 */
static const struct number {
	const char *name;
	u32 max;
	size_t field;
	bool idle;
} numbers[] = {
#define AT(f) (offsetof(struct ext4_options, f) + 1)
	{ "commit", MAX_COMMIT, AT(commit), false },
	{ "resuid", ~0U - 1, AT(resuid), false },
	{ "resgid", ~0U - 1, AT(resgid), false },
	{ "min_batch_time", ~0U, AT(min_batch), true },
	{ "max_batch_time", ~0U, AT(max_batch), true },
	{ "stripe", ~0U, AT(stripe), true },
	{ "inode_readahead_blks", 1U << 30, AT(readahead), true },
	{ "init_itable", ~0U, AT(init_itable), true },
	{ "max_dir_size_kb", ~0U, AT(max_dir_kb), false },
	{ "sb", ~0U, AT(sb_block), false },
	{ "journal_ioprio", 7, 0, true },
	{ "mb_optimize_scan", 1, 0, true },
	{ "journal_dev", ~0U, 0, true },
};

/* Options whose value is one of several words. */
static const struct choice {
	const char *text;
	size_t field;
	u32 value;
} choices[] = {
	{ "errors=continue", AT(errors), EXT4_ERRORS_CONTINUE },
	{ "errors=remount-ro", AT(errors), EXT4_ERRORS_RO },
	{ "errors=panic", AT(errors), EXT4_ERRORS_PANIC },
	{ "data=ordered", AT(data), EXT4_DATA_ORDERED },
	{ "data=writeback", AT(data), EXT4_DATA_WRITEBACK },
};

/* Prefixes of options whose value is ignored. */
static const char *const idle_values[] = { "jqfmt=", "usrjquota=", "grpjquota=", "check=" };

/*
 * Options with =0 or =1 that stand for an option with or without "no": barrier=0 stands for
 * nobarrier. Other options of this list name a default and stand for relatime, which changes
 * nothing.
 */
static const struct {
	const char *text, *means;
} twins[] = {
	{ "barrier=1", "barrier" },
	{ "barrier=0", "nobarrier" },
	{ "auto_da_alloc=1", "auto_da_alloc" },
	{ "auto_da_alloc=0", "noauto_da_alloc" },
	{ "dax=never", "relatime" },
	{ "data_err=ignore", "relatime" },
};

/* Returns the member at offset @field - 1, as AT() gives it. */
static u32 *field_at(struct ext4_options *o, size_t field)
{
	return (u32 *)((u8 *)o + field - 1);
}

static void say_idle(struct super_block *sb, const char *word)
{
	printk(KERN_NOTICE "EXT4-fs (%s): mount option \"%s\" has no effect here\n", sb->s_id,
		word);
}

/* Sets an option of which the whole text is known. Returns false if @word is no such option. */
static bool parse_word(struct super_block *sb, const char *word, struct ext4_options *o)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(twins); i++)
		if (!strcmp(word, twins[i].text))
			word = twins[i].means;
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i].name))
			continue;
		o->flags = (o->flags & ~words[i].clear) | words[i].set;
		if (words[i].idle)
			say_idle(sb, word);
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(choices); i++)
		if (!strcmp(word, choices[i].text)) {
			*field_at(o, choices[i].field) = choices[i].value;
			return true;
		}
	if (!strcmp(word, "data_err=abort")) {
		o->flags |= EXT4_OPT_DATA_ERR_ABORT;
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(idle_values); i++)
		if (!strncmp(word, idle_values[i], strlen(idle_values[i]))) {
			say_idle(sb, word);
			return true;
		}
	return false;
}

/* Parses a decimal number of at most @max. Returns false for other text. */
static bool parse_u32(const char *text, u32 max, u32 *value)
{
	u64 n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (u64)(*text - '0');
		if (n > max)
			return false;
	}
	*value = (u32)n;
	return true;
}

/*
 * Parses an option whose value is a number. Returns 1 if it set the option, 0 if @word is no such
 * option, or -EINVAL if its value is invalid.
 */
static int parse_number(struct super_block *sb, const char *word, struct ext4_options *o)
{
	u32 i, value;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		size_t n = strlen(numbers[i].name);

		if (strncmp(word, numbers[i].name, n) || word[n] != '=')
			continue;
		if (!parse_u32(word + n + 1, numbers[i].max, &value))
			return -EINVAL;
		if (numbers[i].field == AT(readahead) && value & (value - 1))
			return -EINVAL;
		if (numbers[i].field)
			*field_at(o, numbers[i].field) = value;
		if (numbers[i].field == AT(init_itable))
			o->flags |= EXT4_OPT_INIT_ITABLE;
		if (numbers[i].idle)
			say_idle(sb, word);
		return 1;
	}
	return 0;
}

int ext4_parse_options(struct super_block *sb, char *data, struct ext4_options *o)
{
	char *word;

	while (data && (word = strsep(&data, ","))) {
		int r = !*word || parse_word(sb, word, o) ? 1 : parse_number(sb, word, o);

		if (r > 0)
			continue;
		if (r < 0)
			printk(KERN_ERR "EXT4-fs (%s): bad value in mount option \"%s\"\n",
				sb->s_id, word);
		else if (!strcmp(word, "data=journal") || !strncmp(word, "dax", 3) ||
			 !strcmp(word, "journal_async_commit") ||
			 !strncmp(word, "journal_path=", 13))
			printk(KERN_ERR "EXT4-fs (%s): mount option \"%s\" is not supported\n",
				sb->s_id, word);
		else
			printk(KERN_ERR "EXT4-fs (%s): mount option \"%s\" is not known\n",
				sb->s_id, word);
		return -EINVAL;
	}
	if (!o->commit) /* 0 stands for the default */
		o->commit = 5;
	return 0;
}

void ext4_default_options(
	struct super_block *sb, const struct ext4_disk_sb *d, struct ext4_options *o)
{
	u32 def = d ? d->s_default_mount_opts : 0;
	char text[sizeof(d->s_mount_opts) + 1] = "";

	*o = (struct ext4_options){
		.flags = EXT4_OPT_VALIDITY | EXT4_OPT_DIOREAD_NOLOCK | EXT4_OPT_DELALLOC |
			 EXT4_OPT_JCSUM | EXT4_OPT_BARRIER | EXT4_OPT_DA_ALLOC |
			 EXT4_OPT_INIT_ITABLE,
		.commit = 5,
		.max_batch = 15000,
		.readahead = 32,
		.init_itable = 10,
		.sb_block = 1,
	};
	if (!d)
		return;
	o->resuid = d->s_def_resuid;
	o->resgid = d->s_def_resgid;
	o->errors = d->s_errors;
	o->flags |= (def & DEFM_DEBUG ? EXT4_OPT_DEBUG : 0) |
		    (def & DEFM_BSDGROUPS ? EXT4_OPT_GRPID : 0) |
		    (def & DEFM_UID16 ? EXT4_OPT_NOUID32 : 0) |
		    (def & DEFM_DISCARD ? EXT4_OPT_DISCARD : 0);
	if (def & DEFM_NOBARRIER)
		o->flags &= ~EXT4_OPT_BARRIER;
	if (def & DEFM_NODELALLOC)
		o->flags &= ~EXT4_OPT_DELALLOC;
	/* The defaults "journal" and "ordered" need no mode: this kernel orders data by default. */
	if ((def & DEFM_JMODE) == DEFM_JMODE)
		o->data = EXT4_DATA_WRITEBACK;
	if ((def & DEFM_JMODE) == 0x20)
		printk(KERN_NOTICE
			"EXT4-fs (%s): its default data=journal is not supported: data=ordered\n",
			sb->s_id);
	memcpy(text, d->s_mount_opts, sizeof(d->s_mount_opts));
	if (*text && ext4_parse_options(sb, text, o))
		printk(KERN_WARNING "EXT4-fs (%s): the default mount options in the superblock are "
				    "ignored in part\n",
			sb->s_id);
}

/* ---- showing ---- */

/* Flags that are shown, in Linux's order. */
static const struct {
	u32 flag;
	const char *on, *off;
} shown[] = {
	{ EXT4_OPT_MINIXDF, "minixdf", "bsddf" },
	{ EXT4_OPT_GRPID, "grpid", "nogrpid" },
	{ EXT4_OPT_VALIDITY, "block_validity", "noblock_validity" },
	{ EXT4_OPT_DIOREAD_NOLOCK, "dioread_nolock", "nodioread_nolock" },
	{ EXT4_OPT_DISCARD, "discard", "nodiscard" },
	{ EXT4_OPT_DELALLOC, "delalloc", "nodelalloc" },
	{ EXT4_OPT_WARN_ON_ERROR, "warn_on_error", "nowarn_on_error" },
	{ EXT4_OPT_JCSUM, "journal_checksum", "nojournal_checksum" },
	{ EXT4_OPT_NOLOAD, "norecovery", "" },
	{ EXT4_OPT_ABORT, "abort", "" },
	{ EXT4_OPT_BARRIER, "barrier", "nobarrier" },
	{ EXT4_OPT_DA_ALLOC, "auto_da_alloc", "noauto_da_alloc" },
	{ EXT4_OPT_NOACL, "noacl", "acl" },
	{ EXT4_OPT_NOUID32, "nouid32", "" },
	{ EXT4_OPT_DEBUG, "debug", "" },
	{ EXT4_OPT_NOMBCACHE, "nombcache", "" },
	{ EXT4_OPT_NO_PREFETCH, "no_prefetch_block_bitmaps", "" },
};

static int show_number(char *buf, size_t size, const char *name, u32 value, u32 def)
{
	return value == def ? 0 : (int)scnprintf(buf, size, ",%s=%u", name, value);
}

int ext4_show_option_list(
	const struct ext4_options *o, const struct ext4_options *def, char *buf, size_t size)
{
	static const char *const errors[] = { "remount-ro", "continue", "remount-ro", "panic" };
	static const char *const data[] = { "ordered", "journal", "ordered", "writeback" };
	u32 diff = o->flags ^ def->flags, i;
	int n = show_number(buf, size, "sb", o->sb_block, 1);

	for (i = 0; i < ARRAY_SIZE(shown); i++) {
		const char *text = o->flags & shown[i].flag ? shown[i].on : shown[i].off;

		if (diff & shown[i].flag && *text)
			n += scnprintf(buf + n, size - n, ",%s", text);
	}
	n += show_number(buf + n, size - n, "resuid", o->resuid, def->resuid);
	n += show_number(buf + n, size - n, "resgid", o->resgid, def->resgid);
	if (o->errors != def->errors)
		n += scnprintf(buf + n, size - n, ",errors=%s", errors[o->errors & 3]);
	n += show_number(buf + n, size - n, "commit", o->commit, def->commit);
	n += show_number(buf + n, size - n, "min_batch_time", o->min_batch, 0);
	n += show_number(buf + n, size - n, "max_batch_time", o->max_batch, 15000);
	n += show_number(buf + n, size - n, "stripe", o->stripe, 0);
	if (o->data != def->data)
		n += scnprintf(buf + n, size - n, ",data=%s", data[o->data & 3]);
	n += show_number(buf + n, size - n, "inode_readahead_blks", o->readahead, 32);
	if (diff & EXT4_OPT_INIT_ITABLE)
		n += scnprintf(buf + n, size - n, ",noinit_itable");
	else
		n += show_number(buf + n, size - n, "init_itable", o->init_itable, 10);
	n += show_number(buf + n, size - n, "max_dir_size_kb", o->max_dir_kb, 0);
	if (diff & EXT4_OPT_DATA_ERR_ABORT)
		n += scnprintf(buf + n, size - n, ",data_err=abort");
	return n;
}

/* ---- for fsconfig ---- */

static const char *const error_words[] = { "continue", "remount-ro", "panic", NULL };
static const char *const data_words[] = { "journal", "ordered", "writeback", NULL };
static const char *const data_err_words[] = { "abort", "ignore", NULL };
static const char *const dax_words[] = { "always", "inode", "never", NULL };
static const char *const jqfmt_words[] = { "vfsold", "vfsv0", "vfsv1", NULL };

static const struct fs_param more_params[] = {
	FS_PARAM_WORD("errors", error_words),
	FS_PARAM_WORD("data", data_words),
	FS_PARAM_WORD("data_err", data_err_words),
	FS_PARAM_WORD("dax", dax_words),
	FS_PARAM("dax", FSP_FLAG),
	FS_PARAM_WORD("jqfmt", jqfmt_words),
	FS_PARAM("usrjquota", FSP_TEXT),
	FS_PARAM("grpjquota", FSP_TEXT),
	FS_PARAM("barrier", FSP_U32),
	FS_PARAM("auto_da_alloc", FSP_U32),
	FS_PARAM("journal_path", FSP_TEXT),
	FS_PARAM("journal_async_commit", FSP_FLAG),
};

struct fs_param ext4_params[ARRAY_SIZE(words) + ARRAY_SIZE(numbers) + ARRAY_SIZE(more_params) + 1];

void ext4_init_params(void)
{
	struct fs_param *p = ext4_params;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		*p++ = (struct fs_param)FS_PARAM(words[i].name, FSP_FLAG);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		*p++ = (struct fs_param)FS_PARAM(numbers[i].name, FSP_U32);
	for (i = 0; i < ARRAY_SIZE(more_params); i++)
		*p++ = more_params[i];
}
