/* SPDX-License-Identifier: MIT */
/*
 * overlay_meta: files whose data is in a lower layer, or in a data-only layer (metacopy=on,
 * lowerdir=l::d, datadir+), made without the overlay: read, changed, linked, renamed, and mounted
 * anew; and which options go together.
 */
#include "mounts.h"
#include <sys/mount.h>
#include <sys/xattr.h>

#ifndef FSCONFIG_SET_STRING
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_CMD_CREATE 6
#endif

static void put(const char *path, const char *text)
{
	int fd = NEED(open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644));

	NEED(write(fd, text, strlen(text)));
	NEED(close(fd));
}

static const char *text_of(const char *path)
{
	static char buf[300];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd == -1)
		return t_errno(errno);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n < 0)
		return t_errno(errno);
	buf[n] = 0;
	return buf;
}

/*
 * Makes a file with attributes and a size whose data is in another file: of the same name, or
 * @redirect.
 */
static void meta(const char *path, mode_t mode, long size, const char *redirect)
{
	int fd = NEED(open(path, O_CREAT | O_WRONLY, mode));

	NEED(fchmod(fd, mode));
	NEED(ftruncate(fd, size));
	NEED(fsetxattr(fd, "trusted.overlay.metacopy", "", 0, 0));
	if (redirect)
		NEED(fsetxattr(fd, "trusted.overlay.redirect", redirect, strlen(redirect), 0));
	NEED(close(fd));
}

static void show(const char *path)
{
	struct stat st;
	char mark;

	if (stat(path, &st)) {
		say("%s: stat %s", path, t_errno(errno));
		return;
	}
	say("%s: %o size %ld, blocks %d: %s", path, st.st_mode, (long)st.st_size, st.st_blocks > 0,
		text_of(path));
	say("  hidden %d", getxattr(path, "trusted.overlay.metacopy", &mark, 1) >= 0);
}

static int try_mount(const char *options)
{
	int err = mount("o", "m", "overlay", 0, options);

	say("%s: %s", options, err ? t_errno(errno) : "mounted");
	return err;
}

static void make_layers(void)
{
	static const char *const dirs[] = { "u", "w", "l1", "l2", "l2/sub", "d1", "d2", "d2/deep",
		"m", "empty" };

	for (unsigned i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		NEED(mkdir(dirs[i], 0755));
	put("l2/same", "lower data");
	put("l2/sub/far", "far data");
	put("l2/other", "other data");
	put("l2/plain", "plain");
	put("l2/forup", "data of up");
	put("d1/first", "first data");
	put("d1/hidden", "nobody sees it");
	put("d2/deep/second", "second data");
	meta("l1/same", 0600, 10, NULL);
	meta("l1/moved", 0640, 8, "/sub/far");
	meta("l1/beside", 0644, 10, "other");
	meta("l1/lost", 0644, 10, NULL);
	meta("l1/one", 0755, 10, "/first");
	meta("l1/two", 0644, 11, "/deep/second");
	meta("l1/gone", 0644, 11, "/deep/nothing");
	meta("l1/relative", 0644, 10, "first");
	meta("u/up", 0604, 10, "/forup");
	meta("u/plain", 0611, 5, NULL);
}

static void show_all(void)
{
	static const char *const files[] = { "m/same", "m/moved", "m/beside", "m/lost", "m/one",
		"m/two", "m/gone", "m/relative", "m/up", "m/plain", "m/first", "m/hidden", "m/deep",
		"m/other" };

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		show(files[i]);
}

static void reading(const char *options)
{
	if (try_mount(options))
		return;
	show_all();
	NEED(umount("m"));
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	if (fd == -1) {
		say("append to %s: %s", path, t_errno(errno));
		return;
	}
	NEED(write(fd, text, strlen(text)));
	NEED(close(fd));
	say("%s: %s", path, text_of(path));
}

static void writing(void)
{
	const char *options =
		"lowerdir=l1:l2::d1::d2,upperdir=u,workdir=w,metacopy=on,redirect_dir=on";
	int early;

	if (try_mount(options))
		return;
	early = NEED(open("m/up", O_RDONLY));
	append("m/same", "+");
	append("m/one", "+");
	append("m/up", "+");
	append("m/gone", "+");
	say("through an older descriptor: %ld", (long)lseek(early, 0, SEEK_END));
	NEED(close(early));
	T(chmod("m/two", 0600));
	show("m/two");
	T(rename("m/moved", "m/sub/renamed"));
	show("m/sub/renamed");
	T(link("m/beside", "m/linked"));
	append("m/linked", "+");
	show("m/beside");
	T(truncate("m/plain", 3));
	show("m/plain");
	T(truncate("m/two", 0));
	show("m/two");
	NEED(umount("m"));
	if (try_mount(options))
		return;
	show_all();
	show("m/sub/renamed");
	show("m/linked");
	NEED(umount("m"));
	say("below: %s", text_of("l2/same"));
	say("below: %s", text_of("d1/first"));
}

static int set(int fd, const char *key, const char *value)
{
	int err = (int)syscall(SYS_fsconfig, fd, FSCONFIG_SET_STRING, key, value, 0);

	say("  %s=%s: %s", key, value, err ? t_errno(errno) : "ok");
	return err;
}

static void by_fsconfig(void)
{
	int fd = NEED(syscall(SYS_fsopen, "overlay", 0)), m;

	say("fsconfig");
	set(fd, "metacopy", "on");
	set(fd, "lowerdir+", "l1");
	set(fd, "lowerdir+", "l2");
	set(fd, "datadir+", "d1");
	set(fd, "datadir+", "d2");
	set(fd, "datadir+", "none");
	set(fd, "lowerdir+", "empty");
	T(syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	m = (int)syscall(SYS_fsmount, fd, 0, 0);
	say("fsmount %s", m < 0 ? t_errno(errno) : "ok");
	if (m >= 0) {
		NEED(syscall(SYS_move_mount, m, "", AT_FDCWD, "m", 4));
		show("m/one");
		show("m/two");
		NEED(close(m));
		NEED(umount("m"));
	}
	NEED(close(fd));
	fd = NEED(syscall(SYS_fsopen, "overlay", 0));
	set(fd, "datadir+", "d1");
	T(syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	NEED(close(fd));
}

static void options(void)
{
	static const char *const all[] = { "lowerdir=l1:l2,metacopy=on,redirect_dir=off",
		"lowerdir=l1:l2,metacopy=on,redirect_dir=follow",
		"lowerdir=l1:l2,metacopy=on,redirect_dir=nofollow",
		"lowerdir=l1:l2,metacopy=on,userxattr", "lowerdir=l1:l2,metacopy=off",
		"lowerdir=l1::d1:d2", "lowerdir=::d1", "lowerdir=l1:::d1",
		"lowerdir=l1::", "lowerdir=l1,upperdir=u,workdir=w,metacopy=on,redirect_dir=follow",
		"lowerdir=l1,upperdir=u,workdir=w,metacopy=on,redirect_dir=off" };

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!try_mount(all[i]))
			NEED(umount("m"));
}

TEST(overlay_meta)
{
	own_mounts();
	scratch_enter(NULL);
	make_layers();
	options();
	reading("lowerdir=l1:l2,metacopy=on");
	reading("lowerdir=l1:l2");
	reading("lowerdir=l1:l2::d1::d2,metacopy=on");
	reading("lowerdir=l1:l2::d1::d2");
	reading("lowerdir=l1:l2::d1::d2,upperdir=u,workdir=w,metacopy=on");
	by_fsconfig();
	writing();
	scratch_leave();
}
