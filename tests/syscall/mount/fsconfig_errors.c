/* SPDX-License-Identifier: MIT */
/*
 * fsconfig_errors: what fsconfig(2) refuses before the superblock is made, and the messages that
 * read(2) gives: names and values for tmpfs, ext4, proc, cgroup2, devpts, sysfs, mqueue and
 * overlay; objects in place of text; how many messages are kept; the state after a failed creation.
 */
#include "guest.h"
#include "recorded.h"
#include <linux/mount.h>

static const char expected[] =
#include "fsconfig_errors.inc"
	;

static int fd = -1;

static void begin(const char *type)
{
	if (fd >= 0)
		close(fd);
	fd = NEED(syscall(SYS_fsopen, type, 1));
	say("--- %s", type);
}

static bool message(size_t room)
{
	char text[512], *p;
	ssize_t n = read(fd, text, room);

	if (n < 0) {
		if (errno != ENODATA)
			say("    read: %s", t_errno(errno));
		return false;
	}
	text[n] = 0;
	for (p = text; (p = strchr(p, '\n')); p++)
		*p = '$';
	say("    %s", text);
	return true;
}

static void config(const char *what, unsigned cmd, const char *key, const void *value, int aux)
{
	long r = syscall(SYS_fsconfig, fd, cmd, key, value, aux);

	say("%s: %s", what, r ? t_errno(errno) : "0");
	while (message(500))
		;
}

static void flag(const char *key)
{
	config(key, FSCONFIG_SET_FLAG, key, NULL, 0);
}

static void text(const char *key, const char *value)
{
	char what[400];

	snprintf(what, sizeof(what), "%s=%s", key, value);
	config(what, FSCONFIG_SET_STRING, key, value, 0);
}

static void create(void)
{
	config("create", FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static void objects(const char *key)
{
	config("binary", FSCONFIG_SET_BINARY, key, "ab", 2);
	config("path", FSCONFIG_SET_PATH, key, "/", AT_FDCWD);
	config("empty path", FSCONFIG_SET_PATH_EMPTY, key, "", AT_FDCWD);
	config("descriptor", FSCONFIG_SET_FD, key, NULL, 0);
	config("bad descriptor", FSCONFIG_SET_FD, key, NULL, 999);
}

static void tmpfs(void)
{
	static const char *const sizes[] = { "", "x", "1z", "-1", "1m", "50%", "0x1000" };
	static const char *const words[] = { "", "1", "maybe", "never", "within_size" };
	static const char *const ids[] = { "4294967295", "4294967294", "0" };
	static const char *const modes[] = { "", "9", "-1", "0777", "7777777" };

	begin("tmpfs");
	flag("bogus");
	flag("");
	text("", "x");
	text("bogus", "a");
	flag("size");
	for (int i = 0; i < 7; i++)
		text("size", sizes[i]);
	for (int i = 0; i < 5; i++)
		text("nr_blocks", sizes[i]);
	for (int i = 0; i < 3; i++) {
		text("uid", ids[i]);
		text("gid", ids[i]);
	}
	for (int i = 0; i < 5; i++) {
		text("mode", modes[i]);
		text("huge", words[i]);
	}
	flag("inode64");
	text("inode64", "1");
	flag("noswap");
	flag("usrjquota");
	flag("noexec");
	flag("ro");
	text("rw", "anything");
	objects("size");
	objects("bogus");
	objects("sync");
	flag("source");
	objects("source");
	text("source", "one, with a comma");
	text("source", "two");
	config("exclusive", 8, NULL, NULL, 0);
	flag("ro");
	create();
}

/* The last eight messages stay; too small a buffer leaves one where it is. */
static void messages(void)
{
	char key[8];

	begin("tmpfs");
	say("none: %d", message(100));
	for (int i = 0; i < 11; i++) {
		sprintf(key, "b%d", i);
		syscall(SYS_fsconfig, fd, FSCONFIG_SET_FLAG, key, NULL, 0);
	}
	message(5);
	while (message(100))
		;
	T(write(fd, "x", 1) == -1);
}

static void disks(void)
{
	begin("ext4");
	flag("bogus");
	text("acl", "1");
	flag("acl");
	text("data", "some");
	flag("data");
	text("data", "ordered");
	text("errors", "shout");
	text("errors", "panic");
	text("commit", "x");
	text("commit", "5");
	text("barrier", "1");
	flag("barrier");
	text("jqfmt", "x");
	create();
	flag("ro");
	begin("ext4");
	text("source", "/does/not/exist");
	create();
	create();
	begin("ext4");
	text("source", "/proc/self/status");
	create();
}

static void kernels(void)
{
	begin("proc");
	text("hidepid", "invisible");
	text("hidepid", "5");
	text("hidepid", "");
	flag("hidepid");
	text("subset", "pid");
	text("subset", "none");
	text("gid", "x");
	text("gid", "0");
	text("bogus", "1");
	begin("cgroup2");
	flag("nsdelegate");
	text("nsdelegate", "1");
	flag("memory_recursiveprot");
	flag("bogus");
	begin("devpts");
	text("mode", "999");
	text("ptmxmode", "666");
	text("max", "x");
	text("newinstance", "1");
	flag("newinstance");
	begin("sysfs");
	flag("bogus");
	text("bogus", "1");
	begin("mqueue");
	flag("bogus");
}

static void overlay(void)
{
	NEED(mkdir("lower", 0755));
	NEED(mkdir("with:colon", 0755));
	NEED(close(NEED(open("file", O_CREAT | O_WRONLY, 0600))));
	begin("overlay");
	text("lowerdir", "missing");
	text("lowerdir", "file");
	text("lowerdir", "lower:missing");
	text("lowerdir", "with:colon");
	text("lowerdir", "lower:with\\:colon");
	text("upperdir", "missing");
	text("upperdir", "file");
	text("workdir", "");
	flag("upperdir");
	text("index", "off");
	text("index", "x");
	text("metacopy", "off");
	text("redirect_dir", "maybe");
	text("redirect_dir", "nofollow");
	text("xino", "auto");
	text("xino", "");
	flag("userxattr");
	text("volatile", "1");
	flag("bogus");
	begin("overlay");
	create();
}

TEST(fsconfig_errors)
{
	int probe = (int)syscall(SYS_fsopen, "overlay", 1);

	if (!in_guest() && (older_than(6, 18) || probe < 0))
		RECORDED(expected);
	close(probe);
	tmpfs();
	messages();
	disks();
	kernels();
	overlay();
}
