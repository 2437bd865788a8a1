/* SPDX-License-Identifier: MIT */
/*
 * files.c: calls of the jailed kernel process that name a file of the host. The broker copies the
 * name out of the kernel process's memory, compares it with what may be named, makes the call
 * itself and returns its result. Permitted names:
 *
 *      a path that a driver opened at the start, or a command of the console's owner names
 *      a name in a folder that was granted in this way; a link of that name is not followed
 *      /proc and /sys: tables of the host, the process itself and its children; to read only
 *
 * Names are compared as text, after they have been made absolute. A name with ".." is never
 * granted, so no name leads out of a folder. The links on a granted path itself are the owner's
 * responsibility.
 *
 * Folders of hostfs (OS_GRANT_BENEATH) are not opened by their names here: the kernel process has
 * descriptors of their copies in its own mount namespace. A descriptor of the broker's would be one
 * of the folder itself, from which ".." leads to all of the host.
 */
#include "os-linux/jail/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/jail/jail.h"

/* grants of the start stay; of grants that commands add later, the oldest are replaced */
#define GRANTS_MAX 4096
#define GRANTS_LATER 512

/* grants that can be added to the grant of a name later */
#define PLAIN ((unsigned)(OS_GRANT_READ | OS_GRANT_WRITE | OS_GRANT_REMOVE))

struct grant {
	char *path; /* absolute */
	unsigned how;
	int folder; /* descriptor of the folder, or -1 */
};
static struct grant grants[GRANTS_MAX];
static int nr_grants, nr_first, oldest;

/* Where a call finds its file. */
struct place {
	/* false: the name was not looked up, and no call may be made for it */
	bool looked_up;
	/* true: the guest may change the name at any time, since it lies in a folder of hostfs */
	bool shared;
	int dir;      /* AT_FDCWD: the name is a path */
	unsigned how; /* OS_GRANT_*, or 0: a table */
	/* the path as the kernel process sees it, for messages */
	char path[ASK_TEXT];
	const char *name;
};

/* the thread of the kernel process that makes the call */
static int caller;

/* ---- grants ---- */

/*
 * Opens the granted path if it is a folder, which may have been made after the grant. Returns 0,
 * -ENOENT if nothing has this name yet, or -EACCES for anything but a folder.
 */
static int open_folder(struct grant *g)
{
	struct stat st;

	if (g->folder >= 0)
		return 0;
	if (stat(g->path, &st))
		return -ENOENT;
	if (!S_ISDIR(st.st_mode))
		return -EACCES;
	g->folder = open(g->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return g->folder < 0 ? -EACCES : 0;
}

/* Returns the array element for a new grant, or NULL. */
static struct grant *new_grant(void)
{
	struct grant *g;

	if (broker.listener < 0) {
		if (nr_grants == GRANTS_MAX - GRANTS_LATER)
			return NULL;
		nr_first = nr_grants + 1;
	}
	if (nr_grants < nr_first + GRANTS_LATER)
		return &grants[nr_grants++];
	g = &grants[nr_first + oldest++ % GRANTS_LATER];
	free(g->path);
	if (g->folder >= 0)
		close(g->folder);
	return g;
}

/*
 * Opens a granted folder again if the owner names it once more, since another folder may have the
 * name now.
 */
static void look_again(struct grant *g)
{
	struct stat was, is;

	if (broker.listener < 0 || g->folder < 0 || files_beneath(g->path))
		return;
	if (!fstat(g->folder, &was) && !stat(g->path, &is) && was.st_dev == is.st_dev &&
		was.st_ino == is.st_ino)
		return;
	close(g->folder);
	g->folder = -1;
}

/*
 * Records that no process writes to the file @path, unless the file is known already. From then on
 * a grant for its folder does not let the kernel process write to it.
 */
static void keep_unwritten(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return;
	if (!known_has(fd))
		known_add(fd, true);
	close(fd);
}

void files_grant(const char *name, unsigned how)
{
	char path[ASK_TEXT], *copy;
	struct grant *g;

	if (!path_absolute(path, sizeof(path), caller, AT_FDCWD, name))
		return;
	if (broker.listener >= 0 && how & OS_GRANT_WRITE)
		known_let_write(path);
	if (broker.listener >= 0 && how == OS_GRANT_READ)
		keep_unwritten(path);
	for (int i = 0; i < nr_grants; i++)
		if (!strcmp(grants[i].path, path) && (grants[i].how & how) == how &&
			!((grants[i].how ^ how) & ~PLAIN)) {
			look_again(&grants[i]);
			return;
		}
	for (int i = 0; i < nr_grants; i++)
		if (!strcmp(grants[i].path, path) && !((grants[i].how | how) & ~PLAIN)) {
			grants[i].how |= how;
			look_again(&grants[i]);
			return;
		}
	/* the host's own name, with which the names of files beneath are compared */
	if (how & OS_GRANT_BENEATH && !realpath(name, path))
		return;
	if (how & OS_GRANT_INSIDE)
		how |= OS_GRANT_BENEATH;
	copy = strdup(path);
	g = copy ? new_grant() : NULL;
	if (!g) {
		free(copy);
		return;
	}
	*g = (struct grant){ copy, how, -1 };
	if (broker.listener < 0 && !(how & (OS_GRANT_NAMELESS | OS_GRANT_INSIDE)))
		open_folder(g);
}

/* ---- what is granted ---- */

bool files_named(const char *name)
{
	char path[ASK_TEXT];

	if (!path_absolute(path, sizeof(path), caller, AT_FDCWD, name))
		return false;
	for (int i = 0; i < nr_grants; i++)
		if (!strcmp(grants[i].path, path))
			return true;
	return false;
}

/* True if @path lies in a folder of hostfs that has none of the grants of @but. */
static bool is_beneath(const char *path, unsigned but)
{
	for (int i = 0; i < nr_grants; i++) {
		size_t n = strlen(grants[i].path);

		if (!(grants[i].how & OS_GRANT_BENEATH) || grants[i].how & but ||
			strncmp(grants[i].path, path, n))
			continue;
		if (!path[n] || path[n] == '/' || n == 1)
			return true;
	}
	return false;
}

bool files_beneath(const char *path)
{
	return is_beneath(path, 0);
}

bool files_may_change(const char *path)
{
	return is_beneath(path, OS_GRANT_LOOK);
}

/* ---- descriptors of the kernel process, named as /proc/self/fd/N ---- */

/* True for a file without a name. */
static bool is_nameless(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_nlink;
}

int files_hold(int number)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)broker.kernel, number);
	return open(link, O_PATH | O_CLOEXEC);
}

/* Returns the N of a path /proc/PID/fd/N of the kernel process, or -1. */
static int own_number(const char *path)
{
	int pid, number, end = 0;

	if (sscanf(path, "/proc/%d/fd/%d%n", &pid, &number, &end) != 2 || path[end] ||
		pid != broker.kernel)
		return -1;
	return number;
}

/*
 * Opens a descriptor for the file of a path /proc/PID/fd/N of the kernel process, which may replace
 * that file at any time. Returns the descriptor, or -1.
 */
static int hold_own(const char *path)
{
	int number = own_number(path);

	return number < 0 ? -1 : files_hold(number);
}

/* ---- what may be named, looked up ---- */

/* True for a grant by which the broker opens names. */
static bool is_by_name(const struct grant *g)
{
	return !(g->how & (OS_GRANT_NAMELESS | OS_GRANT_INSIDE | OS_GRANT_BENEATH));
}

/*
 * Looks up a name among those that the kernel process may use. Returns 0, -EACCES if it may not, or
 * -ENOENT.
 */
static int find(struct place *p)
{
	char *last = strrchr(p->path, '/');
	size_t n = (size_t)(last - p->path);
	/* the guest may have put a link there, so only granted folders that are open count */
	bool shared = files_beneath(p->path) && !files_beneath("/");
	int err = -EACCES;
	const char *table;

	p->dir = AT_FDCWD;
	p->name = p->path;
	p->shared = shared;
	/* a grant for the name itself comes first: a grant for the folder may allow more */
	for (int i = 0; i < nr_grants && !shared; i++)
		if (is_by_name(&grants[i]) && !strcmp(grants[i].path, p->path)) {
			p->how = grants[i].how;
			return 0;
		}
	for (int i = 0; i < nr_grants; i++) {
		struct grant *g = &grants[i];

		if (!is_by_name(g) || strlen(g->path) != n || strncmp(g->path, p->path, n) ||
			(shared && g->folder < 0))
			continue;
		p->how = g->how;
		err = open_folder(g);
		if (err)
			continue;
		p->dir = g->folder;
		p->name = last + 1;
		return 0;
	}
	p->how = 0;
	table = proc_file(p->path);
	p->name = table ?: p->name;
	return table ? 0 : err;
}

/* True for a folder above a granted path: realpath(3) checks whether it is a link. */
static bool is_above(const char *path)
{
	size_t n = strlen(path);

	for (int i = 0; i < nr_grants; i++)
		if (!strncmp(grants[i].path, path, n) && grants[i].path[n] == '/')
			return true;
	return false;
}

/*
 * Reads the name at @addr and looks it up, for a call that needs one of the grants of @need, or
 * none for 0. Returns 0, -EFAULT, -ENOENT or -EACCES.
 */
static int take(struct place *p, uint64_t dir, uint64_t addr, unsigned need)
{
	char name[ASK_TEXT];
	int err;

	/* what an earlier call has left on the stack must not be taken for this name's place */
	p->looked_up = false;
	p->shared = false;
	p->dir = -1;
	p->how = 0;
	p->name = NULL;
	p->path[0] = 0;
	if (!memory_string(addr, name, sizeof(name)))
		return -EFAULT;
	if (!*name)
		return -ENOENT;
	if (!path_absolute(p->path, sizeof(p->path), caller, (int)dir, name)) {
		snprintf(p->path, sizeof(p->path), "%s", name);
		return -EACCES;
	}
	p->looked_up = true;
	err = find(p);
	return err ? err : !need || p->how & need ? 0 : -EACCES;
}

/* ---- the calls ---- */

enum file_op { OPEN, ACCESS, STAT, STATX, READLINK, UNLINK, RMDIR, MKDIR, RENAME, LINK, CHMOD };

/* positions of arguments; -1: no such argument, and a folder is then the current one */
static const struct file_call {
	int nr;
	enum file_op op;
	/* value: a mode, or the address of the result */
	int8_t dir, name, dir2, name2, flags, value;
} calls[] = {
	{ SYS_open, OPEN, -1, 0, -1, -1, 1, 2 },
	{ SYS_openat, OPEN, 0, 1, -1, -1, 2, 3 },
	{ SYS_access, ACCESS, -1, 0, -1, -1, -1, 1 },
	{ SYS_faccessat, ACCESS, 0, 1, -1, -1, -1, 2 },
	{ SYS_faccessat2, ACCESS, 0, 1, -1, -1, 3, 2 },
	{ SYS_newfstatat, STAT, 0, 1, -1, -1, 3, 2 },
	{ SYS_statx, STATX, 0, 1, -1, -1, 2, -1 },
	{ SYS_readlink, READLINK, -1, 0, -1, -1, -1, 1 },
	{ SYS_readlinkat, READLINK, 0, 1, -1, -1, -1, 2 },
	{ SYS_unlink, UNLINK, -1, 0, -1, -1, -1, -1 },
	{ SYS_unlinkat, UNLINK, 0, 1, -1, -1, 2, -1 },
	{ SYS_rmdir, RMDIR, -1, 0, -1, -1, -1, -1 },
	{ SYS_mkdir, MKDIR, -1, 0, -1, -1, -1, 1 },
	{ SYS_mkdirat, MKDIR, 0, 1, -1, -1, -1, 2 },
	{ SYS_rename, RENAME, -1, 0, -1, 1, -1, -1 },
	{ SYS_renameat, RENAME, 0, 1, 2, 3, -1, -1 },
	{ SYS_renameat2, RENAME, 0, 1, 2, 3, 4, -1 },
	{ SYS_linkat, LINK, 0, 1, 2, 3, 4, -1 },
	{ SYS_chmod, CHMOD, -1, 0, -1, -1, -1, 1 },
	{ SYS_fchmodat, CHMOD, 0, 1, -1, -1, -1, 2 },
};

static uint64_t arg(const struct seccomp_notif *call, int n, uint64_t none)
{
	return n < 0 ? none : call->data.args[n];
}

/*
 * Logs that the name is refused, unless the last line was about this name. Names of host processes
 * are not logged: a child that has lost its parent no longer belongs to the kernel process.
 */
static void say_refused(const struct seccomp_notif *call, const struct place *p)
{
	static char last[ASK_TEXT];
	int pid;

	if (!strcmp(last, p->path) || sscanf(p->path, "/proc/%d/", &pid) == 1)
		return;
	snprintf(last, sizeof(last), "%s", p->path);
	broker_say(
		"the kernel process may not name %s (%s)", p->path, jail_call_name(call->data.nr));
}

/* Makes fstat(2) as libc does: with a descriptor and an empty name. */
static int stat_descriptor(const struct seccomp_notif *call, int number)
{
	char link[64];
	struct stat st;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)broker.kernel, number);
	if (stat(link, &st))
		return errno == ENOENT ? -EBADF : -errno;
	return memory_write(call->data.args[2], &st, sizeof(st)) ? 0 : -EFAULT;
}

/* Makes statx(2) for a descriptor. */
static int statx_descriptor(const struct seccomp_notif *call, int number)
{
	struct statx st;
	char link[64];

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)broker.kernel, number);
	if (statx(AT_FDCWD, link, 0, (unsigned)call->data.args[3], &st))
		return errno == ENOENT ? -EBADF : -errno;
	return memory_write(call->data.args[4], &st, sizeof(st)) ? 0 : -EFAULT;
}

static int stat_file(const struct seccomp_notif *call, const struct place *p)
{
	struct stat st;
	int flags = (int)call->data.args[3] & AT_SYMLINK_NOFOLLOW;

	if (fstatat(p->dir, p->name, &st, p->dir == AT_FDCWD ? flags : AT_SYMLINK_NOFOLLOW))
		return -errno;
	return memory_write(call->data.args[2], &st, sizeof(st)) ? 0 : -EFAULT;
}

static int read_link(const struct place *p, uint64_t to, uint64_t size)
{
	char text[ASK_TEXT];
	ssize_t n = readlinkat(p->dir, p->name, text, size < sizeof(text) ? size : sizeof(text));

	if (n < 0)
		return -errno;
	return memory_write(to, text, (size_t)n) ? (int)n : -EFAULT;
}

/*
 * Answers with a copy of /proc/PID/stat, if that is the name; else returns false. The host shows a
 * process's exit status only to processes that may trace it, which Landlock forbids the kernel
 * process.
 */
static bool copy_stat(const struct seccomp_notif *call, const struct place *p)
{
	int pid, end = 0, fd, copy;
	char text[4096];
	ssize_t n;

	if (sscanf(p->path, "/proc/%d/stat%n", &pid, &end) != 1 || !end || p->path[end])
		return false;
	fd = open(p->path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	copy = n > 0 ? memfd_create("stat", MFD_CLOEXEC) : -1;
	if (copy < 0 || pwrite(copy, text, (size_t)n, 0) != n)
		answer(call, fd < 0 ? -ENOENT : -EIO);
	else
		answer_fd(call, copy);
	if (copy >= 0)
		close(copy);
	return true;
}

/*
 * Opens a known file again for reading, by its descriptor, and answers. Returns false if it is no
 * known file.
 */
static bool open_again(const struct seccomp_notif *call, const struct place *p, int flags)
{
	int held = (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY ? hold_own(p->path) : -1,
	    fd;
	char self[64];

	if (held < 0 || !known_has(held)) {
		if (held >= 0)
			close(held);
		return false;
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", held);
	fd = open(self, flags | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		answer(call, -errno);
	else
		answer_fd(call, fd);
	if (fd >= 0)
		close(fd);
	close(held);
	return true;
}

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
}

/* True if the kernel process is in a namespace that holds copies of hostfs's folders only. */
static bool has_copies(void)
{
	for (int i = 0; i < nr_grants; i++)
		if (grants[i].how & OS_GRANT_INSIDE)
			return true;
	return false;
}

/*
 * Answers the open of a folder, of which @fd is the broker's descriptor, in an instance with copies
 * of folders: from a folder of the host's own mounts ".." would lead out of the copies. The kernel
 * process gets a file that stands for the folder. With that file it cannot make the folder's names
 * durable, so the broker does it here.
 */
static void stand_in(const struct seccomp_notif *call, const struct place *p, int fd)
{
	int in = -1;

	errno = EACCES;
	if (p->how) {
		fdatasync(fd);
		in = path_stand_in(p->path);
	}
	if (in < 0) {
		answer(call, -errno);
		return;
	}
	answer_fd(call, in);
	close(in);
}

/* Opens the file, and answers the call. */
static void open_file(
	const struct seccomp_notif *call, const struct place *p, int flags, mode_t mode)
{
	struct stat st;
	int fd;

	if (copy_stat(call, p))
		return;
	if (writes(flags) && known_keeps(p->dir, p->name)) {
		answer(call, -EACCES);
		return;
	}
	fd = openat(p->dir, p->name,
		flags | O_CLOEXEC | O_NOCTTY | (p->dir == AT_FDCWD ? 0 : O_NOFOLLOW), mode & 0777);

	if (fd < 0) {
		answer(call, -errno);
		return;
	}
	if (has_copies() && !fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		stand_in(call, p, fd);
		close(fd);
		return;
	}
	if (flags & O_CREAT && flags & O_EXCL)
		known_own(fd);
	else if (!known_has(fd))
		known_add(fd, p->how && !(p->how & ~(unsigned)OS_GRANT_READ));
	answer_fd(call, fd);
	close(fd);
}

static bool may_link_named(const struct place *p)
{
	int fd = openat(p->dir, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	bool may = fd >= 0 && known_may_link(fd);

	if (fd >= 0)
		close(fd);
	return may;
}

/*
 * Gives another name to a granted file, or to a file of a descriptor. A granted file must be
 * granted to be written to, or pass known_may_link(). A file of a descriptor must have no name yet,
 * or pass known_may_link(). Both kinds are regular files: a link would be followed under the new
 * name. The kernel process cannot write to a kept file under the new name either. Returns 0 or
 * -errno.
 */
static int link_file(const struct place *from, const struct place *to)
{
	int held = hold_own(from->path), err;
	char self[64];

	if (held < 0 && !(from->how & OS_GRANT_WRITE) && !may_link_named(from))
		return -EACCES;
	if (held < 0)
		return linkat(from->dir, from->name, to->dir, to->name, 0) ? -errno : 0;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", held);
	if (!is_nameless(held) && !known_may_link(held)) {
		err = -EACCES;
	} else {
		bool first = is_nameless(held);

		err = linkat(AT_FDCWD, self, to->dir, to->name, AT_SYMLINK_FOLLOW) ? -errno : 0;
		if (!err && first)
			known_own(held);
	}
	close(held);
	return err;
}

static bool is_link(const struct place *p)
{
	struct stat st;

	/* a descriptor's name in /proc is a link, and link_file() holds its file */
	return own_number(p->path) < 0 && !fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISLNK(st.st_mode);
}

static int rename_or_link(const struct seccomp_notif *call, const struct file_call *c,
	const struct place *from, struct place *to)
{
	unsigned flags = (unsigned)arg(call, c->flags, 0);
	int err = take(
		to, arg(call, c->dir2, (uint64_t)AT_FDCWD), arg(call, c->name2, 0), OS_GRANT_WRITE);

	if (err)
		return err;
	/* an exchange would move a link from the second name to the first */
	if (c->op == RENAME && flags & ~(unsigned)RENAME_NOREPLACE)
		return -EINVAL;
	/* under another name that is granted, a link that the owner has made would be followed */
	if (is_link(from))
		return -EACCES;
	/* the guest may put a link there now, after the check */
	if (from->shared && !to->shared)
		return -EACCES;
	if (c->op == LINK)
		return link_file(from, to);
	err = renameat2(from->dir, from->name, to->dir, to->name, flags);
	return err ? -errno : 0;
}

/* Changes the mode of a file. In a granted folder a link is not followed. */
static int change_mode(const struct place *p, mode_t mode)
{
	char self[64];
	struct stat st;
	int held, err;

	if (p->dir == AT_FDCWD)
		return fchmodat(p->dir, p->name, mode, 0) ? -errno : 0;
	held = openat(p->dir, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (held < 0)
		return -errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", held);
	if (fstat(held, &st) || S_ISLNK(st.st_mode))
		err = -EOPNOTSUPP;
	else
		err = chmod(self, mode) ? -errno : 0;
	close(held);
	return err;
}

/* Checks access as the broker. In a granted folder a link is not followed. Returns 0 or -errno. */
static int may_access(const struct place *p, int mode)
{
	int flags = p->dir == AT_FDCWD ? 0 : AT_SYMLINK_NOFOLLOW;

	return faccessat(p->dir, p->name, mode, AT_EACCESS | flags) ? -errno : 0;
}

/* Makes a call, other than an open, on a granted place. Returns the call's result, or -errno. */
static int change(const struct seccomp_notif *call, const struct file_call *c, struct place *p)
{
	uint64_t value = arg(call, c->value, 0);
	struct place to;
	int err;

	switch (c->op) {
	case ACCESS: return may_access(p, (int)value);
	case STAT: return stat_file(call, p);
	case STATX: return -EACCES; /* only for descriptors */
	case READLINK: return read_link(p, value, call->data.args[c->value + 1]);
	case UNLINK: return unlinkat(p->dir, p->name, (int)arg(call, c->flags, 0)) ? -errno : 0;
	case RMDIR: return unlinkat(p->dir, p->name, AT_REMOVEDIR) ? -errno : 0;
	case MKDIR: return mkdirat(p->dir, p->name, value & 0777) ? -errno : 0;
	case CHMOD: return change_mode(p, value & 0777);
	default:
		err = rename_or_link(call, c, p, &to);
		if (err == -EACCES)
			say_refused(call, &to);
		return err;
	}
}

/* True if the call makes a file without a name in a folder where that is granted. */
static bool is_new_nameless(const struct file_call *c, const struct place *p, int flags)
{
	if (c->op != OPEN || (flags & O_TMPFILE) != O_TMPFILE)
		return false;
	for (int i = 0; i < nr_grants; i++)
		if (grants[i].how & OS_GRANT_NAMELESS && !strcmp(grants[i].path, p->path))
			return true;
	return false;
}

/*
 * True for a granted folder that has not been replaced. The instance's own folder is removed at its
 * end, even if the guest may change names around it. Only an empty folder can be removed.
 */
static bool is_own_folder(const struct file_call *c, const struct place *p)
{
	struct stat was, is;

	if (c->op != RMDIR)
		return false;
	for (int i = 0; i < nr_grants; i++)
		if (grants[i].folder >= 0 && !strcmp(grants[i].path, p->path))
			return !fstat(grants[i].folder, &was) && !lstat(p->path, &is) &&
			       was.st_dev == is.st_dev && was.st_ino == is.st_ino;
	return false;
}

/* Returns the grants (OS_GRANT_*) one of which a call needs for its file, or 0. */
static unsigned needs(enum file_op op, int flags)
{
	switch (op) {
	case OPEN: return writes(flags) ? OS_GRANT_WRITE : 0;
	case UNLINK:
	case RMDIR: return OS_GRANT_WRITE | OS_GRANT_REMOVE;
	case MKDIR:
	case RENAME:
	case CHMOD: return OS_GRANT_WRITE;
	default: return 0; /* a link changes only the new name's place */
	}
}

/* Makes the call if its file is granted, and answers it. */
static void make(const struct seccomp_notif *call, const struct file_call *c)
{
	int flags = (int)arg(call, c->flags, 0), err;
	uint64_t dir = arg(call, c->dir, (uint64_t)AT_FDCWD), name = arg(call, c->name, 0);
	struct place p;
	/* the name was looked up and is not granted; some such names are admitted below */
	bool may_be_special;

	err = take(&p, dir, name, needs(c->op, flags));
	if (err == -ENOENT && flags & AT_EMPTY_PATH && (c->op == STAT || c->op == STATX)) {
		answer(call, c->op == STAT ? stat_descriptor(call, (int)dir) :
					     statx_descriptor(call, (int)dir));
		return;
	}
	may_be_special = p.looked_up && err == -EACCES;
	if (may_be_special && c->op == OPEN && open_again(call, &p, flags))
		return;
	if (may_be_special && c->op == READLINK && (is_above(p.path) || own_number(p.path) >= 0))
		err = 0;
	if (may_be_special && c->op == LINK && own_number(p.path) >= 0)
		err = 0; /* link_file() checks it */
	if (may_be_special && (is_new_nameless(c, &p, flags) || is_own_folder(c, &p))) {
		p.dir = AT_FDCWD;
		p.name = p.path;
		err = 0;
	}
	/* realpath(3) reads each folder as a link, and works if that is refused */
	if (err == -EACCES && c->op != READLINK)
		say_refused(call, &p);
	if (err)
		answer(call, err);
	else if (c->op == OPEN)
		open_file(call, &p, flags, (mode_t)arg(call, c->value, 0));
	else
		answer(call, change(call, c, &p));
}

/*
 * Returns the folder in which the kernel process was started, which a jailed process never leaves.
 */
static int get_cwd(uint64_t to, uint64_t size)
{
	size_t n = strlen(broker.cwd) + 1;

	if (n == 1)
		return -ENOENT;
	if (size < n)
		return -ERANGE;
	return memory_write(to, broker.cwd, n) ? (int)n : -EFAULT;
}

bool files_call(const struct seccomp_notif *call)
{
	caller = (int)call->pid;
	if (call->data.nr == SYS_getcwd) {
		answer(call, get_cwd(call->data.args[0], call->data.args[1]));
		return true;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].nr == call->data.nr) {
			make(call, &calls[i]);
			return true;
		}
	return false;
}
