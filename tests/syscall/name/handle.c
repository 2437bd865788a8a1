/* SPDX-License-Identifier: MIT */
/*
 * name_to_handle_at(2), open_by_handle_at(2): sizes, flags, what is refused, renamed and removed
 * files, directories that are in no cache.
 */
#include "cgroup.h"

struct fh {
	struct file_handle h;
	unsigned char room[128];
};

static struct fh a;
static int mount_id, base;

static void errors(void)
{
	struct fh small = { .h = { .handle_bytes = 1 } }, big = { .h = { .handle_bytes = 129 } };

	a.h.handle_bytes = 128;
	T(name_to_handle_at(AT_FDCWD, "missing", &a.h, &mount_id, 0));
	T(name_to_handle_at(AT_FDCWD, "", &a.h, &mount_id, 0));
	T(name_to_handle_at(99, "f", &a.h, &mount_id, 0));
	T(name_to_handle_at(AT_FDCWD, "f", &a.h, &mount_id, 0x8000));
	T(name_to_handle_at(AT_FDCWD, BAD, &a.h, &mount_id, 0));
	G(name_to_handle_at(AT_FDCWD, "f", BAD, &mount_id, 0), "-1 EFAULT");
	G(name_to_handle_at(AT_FDCWD, "f", &a.h, BAD, 0), "-1 EFAULT");
	G(name_to_handle_at(AT_FDCWD, "f", &big.h, &mount_id, 0), "-1 EINVAL");
	G(name_to_handle_at(AT_FDCWD, "f", &small.h, &mount_id, 0), "-1 EOVERFLOW");
	GIS(small.h.handle_bytes >= 8);
	T(open_by_handle_at(AT_FDCWD, BAD, O_RDONLY));
	CHILD({
		NEED(setuid(65534));
		T(open_by_handle_at(AT_FDCWD, &a.h, O_RDONLY));
	});
}

static void opening(void)
{
	char buf[16];
	int fd;

	a.h.handle_bytes = 128;
	G(name_to_handle_at(AT_FDCWD, "f", &a.h, &mount_id, 0), "0");
	GIS(a.h.handle_type == 1 && mount_id > 0);
	fd = GNEED(open_by_handle_at(base, &a.h, O_RDWR));
	G(read(fd, buf, 16), "4");
	if (in_guest())
		close(fd);
	NEED(rename("f", "g"));
	fd = GNEED(open_by_handle_at(base, &a.h, O_RDONLY | O_CLOEXEC));
	G(fcntl(fd, F_GETFD), "1");
	G(pwrite(fd, "x", 1, 0), "-1 EBADF");
	if (in_guest())
		close(fd);
	G(open_by_handle_at(99, &a.h, O_RDONLY), "-1 EBADF");
	G(open_by_handle_at(base, &a.h, O_RDONLY | O_DIRECTORY), "-1 ENOTDIR");
	fd = GNEED(open_by_handle_at(base, &a.h, O_PATH));
	G(read(fd, buf, 1), "-1 EBADF");
	if (in_guest())
		close(fd);
	NEED(unlink("g"));
	G(open_by_handle_at(base, &a.h, O_RDONLY), "-1 ESTALE");
	a.h.handle_bytes = 0;
	G(open_by_handle_at(base, &a.h, O_RDONLY), "-1 EINVAL");
	a.h.handle_bytes = 4;
	G(open_by_handle_at(base, &a.h, O_RDONLY), "-1 ESTALE");
}

static void links(void)
{
	struct fh l = { .h = { .handle_bytes = 128 } }, t = { .h = { .handle_bytes = 128 } };

	t_text("t", "target");
	NEED(symlink("t", "l"));
	G(name_to_handle_at(AT_FDCWD, "l", &l.h, &mount_id, 0), "0");
	G(name_to_handle_at(AT_FDCWD, "l", &t.h, &mount_id, AT_SYMLINK_FOLLOW), "0");
	GIS(memcmp(l.room, t.room, 8) != 0);
	G(open_by_handle_at(base, &l.h, O_RDONLY), "-1 ELOOP");
	l.h.handle_bytes = 128;
	G(name_to_handle_at(base, "", &l.h, &mount_id, AT_EMPTY_PATH), "0");
}

/* The 64-bit number of a group is its handle. */
static void group(const char *path)
{
	struct fh c = { .h = { .handle_bytes = 128 } };
	struct stat st = { .st_ino = 0 };
	uint64_t id;

	G(name_to_handle_at(AT_FDCWD, path, &c.h, &mount_id, 0), "0");
	GIS(c.h.handle_type == 0xfe && c.h.handle_bytes == 8);
	G(stat(path, &st), "0");
	memcpy(&id, c.h.f_handle, sizeof(id));
	GIS(id == st.st_ino);
	a = c;
}

static void groups(void)
{
	int at, fd;

	cgroup_enter();
	G(mkdir("g", 0755), "0");
	group("g/cgroup.procs");
	group("g");
	at = GNEED(open(".", O_RDONLY | O_DIRECTORY));
	fd = GNEED(open_by_handle_at(at, &a.h, O_RDONLY));
	G(faccessat(fd, "cgroup.procs", F_OK, 0), "0");
	a.h.handle_type = 1;
	a.h.handle_bytes = 12;
	G(open_by_handle_at(at, &a.h, O_RDONLY), "-1 ESTALE");
	if (in_guest()) {
		close(fd);
		close(at);
	}
	G(rmdir("g"), "0");
	cgroup_leave();
}

/* After the caches were emptied the directory has no dentry. */
static void directory(void)
{
	struct fh d = { .h = { .handle_bytes = 128 } };
	char path[256], *tail;
	int fd, drop;

	NEED(mkdir("a", 0755));
	NEED(mkdir("a/b", 0755));
	NEED(mkdir("a/b/c", 0755));
	t_text("a/b/c/in", "inside");
	G(name_to_handle_at(AT_FDCWD, "a/b/c", &d.h, &mount_id, 0), "0");
	sync();
	drop = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (in_guest()) {
		write(drop, "3", 1);
		close(drop);
	}
	fd = GNEED(open_by_handle_at(base, &d.h, O_RDONLY));
	G(faccessat(fd, "in", F_OK, 0), "0");
	G(faccessat(fd, "../../../a/b/c/in", F_OK, 0), "0");
	G(fchdir(fd), "0");
	tail = in_guest() && getcwd(path, sizeof(path)) ? path + strlen(path) - 6 : path;
	GT(tail, "/a/b/c");
}

TEST(handle)
{
	base = NEED(open(".", O_RDONLY | O_DIRECTORY));
	t_text("f", "text");
	errors();
	opening();
	links();
	groups();
	directory();
}
