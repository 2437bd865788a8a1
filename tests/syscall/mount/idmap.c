/* SPDX-License-Identifier: MIT */
/*
 * idmap: id-mapped mounts: which users may make them of which file systems, and the owners of their
 * files for stat and for each permission check.
 */
#include "userns.h"
#include "mounts.h"

#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define IDMAP 0x00100000

struct attr {
	uint64_t set, clear, propagation, userns;
};

static long setattr(int fd, const char *path, unsigned flags, struct attr a)
{
	return syscall(SYS_mount_setattr, fd, path, flags, &a, sizeof(a));
}

static int tree(const char *path, unsigned more)
{
	return NEED(syscall(SYS_open_tree, AT_FDCWD, path, 1 | O_CLOEXEC | more));
}

static long place(int fd, const char *path)
{
	return syscall(SYS_move_mount, fd, "", AT_FDCWD, path, 4);
}

/* Returns a descriptor of a user namespace with this map of users and groups; NULL: no map. */
static int userns(const char *map)
{
	char c;
	int ready[2], fd;
	pid_t pid;

	NEED(pipe(ready));
	pid = SPAWN({
		NEED(unshare(CLONE_NEWUSER));
		NEED(write(ready[1], "x", 1));
		pause();
	});
	NEED(read(ready[0], &c, 1));
	if (map) {
		userns_write(pid, "uid_map", map);
		userns_write(pid, "gid_map", map);
	}
	fd = userns_open(pid);
	t_kill(pid);
	close(ready[0]);
	close(ready[1]);
	return fd;
}

static void become(uid_t id)
{
	t_become(id, id);
}

static void whose(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		say("%s: %s", path, t_errno(errno));
	else
		say("%s: %u:%u %o", path, st.st_uid, st.st_gid, st.st_mode & 07777);
}

/* Prints the words after the place of the mount at @path in mountinfo. */
static void mountinfo(const char *path)
{
	char line[8192], place[8192], options[256], here[4096];
	FILE *f = fopen("/proc/self/mountinfo", "r");

	getcwd(here, sizeof(here));
	strcat(here, path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s %4000s %255s", place, options) == 2 &&
			!strcmp(place, here))
			say("%s: %s", path, options);
	fclose(f);
}

/* Prints the maps that statmount() returns. */
static void maps(const char *path)
{
	struct {
		uint32_t size, opts;
		uint64_t mask;
		char more[136];
		uint32_t unum, uid, gnum, gid;
		char spare[344], text[256];
	} a;
	struct {
		uint32_t size, spare;
		uint64_t id, param;
	} rq = { 24, 0, 0, 0x6002 };
	struct statx stx;

	_Static_assert(offsetof(__typeof__(a), text) == 512, "struct statmount");
	NEED(statx(AT_FDCWD, path, 0, 0x4000, &stx));
	rq.id = stx.stx_mnt_id;
	memset(&a, 0, sizeof(a));
	T(syscall(457, &rq, &a, sizeof(a), 0));
	say("mask %lx, %u and %u", (long)a.mask, a.unum, a.gnum);
	for (unsigned i = 0, at = a.uid; i < a.unum; i++, at += strlen(a.text + at) + 1)
		say("users %s", a.text + at);
	for (unsigned i = 0, at = a.gid; i < a.gnum; i++, at += strlen(a.text + at) + 1)
		say("groups %s", a.text + at);
}

/* ---- what is refused ---- */

static void refusals(int map)
{
	int self = NEED(open("/proc/self/ns/user", O_RDONLY)),
	    net = NEED(open("/proc/self/ns/net", O_RDONLY)), none = userns(NULL), fd = tree("t", 0),
	    w;

	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ 0, IDMAP, 0, map }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, IDMAP, 0, map }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, 1UL << 31 }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, 0x7fffffff }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, 1UL << 40 }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, fd }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, net }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, self }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, none }));
	T(setattr(fd, "none", 0, (struct attr){ IDMAP, 0, 0, self }));
	T(setattr(fd, "none", 0, (struct attr){ IDMAP, 0, 0, map }));
	T(setattr(fd, "d", 0, (struct attr){ IDMAP, 0, 0, map }));
	T(setattr(AT_FDCWD, "t", 0, (struct attr){ IDMAP, 0, 0, map }));
	w = NEED(openat(fd, "w", O_CREAT | O_WRONLY, 0600));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, map }));
	close(w);
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP | MOUNT_ATTR_NOEXEC, 0, 0, map }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, map }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ 0, IDMAP, 0, map }));
	T(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ MOUNT_ATTR_RDONLY, 0, 0, 0 }));
	T(place(fd, "m"));
	mountinfo("/m");
	NEED(unlink("t/w"));
	T(umount2("m", MNT_DETACH));
	close(fd);
	close(none);
	close(self);
	close(net);
}

static void by_type(const char *type, int map)
{
	int fs, fd;

	if (mount("none", "m", type, 0, NULL)) {
		say("%s: %s", type, t_errno(errno));
		return;
	}
	fs = tree("m", 0);
	fd = setattr(fs, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, map });
	say("%s: %s", type, fd ? t_errno(errno) : "yes");
	close(fs);
	NEED(umount("m"));
}

/* If one of two mounts cannot be mapped, neither is. */
static void trees(int map)
{
	int fd, again;

	NEED(mount("none", "t/d", "tmpfs", 0, NULL));
	fd = tree("t", AT_RECURSIVE);
	T(setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, (struct attr){ IDMAP, 0, 0, map }));
	T(place(fd, "m"));
	mountinfo("/m");
	mountinfo("/m/d");
	again = tree("m", 0);
	T(setattr(again, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, map }));
	T(place(again, "m/d"));
	mountinfo("/m/d");
	NEED(umount2("m", MNT_DETACH));
	NEED(mount("none", "t/d", "proc", 0, NULL));
	close(fd);
	fd = tree("t", AT_RECURSIVE);
	T(setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, (struct attr){ IDMAP, 0, 0, map }));
	T(place(fd, "m"));
	mountinfo("/m");
	NEED(umount2("m", MNT_DETACH));
	NEED(umount2("t/d", MNT_DETACH));
	NEED(umount2("t/d", MNT_DETACH));
	close(fd);
	close(again);
}

/* ---- whose files they are ---- */

static void make_mapped(int map, const char *where)
{
	int fd = tree("t", 0);

	NEED(setattr(fd, "", AT_EMPTY_PATH, (struct attr){ IDMAP, 0, 0, map }));
	NEED(place(fd, where));
	close(fd);
}

static int file(const char *path, uid_t owner, mode_t mode)
{
	int fd = NEED(open(path, O_CREAT | O_RDWR, 0600));

	NEED(fchown(fd, owner, owner));
	NEED(fchmod(fd, mode));
	return fd;
}

/* The file system's id 1000 is 2000 here, 0 is 0, and others are unmapped. */
static void seen(void)
{
	struct statx stx;

	close(file("t/zero", 0, 0644));
	close(file("t/one", 1000, 0640));
	close(file("t/other", 3000, 0666));
	NEED(symlink("one", "t/link"));
	NEED(lchown("t/link", 1000, 1000));
	whose("m/zero");
	whose("m/one");
	whose("m/other");
	whose("m/link");
	NEED(statx(AT_FDCWD, "m/one", 0, STATX_ALL, &stx));
	say("statx %u:%u", stx.stx_uid, stx.stx_gid);
	T(access("m/other", W_OK));
	T(access("m/other", R_OK));
	T(open("m/other", O_RDWR));
	T(unlink("m/other"));
	T(rename("m/other", "m/others"));
	T(rename("m/one", "m/other"));
	T(link("m/other", "m/another"));
	T(chmod("m/other", 0600));
	T(chown("m/other", 0, -1));
	T(truncate("m/other", 0));
	T(setxattr("m/other", "user.a", "b", 1, 0));
	T(utimensat(AT_FDCWD, "m/other", NULL, 0));
	T(chown("m/other", 2000, 2000));
	whose("t/other");
	T(chown("m/other", 1000, -1));
	T(chown("m/other", -1, 1000));
	T(chown("m/other", 0, 2000));
	whose("t/other");
	T(lchown("m/link", 0, 0));
	whose("t/link");
	CHILD({
		become(2000);
		T(open("m/one", O_RDONLY) >= 0);
		T(chmod("m/one", 0600));
		T(chmod("m/zero", 0600));
		T(open("t/one", O_RDONLY));
		T(chown("m/one", 2000, 2000));
		T(chown("m/one", 0, -1));
		T(utimensat(AT_FDCWD, "m/one", NULL, 0));
		T(open("m/one", O_RDONLY | O_NOATIME) >= 0);
	});
	CHILD({
		become(1000);
		T(open("m/one", O_RDONLY));
		T(open("t/one", O_RDONLY) >= 0);
		T(chmod("m/one", 0644));
	});
}

/* Only a file's owner, as mapped, sees which pages of it are in memory. */
static void resident(const char *path)
{
	int fd = NEED(open(path, O_RDONLY)), n = 0;
	unsigned char vec[64];
	char *p = mmap(NULL, sizeof(vec) * PAGE, PROT_READ, MAP_SHARED, fd, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	NEED(mincore(p, sizeof(vec) * PAGE, vec));
	for (unsigned i = 0; i < sizeof(vec); i++)
		n += vec[i] & 1;
	say("%s: %s", path, n == sizeof(vec) ? "all there" : "some are missing");
	NEED(munmap(p, sizeof(vec) * PAGE));
	close(fd);
}

static void watched(void)
{
	int fd = file("t/watched", 1000, 0644);

	NEED(ftruncate(fd, 64 * PAGE));
	close(fd);
	resident("m/watched");
	for (uid_t id = 1000; id <= 2000; id += 1000)
		CHILD({
			become(id);
			resident("m/watched");
			resident("t/watched");
		});
}

static void made(void)
{
	struct sockaddr_un sun = { AF_UNIX, "m/pub/socket" };
	int fd;

	NEED(mkdir("t/pub", 0777));
	NEED(chmod("t/pub", 01777));
	NEED(mkdir("t/sgid", 0777));
	NEED(chown("t/sgid", 0, 1000));
	NEED(chmod("t/sgid", 02777));
	CHILD({
		become(2000);
		T(mkdir("m/pub/dir", 0755));
		T(mknod("m/pub/fifo", S_IFIFO | 0644, 0));
		T(symlink("x", "m/pub/symlink"));
		T(open("m/pub/file", O_CREAT | O_RDWR, 02755) >= 0);
		T(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&sun, sizeof(sun)));
		fd = open("m/pub", O_TMPFILE | O_RDWR, 0600);
		T(fd >= 0);
		T(linkat(fd, "", AT_FDCWD, "m/pub/tmp", AT_EMPTY_PATH));
		if (fd >= 0) {
			char p[64];

			snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
			T(linkat(AT_FDCWD, p, AT_FDCWD, "m/pub/tmp", AT_SYMLINK_FOLLOW));
		}
		T(open("m/sgid/file", O_CREAT | O_RDWR, 02755) >= 0);
		T(link("m/pub/file", "m/pub/hard"));
		T(unlink("m/pub/fifo"));
	});
	whose("t/pub/dir");
	whose("t/pub/symlink");
	whose("t/pub/file");
	whose("t/pub/socket");
	whose("t/pub/tmp");
	whose("t/sgid/file");
	whose("m/sgid/file");
	CHILD({
		become(1000); /* an id without a mapping there */
		T(mkdir("m/pub/no", 0755));
		T(open("m/pub/no", O_CREAT | O_RDWR, 0644));
		T(mknod("m/pub/no", S_IFIFO | 0644, 0));
		T(symlink("x", "m/pub/no"));
		T(open("m/pub", O_TMPFILE | O_RDWR, 0600));
		T(link("m/pub/file", "m/pub/no"));
		T(unlink("m/pub/file"));
		T(rename("m/pub/file", "m/pub/no"));
		T(open("m/pub/file", O_CREAT | O_RDWR, 0644));
		T(unlink("t/pub/file"));
	});
}

static void leave_whiteout(uid_t id, const char *from, const char *to)
{
	CHILD({
		become(id);
		TN(from, renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_WHITEOUT));
	});
	whose(from);
}

/* A rename that leaves a whiteout makes a device node. */
static void whiteouts(void)
{
	NEED(mkdir("t/free", 0777));
	for (const char *name = "t/free/a\0t/free/b\0t/free/c\0"; *name; name += strlen(name) + 1)
		close(file(name, 1000, 0666));
	leave_whiteout(1000, "m/free/a", "m/free/b");
	leave_whiteout(1000, "m/free/a", "m/free/new");
	leave_whiteout(2000, "m/free/a", "m/free/b");
	leave_whiteout(2000, "m/free/c", "m/free/new");
	whose("t/free/c");
}

static void root_of_two(void)
{
	CHILD({
		int fd = open("m/pub/ofroot", O_CREAT | O_RDWR, 0600);

		T(fd >= 0);
		T(fchown(fd, 2000, 2000));
		T(fchmod(fd, 06755));
		whose("t/pub/ofroot");
		become(2000);
		T(write(fd, "x", 1));
		whose("t/pub/ofroot");
		T(fchmod(fd, 06755));
		T(ftruncate(fd, 0));
		whose("t/pub/ofroot");
	});
}

/* ---- lists ---- */

struct list {
	struct posix_acl_xattr_header h;
	struct posix_acl_xattr_entry e[5];
};

static void show_list(const char *path)
{
	struct list l;
	ssize_t n = getxattr(path, "system.posix_acl_access", &l, sizeof(l));

	if (n != sizeof(l))
		say("%s: %zd %s", path, n, t_errno(errno));
	else
		say("%s: user %u may %u, group %u", path, l.e[1].e_id, l.e[1].e_perm, l.e[3].e_id);
}

static void lists(uid_t a)
{
	struct list l = { { POSIX_ACL_XATTR_VERSION },
		{ { ACL_USER_OBJ, 7, -1 }, { ACL_USER, 6, a }, { ACL_GROUP_OBJ, 0, -1 },
			{ ACL_MASK, 7, -1 }, { ACL_OTHER, 0, -1 } } };

	close(file("t/list", 0, 0600));
	T(setxattr("m/list", "system.posix_acl_access", &l, sizeof(l), 0));
	show_list("m/list");
	show_list("t/list");
	CHILD({
		become(2000);
		T(open("m/list", O_RDWR) >= 0);
		T(open("t/list", O_RDWR) >= 0);
	});
	CHILD({
		become(1000);
		T(open("m/list", O_RDWR) >= 0);
		T(open("t/list", O_RDWR) >= 0);
	});
	unlink("t/list");
}

/* ---- programs ---- */

static void run_as(const char *path, uid_t id)
{
	char *const argv[] = { "idmap", "who", NULL };
	pid_t pid = SPAWN({
		become(id);
		execv(path, argv);
		say("%s as %u: %s", path, id, t_errno(errno));
	});

	waitpid(pid, NULL, 0);
}

static void copy_self(const char *to, uid_t owner, mode_t mode)
{
	char buf[65536];
	int from = NEED(open("/proc/self/exe", O_RDONLY)),
	    fd = NEED(open(to, O_CREAT | O_WRONLY, 0700));
	ssize_t n;

	while ((n = NEED(read(from, buf, sizeof(buf)))) > 0)
		NEED(write(fd, buf, n));
	NEED(fchown(fd, owner, owner));
	NEED(fchmod(fd, mode));
	close(from);
	close(fd);
}

static void programs(void)
{
	static const struct {
		uint32_t magic, data[4];
	} caps = { 0x02000001, { 1 << 10 } };
	struct vfs_ns_cap_data {
		uint32_t magic, data[4], root;
	} got;
	ssize_t n;

	copy_self("t/suid", 1000, 06755);
	run_as("t/suid", 4000);
	run_as("m/suid", 4000);
	copy_self("t/suid3", 3000, 06755);
	run_as("t/suid3", 4000);
	run_as("m/suid3", 4000);
	copy_self("t/caps", 0, 0755);
	T(setxattr("m/caps", "security.capability", &caps, sizeof(caps), 0));
	for (int i = 0; i < 2; i++) {
		memset(&got, 0, sizeof(got));
		n = getxattr(i ? "m/caps" : "t/caps", "security.capability", &got, sizeof(got));
		say("%zd %x %u", n, got.magic, got.root);
	}
	run_as("m/caps", 4000);
	run_as("t/caps", 4000);
}

static void flags(void)
{
	int fd, f = 0;

	close(file("t/flags", 1000, 0666));
	CHILD({
		become(2000);
		fd = NEED(open("m/flags", O_RDWR));
		T(ioctl(fd, FS_IOC_GETFLAGS, &f) ? 0 : ioctl(fd, FS_IOC_SETFLAGS, &f));
		T(fcntl(fd, F_SETLEASE, F_UNLCK));
		T(fcntl(fd, F_SETFL, O_NOATIME));
		T(fsetxattr(fd, "user.a", "b", 1, 0));
	});
	CHILD({
		become(1000);
		fd = NEED(open("m/flags", O_RDWR));
		T(ioctl(fd, FS_IOC_GETFLAGS, &f) ? 0 : ioctl(fd, FS_IOC_SETFLAGS, &f));
		T(fcntl(fd, F_SETFL, O_NOATIME));
	});
}

/* In a user namespace of the child's own: capabilities are over the ids that the mount shows. */
static void inside(int other)
{
	CHILD({
		NEED(setns(other, CLONE_NEWUSER));
		NEED(setresgid(0, 0, 0));
		NEED(setresuid(0, 0, 0));
		whose("m/one");
		whose("t/one");
		T(open("m/one", O_RDWR) >= 0);
		T(open("t/one", O_RDWR) >= 0);
		T(chown("m/one", 0, 0));
		T(chown("t/one", 0, 0));
		T(open("m/pub/inside", O_CREAT | O_RDWR, 0600) >= 0);
		T(open("t/pub/inside", O_CREAT | O_RDWR, 0600) >= 0);
	});
	whose("t/one");
	whose("t/pub/inside");
}

struct caps {
	uint32_t magic, data[4], root;
};

static void show_caps(const char *path)
{
	struct caps got = { 0 };
	ssize_t n = getxattr(path, "security.capability", &got, sizeof(got));

	say("%s: %zd %s %x for %u", path, n, n < 0 ? t_errno(errno) : "", got.magic, got.root);
}

/* Becomes root of the user namespace @ns. Prints how it sees the capabilities of a file of ours. */
static void become_root_of(int ns)
{
	NEED(setns(ns, CLONE_NEWUSER));
	NEED(setresgid(0, 0, 0));
	NEED(setresuid(0, 0, 0));
	show_caps("t/pub/ours");
}

/*
 * Capabilities of files: the namespace that they are for depends on the process that sets them and
 * on the process that asks.
 */
static void capabilities(int other)
{
	const struct caps v2 = { 0x02000001, { 1 << 10 }, 0 },
			  v3 = { 0x03000000, { 1 << 10 }, 2000 }, odd = { 0x04000000, { 0 }, 0 };
	const char *const name = "security.capability";
	char small[4];

	close(file("t/pub/theirs", 2000, 0755));
	close(file("t/pub/ours", 0, 0755));
	T(setxattr("t/pub/ours", name, "x", 1, 0));
	T(setxattr("t/pub/ours", name, &v2, 24, 0));
	T(setxattr("t/pub/ours", name, &v3, 20, 0));
	T(setxattr("t/pub/ours", name, &odd, 20, 0));
	T(setxattr("t/pub/ours", name, &v2, 20, 0));
	T(getxattr("t/pub/ours", name, small, sizeof(small)));
	T(getxattr("t/pub/ours", name, NULL, 0));
	show_caps("t/pub/ours");
	CHILD({
		become_root_of(other);
		T(setxattr("t/pub/theirs", name, &v2, 20, 0));
		show_caps("t/pub/theirs");
		T(setxattr("t/pub/theirs", name, &v3, 24, 0));
		T(setxattr("t/pub/ours", name, &v2, 20, 0));
		T(removexattr("t/pub/ours", name));
		T(setxattr("t/pub/theirs", "security.x", "y", 1, 0));
	});
	show_caps("t/pub/theirs");
	T(setxattr("t/pub/ours", name, &v3, 24, 0));
	show_caps("t/pub/ours");
	CHILD({
		become_root_of(other);
		T(removexattr("t/pub/theirs", name));
	});
	CHILD({
		become(2000);
		show_caps("t/pub/ours");
		T(setxattr("t/pub/theirs", name, &v2, 20, 0));
		T(setxattr("t/pub/theirs", name, "x", 1, 0));
	});
}

/* A descriptor is turned into a name by the process that opened it, with its own ids. */
static void link_fd(void)
{
	int fd;

	CHILD({
		become(2000);
		fd = NEED(open("t/pub", O_TMPFILE | O_RDWR, 0600));
		T(linkat(fd, "", AT_FDCWD, "t/pub/first", AT_EMPTY_PATH));
		T(linkat(AT_FDCWD, "t/pub/first", AT_FDCWD, "t/pub/second", AT_EMPTY_PATH));
		T(linkat(AT_FDCWD, "", AT_FDCWD, "t/pub/third", AT_EMPTY_PATH));
		T(linkat(99, "", AT_FDCWD, "t/pub/third", AT_EMPTY_PATH));
		NEED(setresuid(2000, 2000, 2000));
		T(linkat(fd, "", AT_FDCWD, "t/pub/third", AT_EMPTY_PATH));
		T(linkat(fd, "", AT_FDCWD, "t/pub/fourth", 0));
		CHILD(T(linkat(fd, "", AT_FDCWD, "t/pub/fifth", AT_EMPTY_PATH)));
	});
	fd = NEED(open("t/pub", O_TMPFILE | O_RDWR, 0600));
	CHILD({
		become(2000);
		T(linkat(fd, "", AT_FDCWD, "t/pub/sixth", AT_EMPTY_PATH));
	});
}

/* ---- below an overlay ---- */

static void all_of(const char *what)
{
	static const char *const names[] = { "file", "shared", "nobodys", "list", "able", "dir",
		"dir/sub", "link" };
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", what, names[i]);
		whose(path);
	}
}

static void layers(void)
{
	struct list l = { { POSIX_ACL_XATTR_VERSION },
		{ { ACL_USER_OBJ, 7, -1 }, { ACL_USER, 6, 1000 }, { ACL_GROUP_OBJ, 0, -1 },
			{ ACL_MASK, 7, -1 }, { ACL_OTHER, 0, -1 } } };
	const uint32_t caps[6] = { 0x03000001, 1 << 10, 0, 0, 0, 1000 };
	uint32_t found[6] = { 0 };

	NEED(mkdir("t/low", 0755));
	close(file("t/low/file", 1000, 0640));
	close(file("t/low/shared", 0, 0666));
	close(file("t/low/nobodys", 5, 0644));
	close(file("t/low/list", 0, 0600));
	NEED(setxattr("t/low/list", "system.posix_acl_access", &l, sizeof(l), 0));
	close(file("t/low/able", 1000, 0755));
	NEED(setxattr("t/low/able", "security.capability", caps, sizeof(caps), 0));
	NEED(mkdir("t/low/dir", 0700));
	NEED(mkdir("t/low/dir/sub", 0700));
	NEED(chown("t/low/dir", 1000, 1000));
	NEED(chown("t/low/dir/sub", 1000, 1000));
	NEED(symlink("file", "t/low/link"));
	NEED(lchown("t/low/link", 1000, 1000));
	NEED(mkdir("u", 0755));
	NEED(mkdir("o", 0755));
	NEED(mount("none", "u", "tmpfs", 0, "mode=755"));
	NEED(mkdir("u/up", 0755));
	NEED(mkdir("u/work", 0755));
	NEED(mount("none", "o", "overlay", 0, "lowerdir=m/low,upperdir=u/up,workdir=u/work"));
	all_of("o");
	T(getxattr("o/able", "security.capability", found, sizeof(found)));
	say("for the root that is %u", found[5]);
	CHILD({
		become(1000);
		T(open("o/file", O_RDONLY) >= 0);
		T(open("o/list", O_RDWR) >= 0);
		T(open("o/dir/sub", O_RDONLY) >= 0);
		T(chmod("o/file", 0600));
	});
	CHILD({
		become(2000);
		T(open("o/file", O_RDONLY) >= 0);
		T(open("o/list", O_RDONLY) >= 0);
		T(open("o/dir/sub", O_RDONLY) >= 0);
		T(access("o/dir/none", F_OK));
		T(open("o/nobodys", O_RDONLY) >= 0);
		T(open("o/nobodys", O_RDWR) >= 0);
	});
	T(open("o/nobodys", O_RDWR) >= 0);
	T(chmod("o/nobodys", 0600));
	T(chown("o/nobodys", 1, 1));
	CHILD({
		become(2000);
		T(chmod("o/file", 0644));
		T(open("o/list", O_RDWR) >= 0);
		T(open("o/shared", O_WRONLY) >= 0);
		T(mkdir("o/dir/new", 0755));
		T(unlink("o/link"));
		T(unlink("o/dir/sub"));
		T(rmdir("o/dir/sub"));
	});
	T(chmod("o/able", 0700));
	memset(found, 0, sizeof(found));
	T(getxattr("o/able", "security.capability", found, sizeof(found)));
	say("for the root that is %u", found[5]);
	all_of("o");
	all_of("u/up");
	show_list("u/up/list");
	NEED(umount("o"));
	NEED(umount("u"));
}

TEST(idmap)
{
	int map, other;

	if (t_argc > 1 && !strcmp(t_argv[1], "who")) {
		char caps[64] = "?", line[128];
		FILE *f = fopen("/proc/self/status", "r");

		while (fgets(line, sizeof(line), f))
			sscanf(line, "CapEff: %63s", caps);
		fclose(f);
		say("uid %u gid %u caps %s", geteuid(), getegid(), caps);
		return;
	}
	umask(0);
	NEED(chmod(".", 0755));
	own_mounts();
	NEED(mkdir("t", 0755));
	NEED(mkdir("m", 0755));
	NEED(mount("none", "t", "tmpfs", 0, "mode=755"));
	NEED(mkdir("t/d", 0755));
	map = userns("0 0 1\n1000 2000 1\n");
	other = userns("0 2000 1\n");
	refusals(map);
	by_type("tmpfs", map);
	by_type("proc", map);
	by_type("sysfs", map);
	by_type("ramfs", map);
	by_type("mqueue", map);
	by_type("cgroup2", map);
	by_type("devpts", map);
	trees(map);
	make_mapped(map, "m");
	maps("m");
	maps("t");
	seen();
	watched();
	made();
	whiteouts();
	root_of_two();
	lists(2000);
	lists(1000);
	layers();
	programs();
	flags();
	inside(other);
	capabilities(other);
	link_fd();
	NEED(umount2("m", MNT_DETACH));
	make_mapped(other, "m");
	programs();
}
