/* SPDX-License-Identifier: MIT */
/*
 * chown(2), fchown(2), lchown(2), fchownat(2): ids, -1, set-id bits, permissions; a chown while the
 * old owner sets the set-user-id bit.
 */
#include "t.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

static void show(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		say("%s: %s", path, t_errno(errno));
	else
		say("%s: %d:%d %04o", path, (int)st.st_uid, (int)st.st_gid, st.st_mode & 07777);
}

static char *late; /* a page that comes when it is sent */

static void *write_late(void *path)
{
	int fd = NEED(open(path, O_WRONLY));

	NEED(write(fd, late, PAGE));
	close(fd);
	return NULL;
}

/*
 * A write holds the file's lock. The owner's chmod() waits for it, and the chown() waits after
 * that.
 */
static void chmod_meanwhile(void)
{
	int uffd = (int)NEED(syscall(SYS_userfaultfd, O_CLOEXEC));
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .len = PAGE };
	static char page[PAGE];
	struct uffd_msg msg;
	pthread_t writer;
	pid_t old, new;

	t_text("g", "x");
	NEED(chmod("g", 0755));
	NEED(chown("g", 1000, 20));
	late = t_pages(1);
	r.range.start = copy.dst = (uintptr_t)late;
	r.range.len = PAGE;
	copy.src = (uintptr_t)page;
	NEED(ioctl(uffd, UFFDIO_API, &api));
	NEED(ioctl(uffd, UFFDIO_REGISTER, &r));
	pthread_create(&writer, NULL, write_late, "g");
	NEED(read(uffd, &msg, sizeof(msg)));
	old = SPAWN({
		NEED(setuid(1000));
		chmod("g", 04755);
	});
	t_until(old, 'D');
	new = SPAWN(NEED(chown("g", 1001, -1)));
	t_until(new, 'D');
	NEED(ioctl(uffd, UFFDIO_COPY, &copy));
	pthread_join(writer, NULL);
	t_wait("the old owner", old);
	t_wait("who gives it away", new);
	show("g");
	close(uffd);
}

TEST(chown)
{
	gid_t groups[] = { 20, 30 };
	int fd, dir;

	t_text("f", "x");
	NEED(symlink("f", "l"));
	T(chown("f", 10, 20));
	show("f");
	T(chown("f", -1, 30));
	show("f");
	T(chown("f", 11, -1));
	show("f");
	T(chown("l", 12, 12));
	show("f");
	T(lchown("l", 13, 14));
	show("l");
	show("f");
	fd = NEED(open("f", O_RDONLY));
	T(fchown(fd, 15, 16));
	show("f");
	T(fchown(-1, 0, 0));
	T(fchown(NEED(open("f", O_PATH)), 0, 0));
	T(fchownat(fd, "", 17, 18, AT_EMPTY_PATH));
	show("f");
	T(fchownat(AT_FDCWD, "l", 19, 19, AT_SYMLINK_NOFOLLOW));
	show("l");
	T(fchownat(AT_FDCWD, "f", 1, 1, 0x4000));
	NEED(mkdir("d", 0755));
	dir = NEED(open("d", O_RDONLY));
	T(fchownat(dir, "../f", 21, 22, 0));
	show("f");
	T(chown("missing", 0, 0));
	T(chown("f/x", 0, 0));
	T(chown(BAD, 0, 0));
	T(chown("f", 2147483647, 65536));
	show("f");

	/*
	 * set-id bits go, by root too; a set-gid bit without group execute (mandatory locking)
	 * stays
	 */
	NEED(chmod("f", 06755));
	T(chown("f", 1, 1));
	show("f");
	NEED(chmod("f", 06745));
	T(chown("f", 1, 1));
	show("f");
	NEED(chmod("d", 06755));
	T(chown("d", 1, 1));
	show("d");

	NEED(chown("f", 1000, 20));
	CHILD({
		NEED(setgroups(2, groups));
		NEED(setgid(20));
		NEED(setuid(1000));
		T(chown("f", 1000, 30)); /* to a group of the owner */
		T(chown("f", 1000, 40));
		T(chown("f", 1001, -1));
		T(chown("f", -1, -1));
		T(chown("d", -1, -1));
	});
	CHILD({
		NEED(setuid(1001));
		T(chown("f", 1001, -1));
		T(chown("f", -1, -1));
	});
	show("f");
	chmod_meanwhile();
}
