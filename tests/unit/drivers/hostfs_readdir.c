/* SPDX-License-Identifier: MIT */
/*
 * hostfs_readdir.c: a listing has the host's records, and can be read from any position. It fails
 * with EIO if a record of the host is not whole or has a wrong length.
 *
 * SOURCES: drivers/hostfs/readdir.c kernel/lib/string.c
 */
#include "drivers/hostfs/hostfs.h"
#include "unit.h"

/* ---- fakes ---- */

/* what the host's next getdents() returns. @nr_answer: its bytes, 0 at the folder's end. */
static char answer[4096] __aligned(8);
static long nr_answer;

long hostfs_host_getdents(int file, void *buf, size_t size)
{
	long n = nr_answer;

	memcpy(buf, answer, n > 0 ? (size_t)n : 0);
	nr_answer = 0;
	return n;
}

static struct hostfs_file opened = { .host = 1 };

struct hostfs_file *hostfs_open_dir(int node)
{
	return &opened;
}
void hostfs_file_put(struct hostfs_file *f)
{
}
s64 hostfs_ask(u32 op, struct hostfs_file *f, int node, s32 mode, s64 off, s64 len)
{
	return 0;
}
int hostfs_refresh(struct inode *inode)
{
	return 0;
}
int hostfs_revalidate(struct inode *inode)
{
	return 0;
}
u64 hostfs_number(const struct hostfs_sb *hs, u64 dev, u64 ino)
{
	return ino;
}
struct dentry *dget_parent(struct dentry *d)
{
	return d;
}
void dput(struct dentry *d)
{
}
loff_t generic_file_llseek(struct file *f, loff_t off, int whence)
{
	return 0;
}
u64 ktime_get_real_coarse(void)
{
	return 0;
}
bool signal_pending(struct task *t)
{
	return false;
}

/* ---- tests ---- */

static void add(u16 len, const char *name)
{
	struct {
		u64 ino;
		s64 off;
		u16 len;
		u8 type;
	} __packed head = { 7, 0, len, 8 };

	memset(answer + nr_answer, 'x', 32);
	memcpy(answer + nr_answer, &head, sizeof(head));
	memcpy(answer + nr_answer + sizeof(head), name, strlen(name) + 1);
	nr_answer += len;
}

static char names[64];

static bool note(struct dir_context *ctx, const char *name, int len, loff_t pos, u64 ino, u32 type)
{
	size_t n = strlen(names);

	memcpy(names + n, name, (size_t)len);
	memcpy(names + n + len, "|", 2);
	return true;
}

/* Lists the host's answer from @pos on. Returns 0 or -errno. */
static int list(u64 pos)
{
	static struct hostfs_sb hs;
	static struct super_block sb = { .s_fs_info = &hs };
	struct hostfs_inode hi = { .vfs.i_sb = &sb };
	struct file f = { .f_inode = &hi.vfs };
	struct dir_context ctx = { .actor = note };
	int err;

	names[0] = 0;
	err = hostfs_dir_fops.iterate(&f, &ctx);
	if (!err && pos) {
		names[0] = 0;
		ctx.pos = (loff_t)pos;
		err = hostfs_dir_fops.iterate(&f, &ctx);
	}
	hostfs_dir_fops.release(&hi.vfs, &f);
	assert_int_equal(fake_allocations, 0);
	return err;
}

static void whole(void **state)
{
	add(24, "abcd");
	add(32, "e");
	add(24, "");
	assert_int_equal(list(0), 0);
	assert_string_equal(names, "abcd|e||");
	for (u64 pos = 1; pos < 80; pos++) {
		static const char *const rest[] = { "e||", "|", "" };

		add(24, "abcd");
		add(32, "e");
		add(24, "");
		assert_int_equal(list(pos), 0);
		assert_string_equal(names, rest[pos <= 24 ? 0 : pos <= 56 ? 1 : 2]);
	}
	assert_int_equal(list(0), 0);
	assert_string_equal(names, "");
}

/* A record with a wrong length, a cut one, and a name without an end, behind a good record. */
static void lies(void **state)
{
	static const u16 lens[] = { 0, 1, 18, 19, 20, 23, 25, 26, 48, 65535 };

	for (u32 i = 0; i < ARRAY_SIZE(lens); i++) {
		add(24, "good");
		add(lens[i], "bad2");
		nr_answer = 48;
		assert_int_equal(list(0), -EIO);
	}
	for (int cut = 1; cut < 24; cut++) {
		add(24, "good");
		add(24, "bad2");
		nr_answer -= cut;
		assert_int_equal(list(0), -EIO);
	}
	add(24, "good");
	add(24, "unended name");
	nr_answer = 48;
	memset(answer + 24 + 19, 'x', 20);
	assert_int_equal(list(0), -EIO);
}

UNIT_MAIN(cmocka_unit_test(whole), cmocka_unit_test(lies))
