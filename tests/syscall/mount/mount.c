/* SPDX-License-Identifier: MIT */
/*
 * mount(2), umount2(2): tmpfs, bind, move, remount read-only, busy and lazy unmounting,
 * permissions.
 */
#include "t.h"
#include <sys/mount.h>

static void basic(void)
{
	struct stat a, b;
	int fd;

	NEED(mkdir("m", 0755));
	t_text("m/under", "under");
	T(mount("none", "m", "tmpfs", 0, "size=1m,mode=0750"));
	NEED(stat("m", &a));
	say("mode %04o", a.st_mode & 07777);
	T(access("m/under", F_OK));
	t_text("m/f", "on top");
	NEED(stat("m/f", &a));
	NEED(stat(".", &b));
	say("another device: %d", a.st_dev != b.st_dev);
	NEED(stat("m/..", &a));
	say(".. leaves the mount: %d", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	T(rename("m/f", "f"));
	T(link("m/f", "f"));
	T(rmdir("m"));
	T(rename("m", "m2"));
	fd = NEED(open("m/f", O_RDONLY));
	T(umount2("m", 0));
	T(umount2("m", UMOUNT_NOFOLLOW));
	close(fd);
	T(umount2("m", 0));
	T(umount2("m", 0));
	t_cat("m/under");
}

static void read_only(void)
{
	NEED(mount("none", "m", "tmpfs", 0, NULL));
	t_text("m/f", "x");
	T(mount("none", "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	T(open("m/f", O_RDWR));
	OK(open("m/f", O_RDONLY));
	T(open("m/new", O_RDWR | O_CREAT, 0600));
	T(mkdir("m/d", 0700));
	T(unlink("m/f"));
	T(chmod("m/f", 0600));
	T(rename("m/f", "m/g"));
	T(access("m/f", W_OK));
	T(utimensat(AT_FDCWD, "m/f", NULL, 0));
	T(mount("none", "m", NULL, MS_REMOUNT, NULL));
	T(unlink("m/f"));
	{
		int fd = NEED(open("m/w", O_RDWR | O_CREAT, 0600));

		T(mount("none", "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
		close(fd);
	}
	T(umount2("m", MNT_DETACH));
}

static void flags(void)
{
	int fd;

	NEED(mount("none", "m", "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID, NULL));
	NEED(mknod("m/null", S_IFCHR | 0666, 0x103));
	T(open("m/null", O_RDWR));
	t_text("m/script", "#!/bin/sh\n");
	NEED(chmod("m/script", 0755));
	CHILD(T(execl("m/script", "script", NULL)));
	T(access("m/script", X_OK));
	fd = NEED(open("m/script", O_RDONLY));
	T(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0);
	close(fd);
	T(umount2("m", 0));
}

static void binds(void)
{
	NEED(mkdir("src", 0755));
	NEED(mkdir("dst", 0755));
	t_text("src/f", "bound");
	t_text("file", "file");
	T(mount("src", "dst", NULL, MS_BIND, NULL));
	t_cat("dst/f");
	t_text("dst/g", "both");
	t_cat("src/g");
	T(rename("src/f", "dst/f2"));
	T(mount(NULL, "dst", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	T(open("dst/f", O_RDWR));
	OK(open("src/f", O_RDWR));
	T(umount2("dst", 0));
	T(mount("file", "src/f", NULL, MS_BIND, NULL));
	t_cat("src/f");
	T(unlink("src/f"));
	T(umount2("src/f", 0));
	t_cat("src/f");
	T(mount("file", "dst", NULL, MS_BIND, NULL));
	T(mount("src", "file", NULL, MS_BIND, NULL));
	T(mount("missing", "dst", NULL, MS_BIND, NULL));
}

static void moving(void)
{
	NEED(mount("none", "src", "tmpfs", 0, NULL));
	NEED(mount(NULL, "src", NULL, MS_PRIVATE, NULL));
	t_text("src/in", "moved");
	NEED(mkdir("src/sub", 0755));
	NEED(mkdir("src/sub2", 0755));
	NEED(mount("none", "src/sub", "tmpfs", 0, NULL));
	NEED(mount(NULL, "src/sub", NULL, MS_PRIVATE, NULL));
	t_text("src/sub/deep", "deep");
	T(mount("src/sub", "src/sub2", NULL, MS_MOVE, NULL));
	t_cat("src/sub2/deep");
	t_cat("src/sub/deep");
	T(mount("src", "src/sub2", NULL, MS_MOVE, NULL));
	T(mount("src/sub", "dst", NULL, MS_MOVE, NULL)); /* no mount point */
	T(umount2("src", 0));                            /* busy: a mount below */
	T(umount2("src", MNT_DETACH));
	t_cat("src/f");
}

static void stacked(void)
{
	NEED(mount("none", "m", "tmpfs", 0, NULL));
	t_text("m/first", "1");
	NEED(mount("none", "m", "tmpfs", 0, NULL));
	T(access("m/first", F_OK));
	T(umount2("m", 0));
	T(access("m/first", F_OK));
	NEED(symlink("m", "l"));
	T(umount2("l", UMOUNT_NOFOLLOW));
	T(umount2("l", 0));
}

static void errors(void)
{
	T(mount("none", "missing", "tmpfs", 0, NULL));
	T(mount("none", "m", "nosuchfs", 0, NULL));
	T(mount("none", "m", NULL, 0, NULL));
	T(mount("none", BAD, "tmpfs", 0, NULL));
	T(mount("none", "file", "tmpfs", 0, NULL));
	T(mount("none", "m", "tmpfs", MS_REMOUNT, NULL));
	T(umount2("missing", 0));
	T(umount2("m", 0x100));
	CHILD({
		NEED(setuid(65534));
		T(mount("none", "m", "tmpfs", 0, NULL));
		T(umount2("m", 0));
	});
}

static void mounts_file(void)
{
	char line[4096];
	FILE *f;

	NEED(mount("source", "m", "tmpfs", MS_NOSUID | MS_RDONLY, NULL));
	f = fopen("/proc/self/mounts", "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "source ", 7)) {
			char *rest = strstr(line, "/m ");

			say("%.15s", rest ? rest : "?");
		}
	fclose(f);
	T(umount2("m", 0));
}

TEST(mount)
{
	basic();
	read_only();
	flags();
	binds();
	moving();
	stacked();
	errors();
	mounts_file();
}
