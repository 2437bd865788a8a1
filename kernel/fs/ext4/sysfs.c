/* SPDX-License-Identifier: MIT */
/*
 * sysfs.c: /sys/fs/ext4/DEVICE while a file system is mounted, and /sys/fs/ext4/features.
 *
 * The files show numbers of the superblock, counters, and the journal's thread. Missing are Linux's
 * files that tune its allocator (mb_*, inode_readahead_blks) and the counts of warnings and
 * messages. The block number of an error is not recorded and reads as 0.
 *
 * An unmounted device's files stay, hidden, for its next mount. Locks: sysfs_grow for the list of
 * devices, and while files are added; places_lock, which is taken before alloc_lock, for
 * place->sbi.
 */
#include "kernel/fs/ext4/journal/jbd.h"
#include "kernel/fs/sysfs/device.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

enum what {
	DELAYED,
	SESSION,
	LIFETIME,
	RESERVED,
	JOURNAL_TASK,
	ERRORS,
	FIRST_TIME,
	FIRST_LINE,
	FIRST_INO,
	FIRST_BLOCK,
	FIRST_CODE,
	FIRST_FUNC,
	LAST_TIME,
	LAST_LINE,
	LAST_INO,
	LAST_BLOCK,
	LAST_CODE,
	LAST_FUNC,
	NR_FILES
};
static const char *const names[NR_FILES] = {
	[DELAYED] = "delayed_allocation_blocks",
	[SESSION] = "session_write_kbytes",
	[LIFETIME] = "lifetime_write_kbytes",
	[RESERVED] = "reserved_clusters",
	[JOURNAL_TASK] = "journal_task",
	[ERRORS] = "errors_count",
	[FIRST_TIME] = "first_error_time",
	[FIRST_LINE] = "first_error_line",
	[FIRST_INO] = "first_error_ino",
	[FIRST_BLOCK] = "first_error_block",
	[FIRST_CODE] = "first_error_errcode",
	[FIRST_FUNC] = "first_error_func",
	[LAST_TIME] = "last_error_time",
	[LAST_LINE] = "last_error_line",
	[LAST_INO] = "last_error_ino",
	[LAST_BLOCK] = "last_error_block",
	[LAST_CODE] = "last_error_errcode",
	[LAST_FUNC] = "last_error_func",
};

/* A device on which an ext4 is or was mounted. Never freed. */
struct place {
	struct list_head list;
	char name[sizeof(((struct super_block *)0)->s_id)]; /* immutable */
	struct ext4_sb *sbi;                                /* NULL if not mounted */
	struct place_file {
		struct place *place;
		enum what what;
	} file[NR_FILES];
};
static DEFINE_MUTEX(places_lock);
static LIST_HEAD(places);

/* ---- a file ---- */

static u64 error_number(const struct ext4_error_at *at, enum what what)
{
	switch (what) {
	case FIRST_TIME: return at->time;
	case FIRST_LINE: return at->line;
	case FIRST_INO: return at->ino;
	case FIRST_CODE: return at->time ? EXT4_CODE_CORRUPTED : 0;
	default: return 0;
	}
}

/* Prints field @what of the first error, or with @last of the last error. */
static void show_error(struct seq *s, struct ext4_sb *sbi, enum what what, bool last)
{
	struct ext4_error_at at;

	spin_lock(&sbi->err.lock);
	at = last ? sbi->err.last : sbi->err.first;
	spin_unlock(&sbi->err.lock);
	if (what == FIRST_FUNC)
		seq_printf(s, "%.32s\n", at.func);
	else
		seq_printf(s, "%lu\n", error_number(&at, what));
}

static u64 delayed_blocks(struct ext4_sb *sbi)
{
	u64 n;

	mutex_lock(&sbi->alloc_lock);
	n = sbi->delayed >> sbi->cluster_bits;
	mutex_unlock(&sbi->alloc_lock);
	return n;
}

static void show_journal_task(struct seq *s, struct ext4_sb *sbi)
{
	if (ext4_journal_open(sbi) && !sbi->journal->unlogged)
		seq_printf(s, "%d\n", sbi->journal->thread_nr);
	else
		seq_puts(s, "<none>\n");
}

static void show_mounted(struct seq *s, struct ext4_sb *sbi, enum what what)
{
	u64 n = 0;

	if (what >= FIRST_TIME) {
		bool last = what >= LAST_TIME;

		show_error(s, sbi, last ? what - LAST_TIME + FIRST_TIME : what, last);
		return;
	}
	switch (what) {
	case DELAYED: n = delayed_blocks(sbi); break;
	case SESSION: n = ext4_session_kbytes(sbi); break;
	case LIFETIME: n = ext4_lifetime_kbytes(sbi); break;
	case RESERVED: n = sbi->reserved_all >> sbi->cluster_bits; break;
	case ERRORS: n = READ_ONCE(sbi->err.count); break;
	default: show_journal_task(s, sbi); return;
	}
	seq_printf(s, "%lu\n", n);
}

static int show(struct seq *s, void *arg)
{
	const struct place_file *f = arg;
	int err = 0;

	mutex_lock(&places_lock);
	if (f->place->sbi)
		show_mounted(s, f->place->sbi, f->what);
	else
		err = -ENODEV;
	mutex_unlock(&places_lock);
	return err;
}

static bool is_mounted(void *arg)
{
	return READ_ONCE(((struct place *)arg)->sbi);
}

/* ---- features ---- */

static int show_supported(struct seq *s, void *arg)
{
	seq_puts(s, "supported\n");
	return 0;
}

/* Adds the files of features/, once, before the first device's files. sysfs_grow is held. */
static void add_features(void)
{
	sysfs_create("fs/ext4/features/batched_discard", show_supported, NULL);
	sysfs_create("fs/ext4/features/metadata_csum_seed", show_supported, NULL);
}

/* ---- mounting ---- */

/* Finds a device's place by its name. Returns NULL if there is none. sysfs_grow is held. */
static struct place *find(const char *name)
{
	struct place *p;

	list_for_each_entry(p, &places, list)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

/*
 * Adds a device's files. If memory is short, some are missing. Returns NULL if there is no memory
 * for the place. sysfs_grow is held.
 */
static struct place *place_new(const char *name)
{
	struct place *p = kzalloc(sizeof(*p), GFP_KERNEL);
	char path[96];
	int err = 0;

	if (!p)
		return NULL;
	strscpy(p->name, name, sizeof(p->name));
	for (u32 i = 0; i < NR_FILES && !err; i++) {
		p->file[i] = (struct place_file){ p, i };
		scnprintf(path, sizeof(path), "fs/ext4/%s/%s", name, names[i]);
		err = sysfs_create(path, show, &p->file[i]);
	}
	scnprintf(path, sizeof(path), "fs/ext4/%s", name);
	sysfs_show_when(path, is_mounted, p);
	list_add_tail(&p->list, &places);
	return p;
}

void ext4_sysfs_enter(struct ext4_sb *sbi)
{
	struct place *p;

	mutex_lock(&sysfs_grow);
	if (list_empty(&places))
		add_features();
	p = find(sbi->sb->s_id);
	if (!p)
		p = place_new(sbi->sb->s_id);
	mutex_unlock(&sysfs_grow);
	if (!p)
		return;
	mutex_lock(&places_lock);
	WRITE_ONCE(p->sbi, sbi);
	mutex_unlock(&places_lock);
	sbi->place = p;
}

void ext4_sysfs_leave(struct ext4_sb *sbi)
{
	if (!sbi->place)
		return;
	mutex_lock(&places_lock);
	WRITE_ONCE(sbi->place->sbi, NULL);
	mutex_unlock(&places_lock);
	sbi->place = NULL;
}
