/* SPDX-License-Identifier: MIT */
/*
 * overlay: overlayfs: layers, copying up, whiteouts, opaque directories, renames, hard links,
 * listings, xattrs, inode numbers, two lowers, read-only.
 */
#include "guest.h"
#include "mounts.h"
#include <dirent.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static const char *text_of(const char *path)
{
	static char buf[200];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd == -1)
		return t_errno(errno);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	return buf;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Returns a directory's names, sorted, with what is wrong about their types and numbers. */
static const char *names_of(const char *path)
{
	static char all[1000];
	char *names[100], file[300];
	struct dirent *e;
	struct stat st;
	int n = 0, i;
	DIR *d = opendir(path);

	if (!d)
		return t_errno(errno);
	while ((e = readdir(d)) && n < 100) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		i = lstat(file, &st);
		snprintf(file, sizeof(file), "%s%s%s", e->d_name, i ? "(stat)" : "",
			st.st_ino != e->d_ino ? "(ino)" : "");
		names[n++] = strdup(file);
	}
	closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	all[0] = 0;
	for (i = 0; i < n; i++) {
		strcat(all, i ? " " : "");
		strcat(all, names[i]);
	}
	return all;
}

static bool is_whiteout(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

static void make_layers(void)
{
	NEED(mkdir("l1", 0755));
	NEED(mkdir("l2", 0755));
	NEED(mkdir("u", 0755));
	NEED(mkdir("w", 0755));
	NEED(mkdir("m", 0755));
	t_text("l1/a", "a of l1");
	t_text("l2/a", "a of l2");
	t_text("l2/b", "b of l2");
	t_text("l2/gone", "gone");
	NEED(mkdir("l1/d", 0755));
	NEED(mkdir("l2/d", 0750));
	t_text("l1/d/one", "1");
	t_text("l2/d/two", "2");
	NEED(mkdir("l2/e", 0755));
	NEED(mkdir("l2/e/f", 0755));
	t_text("l2/e/f/deep", "deep");
	NEED(mkdir("l2/empty", 0755));
	NEED(symlink("b", "l2/link"));
	NEED(link("l2/b", "l2/b2"));
	if (in_guest())
		NEED(mknod("l1/gone", S_IFCHR, 0));
}

static void reading(void)
{
	struct statfs sf;
	struct stat st;

	G(mount("overlay", "m", "overlay", 0, "lowerdir=l1:l2"), "0");
	GT(names_of("m"), "a b b2 d e empty link");
	GT(names_of("m/d"), "one two");
	GT(text_of("m/a"), "a of l1");
	GT(text_of("m/link"), "b of l2");
	GT(text_of("m/gone"), "ENOENT");
	G(open("m/a", O_RDWR), "-1 EROFS");
	G(mkdir("m/x", 0755), "-1 EROFS");
	G(unlink("m/a"), "-1 EROFS");
	G(statfs("m", &sf), "0");
	GIS(sf.f_type == 0x794c7630);
	G(stat("m/d", &st), "0");
	GIS((st.st_mode & 0777) == 0755 && st.st_nlink == 1);
	G(umount("m"), "0");
}

static void writing(void)
{
	struct stat before, after;
	char buf[32];
	int fd, old;

	G(mount("overlay", "m", "overlay", 0, "lowerdir=l1:l2,upperdir=u,workdir=w"), "0");
	GNEED(stat("m/b", &before));
	old = GNEED(open("m/b", O_RDONLY));
	fd = GNEED(open("m/b", O_WRONLY | O_APPEND));
	G(write(fd, "+", 1), "1");
	if (in_guest())
		close(fd);
	G(read(old, buf, 32), "8"); /* opened before: sees the new one */
	if (in_guest())
		close(old);
	GT(text_of("m/b"), "b of l2+");
	GT(text_of("u/b"), "b of l2+");
	GT(text_of("l2/b"), "b of l2");
	GT(text_of("m/b2"), "b of l2"); /* the link is broken */
	G(chmod("m/a", 0600), "0");
	GNEED(stat("m/a", &before));
	GT(text_of("u/a"), "a of l1");
	G(truncate("m/a", 3), "0");
	GT(text_of("m/a"), "a o");
	GNEED(stat("m/a", &after));
	GIS(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
	G(link("m/a", "m/a2"), "0");
	GNEED(stat("m/a2", &after));
	GIS(after.st_ino == before.st_ino && after.st_nlink == 2);
	G(unlink("m/a"), "0");
	GIS(is_whiteout("u/a"));
	GT(text_of("m/a2"), "a o");
	GNEED(stat("m/a2", &after));
	GIS(after.st_nlink == 1);
	G(unlink("m/b2"), "0");
	GT(names_of("m"), "a2 b d e empty link");
	fd = GNEED(open("m/b2", O_CREAT | O_EXCL | O_WRONLY, 0640)); /* over a whiteout */
	if (in_guest())
		close(fd);
	GNEED(stat("m/b2", &after));
	GIS((after.st_mode & 07777) == 0640 && after.st_size == 0);
	G(mknod("m/white", S_IFCHR, 0), "-1 EPERM");
	G(symlink("x", "m/sym"), "0");
	G(unlink("m/sym"), "0");
	GIS(access("u/sym", F_OK) == -1 && !is_whiteout("u/sym"));
}

static void directories(void)
{
	G(rmdir("m/d"), "-1 ENOTEMPTY");
	G(unlink("m/d/one"), "0");
	G(unlink("m/d/two"), "0");
	GT(names_of("m/d"), "");
	G(rmdir("m/d"), "0");
	GIS(is_whiteout("u/d"));
	G(mkdir("m/d", 0755), "0");
	GT(names_of("m/d"), ""); /* opaque */
	GT(getxattr("u/d", "trusted.overlay.opaque", (char[2]){ 0 }, 1) == 1 ? "y" : "n", "y");
	G(rename("m/e", "m/e2"), "-1 EXDEV");
	G(rename("m/d", "m/d2"), "0");
	GIS(is_whiteout("u/d"));
	G(rename("m/b", "m/d2/b"), "0");
	GIS(is_whiteout("u/b"));
	GT(text_of("m/d2/b"), "b of l2+");
	G(rename("m/d2", "m/empty"), "0"); /* over a lower directory that is empty */
	GT(names_of("m/empty"), "b");
	G(rename("m/empty/b", "m/b"), "0"); /* over the whiteout */
	GT(text_of("m/b"), "b of l2+");
	G(syscall(SYS_renameat2, AT_FDCWD, "m/b", AT_FDCWD, "m/link", 2), "0");
	GT(text_of("m/link"), "b of l2+");
	GT(names_of("m"), "a2 b b2 e empty link");
	G(rename("m/e/f/deep", "m/e/deep"), "0");
	GT(names_of("m/e"), "deep f");
	GT(names_of("m/e/f"), "");
}

static void nameless(void)
{
	struct stat st;
	int fd = GNEED(open("m/e", O_TMPFILE | O_RDWR, 0640));

	G(write(fd, "tmp", 3), "3");
	GNEED(fstat(fd, &st));
	GIS(st.st_nlink == 0 && st.st_size == 3 && (st.st_mode & 07777) == 0640);
	G(linkat(fd, "", AT_FDCWD, "m/e/named", AT_EMPTY_PATH), "0");
	GT(text_of("m/e/named"), "tmp");
	GNEED(fstat(fd, &st));
	GIS(st.st_nlink == 1);
	if (in_guest())
		close(fd);
	G(unlink("m/e/named"), "0");
}

static void xattrs(void)
{
	char list[200];

	G(setxattr("m/e/deep", "user.x", "1", 1, 0), "0");
	G(listxattr("m/e/deep", list, sizeof(list)), "7");
	GIS(!strcmp(list, "user.x"));
	G(getxattr("m/e/deep", "trusted.overlay.origin", list, sizeof(list)), "-1 EOPNOTSUPP");
	G(setxattr("m/e/deep", "trusted.overlay.opaque", "y", 1, 0), "-1 EOPNOTSUPP");
	G(removexattr("m/e/deep", "user.x"), "0");
	G(listxattr("m/e/deep", list, sizeof(list)), "0");
}

static void mapping(void)
{
	char *p, *q;
	int fd = GNEED(open("m/e/deep", O_RDWR));

	if (!in_guest()) {
		say("mapped: yes");
		return;
	}
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	memcpy(p, "DEEP", 4);
	say("mapped: %s", !strcmp(text_of("m/e/deep"), "DEEP") && q[0] == 'D' ? "yes" : "no");
	munmap(p, 4096);
	munmap(q, 4096);
	close(fd);
}

/* Tests everything again after a remount, from what is on disk, and with redirects. */
static void again(void)
{
	G(umount("m"), "0");
	GT(names_of("w/work"), "");
	G(mount("overlay", "m", "overlay", 0,
		  "lowerdir=l1:l2,upperdir=u,workdir=w,redirect_dir=on"),
		"0");
	GT(names_of("m"), "a2 b b2 e empty link");
	GT(names_of("m/empty"), "");
	GT(text_of("m/e/deep"), "DEEP");
	G(rename("m/e", "m/moved"), "0");
	GT(names_of("m/moved"), "deep f");
	G(rename("m/moved", "m/empty/sub"), "0");
	GT(names_of("m/empty/sub"), "deep f");
	G(umount("m"), "0");
	G(mount("overlay", "m", "overlay", 0,
		  "lowerdir=l1:l2,upperdir=u,workdir=w,redirect_dir=on"),
		"0");
	GT(names_of("m/empty/sub"), "deep f");
	GT(text_of("m/empty/sub/deep"), "DEEP");
	G(umount("m"), "0");
}

static void refused(void)
{
	G(mount("overlay", "m", "overlay", 0, NULL), "-1 EINVAL");
	G(mount("overlay", "m", "overlay", 0, "upperdir=u,workdir=w"), "-1 EINVAL");
	G(mount("overlay", "m", "overlay", 0, "lowerdir=l1,upperdir=u"), "-1 EINVAL");
	G(mount("overlay", "m", "overlay", 0, "lowerdir=missing"), "-1 ENOENT");
	G(mount("overlay", "m", "overlay", 0, "lowerdir=l1/a"), "-1 ENOTDIR");
	G(mount("overlay", "m", "overlay", 0, "lowerdir=l1,nonsense"), "-1 EINVAL");
	G(mount("overlay", "m", "overlay", 0, "lowerdir=l1,upperdir=u,workdir=u"), "-1 EINVAL");
	G(mount("overlay", "m", "overlay", 0, "lowerdir=l1,upperdir=u,workdir=u/e"), "-1 ENOTDIR");
}

TEST(overlay)
{
	/* on tmpfs: quick, and the root may be read-only */
	if (in_guest()) {
		scratch_enter(NULL);
	}
	make_layers();
	reading();
	writing();
	directories();
	nameless();
	xattrs();
	mapping();
	again();
	refused();
	if (in_guest()) {
		scratch_leave();
	}
}
