/* SPDX-License-Identifier: MIT */
/*
 * folders.c: puts the folders of hostfs into a mount namespace that holds nothing else, so that no
 * name leads out of them: neither a name that begins with a slash, nor one with "..". Landlock
 * keeps a process from opening files outside, but not from finding out whether they exist.
 *
 *      folders_begin()     at the start, before Landlock forbids mounts: if the command line or
 *                          that of the state names folders, a helper makes the namespace, which
 *                          for an ordinary user is in a user namespace
 *      os_jail_folders()   the command line is known, also that of a state: the process joins the
 *                          user namespace, which no process with threads may do
 *      os_jail_folder()    a driver gets a descriptor of a copy of the folder's mounts
 *      folders_close()     the copies become the only mounts in the namespace
 *      folders_enter()     in each thread, when the jail closes
 *
 *      /nestling-hostfs-0        the folder /proc/PID/fd of this process
 *      /nestling-hostfs-1 ...    folders of hostfs, with what is mounted in them
 *
 * A call on such a folder is as fast as on any other. If the host refuses one of the steps, the
 * folders are used without a namespace, and a line in the guest's log reports it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/internal.h"
#include "os-linux/jail/jail.h"
#include "os-linux/state/tables.h"

#define FOLDERS_MAX 65
#define FOLDER "nestling-hostfs-%d"
#define PATH_ROOM 4096
/* from linux/mount.h, which conflicts with sys/mount.h on some hosts */
#define TREE_CLONE 1U
#define TREE_RECURSIVE 0x8000U
#define MOVE_EMPTY_FROM 4U
#define FS_CLOEXEC 1U
#define FS_SET_STRING 1U
#define FS_CREATE 6U
#define FS_NOSUID_NODEV_NOEXEC 0xeU

/* requests to the helper; others begin with READ_ONLY or READ_WRITE */
#define MAKE "make" /* the empty folder for all folders */
#define FDS "fds"   /* /proc/PID/fd of this process */
#define JOIN "join" /* the helper's user namespace */
/* /proc/PID/task of this process */
#define TASKS "tasks"
/* closes and returns the mount namespace */
#define CLOSE "close"
/* before the name of a folder to add */
#define READ_ONLY '\1'
#define READ_WRITE '\2'

/* struct mount_attr of mount_setattr(2), Linux 5.12; older headers have neither */
struct attributes {
	uint64_t set, clear, propagation, userns;
};
#define SYS_SET_ATTRIBUTES 442
#define ATTRIBUTE_READ_ONLY 1
#define ATTRIBUTE_NO_DEVICES 4

static int helper = -1; /* socket to the helper */
static pid_t helper_pid;
static int space = -1; /* the namespace, for folders_enter() */
static int nr_folders; /* folders that the helper has taken */
/* the reason why folders are not in a namespace, or NULL */
static const char *why_not;
/* missing: true if a thread has not entered; atomic */
static bool wanted, joined, missing;

/* ---- the helper ---- */

static int trees[FOLDERS_MAX], nr_trees; /* copies of mounts, not mounted */

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -errno : 0;
}

/*
 * True if @id is the number in the file @path, or if the file cannot be read. The number is the id
 * that stands for all unmapped users in a user namespace, usually nobody's.
 */
static bool is_of_others(const char *path, unsigned id)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n <= 0 || strtoul(text, NULL, 10) == id;
}

/* Makes a user namespace that keeps the user's own ids: an ordinary user may mount only in one. */
static int make_user_space(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char ids[64];
	int err;

	if (!uid)
		return 0;
	if (is_of_others("/proc/sys/kernel/overflowuid", uid) ||
		is_of_others("/proc/sys/kernel/overflowgid", gid))
		return -EINVAL;
	if (unshare(CLONE_NEWUSER))
		return -errno;
	snprintf(ids, sizeof(ids), "%u %u 1", uid, uid);
	err = write_to("/proc/self/uid_map", ids);
	if (!err)
		err = write_to("/proc/self/setgroups", "deny");
	snprintf(ids, sizeof(ids), "%u %u 1", gid, gid);
	return err ? err : write_to("/proc/self/gid_map", ids);
}

static int take_tree(const char *path)
{
	int fd;

	if (nr_trees == FOLDERS_MAX)
		return -EMFILE;
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, TREE_CLONE | TREE_RECURSIVE | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return trees[nr_trees++] = fd;
}

/*
 * Takes the folder that @request names: READ_ONLY or READ_WRITE, and the name. Returns its
 * descriptor, or -errno.
 */
static int take_folder(const char *request)
{
	struct attributes a = { .set = ATTRIBUTE_NO_DEVICES };
	int fd;

	if (*request == READ_ONLY)
		a.set |= ATTRIBUTE_READ_ONLY;
	else if (*request != READ_WRITE)
		return -EINVAL;
	fd = take_tree(request + 1);
	/* a host without mount_setattr(2) leaves the attributes of the mounts as they are */
	if (fd >= 0 &&
		syscall(SYS_SET_ATTRIBUTES, fd, "", AT_EMPTY_PATH | TREE_RECURSIVE, &a,
			sizeof(a)) &&
		errno != ENOSYS) {
		int err = -errno;

		/* its number is free again: the kernel process counts only folders that it gets */
		close(trees[--nr_trees]);
		return err;
	}
	return fd;
}

/* descriptor of the file system for the root, which is not mounted yet, or -1 */
static int top = -1;

static int make_top(void)
{
	static const char *const options[][2] = { { "mode", "0555" }, { "nr_inodes", "80" },
		{ "nr_blocks", "1" } };
	int fs = (int)syscall(SYS_fsopen, "tmpfs", FS_CLOEXEC);

	if (fs < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (syscall(SYS_fsconfig, fs, FS_SET_STRING, options[i][0], options[i][1], 0))
			return -errno;
	if (syscall(SYS_fsconfig, fs, FS_CREATE, NULL, NULL, 0))
		return -errno;
	top = (int)syscall(SYS_fsmount, fs, FS_CLOEXEC, FS_NOSUID_NODEV_NOEXEC);
	return top < 0 ? -errno : top;
}

/*
 * Opens a namespace of the helper itself. The helper has no Landlock rules, which keep the kernel
 * process from opening such files. Returns a descriptor or -errno.
 */
static int open_own(const char *kind)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/*
 * Makes all mounts private. In a chroot, "/" need not be a mount point, and is not the root of all
 * mounts. So the helper leaves a chroot, by joining its own namespace, and then enters it again.
 */
static int make_private(void)
{
	int own = open_own("mnt"), back = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), err = 0;

	if (own < 0 || back < 0 || setns(own, CLONE_NEWNS) ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || fchdir(back) || chroot("."))
		err = -errno;
	if (own >= 0)
		close(own);
	if (back >= 0)
		close(back);
	return err;
}

static int make_space(void)
{
	int err = make_user_space();

	if (!err && unshare(CLONE_NEWNS))
		err = -errno;
	if (!err)
		err = make_private();
	return err ? err : make_top();
}

static int take_fds(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)getppid());
	return take_tree(path);
}

/*
 * Returns a descriptor of a copy of /proc/PID/task of the kernel process, or -errno. The copy is
 * mounted nowhere, so ".." does not lead out of it.
 */
static int take_tasks(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)getppid());
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, TREE_CLONE | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/*
 * Mounts the copies in an empty folder, which replaces all other mounts. Returns the namespace, or
 * -errno.
 */
static int close_space(void)
{
	int own = open_own("mnt");
	char name[32];

	if (own < 0)
		return own;
	/*
	 * leaves a chroot: otherwise the mounts above it would stay, and names of folders would
	 * begin there
	 */
	if (setns(own, CLONE_NEWNS))
		return -errno;
	if (syscall(SYS_move_mount, top, "", AT_FDCWD, "/proc", MOVE_EMPTY_FROM) || chdir("/proc"))
		return -errno;
	for (int i = 0; i < nr_trees; i++) {
		snprintf(name, sizeof(name), FOLDER, i);
		if (mkdir(name, 0555) ||
			syscall(SYS_move_mount, trees[i], "", AT_FDCWD, name, MOVE_EMPTY_FROM))
			return -errno;
	}
	if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		return -errno;
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return -errno;
	return own;
}

/* Answers with 0 or -errno, and with @fd unless that is -1. */
static void reply(int sock, int err, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { &err, sizeof(err) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
	}
	if (sendmsg(sock, &m, MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void __attribute__((noreturn)) serve(int sock)
{
	char text[PATH_ROOM + 1];
	ssize_t n;

	prctl(PR_SET_NAME, "nestling-folder");
	while ((n = recv(sock, text, PATH_ROOM, 0)) > 0) {
		int r;

		text[n] = 0;
		r = !strcmp(text, MAKE)  ? make_space() :
		    !strcmp(text, FDS)   ? take_fds() :
		    !strcmp(text, TASKS) ? take_tasks() :
		    !strcmp(text, JOIN)  ? open_own("user") :
		    !strcmp(text, CLOSE) ? close_space() :
					   take_folder(text);
		reply(sock, r < 0 ? r : 0, r);
	}
	_exit(0);
}

/* ---- the kernel process ---- */

static bool is_folder(const char *word)
{
	return !strncmp(word, "hostfs", 6) || !strcmp(word, "rootfstype=hostfs");
}

static bool has_folders(char **argv)
{
	for (int i = 1; argv[i - 1] && argv[i] && strcmp(argv[i], "--"); i++)
		if (is_folder(argv[i]))
			return true;
	return false;
}

static const char *value_of(char **argv, const char *word)
{
	for (int i = 1; argv[i - 1] && argv[i] && strcmp(argv[i], "--"); i++)
		if (!strncmp(argv[i], word, strlen(word)))
			return argv[i] + strlen(word);
	return NULL;
}

/*
 * Sends a request to the helper. Returns its answer, 0 or -errno; -EIO: there is no helper, or
 * @text is too long. *@fd is the descriptor that comes with the answer, or -1.
 */
static int ask(const char *text, int *fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control;
	int err = -EIO;
	struct iovec iov = { &err, sizeof(err) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	*fd = -1;
	if (helper < 0 || strlen(text) >= PATH_ROOM ||
		send(helper, text, strlen(text), MSG_NOSIGNAL) < 0 ||
		recvmsg(helper, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(err))
		return -EIO;
	if (m.msg_controllen >= CMSG_LEN(sizeof(int)) && control.head.cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(&control.head), sizeof(*fd));
	return err;
}

void folders_end(void)
{
	if (helper >= 0) {
		/* another process may have this socket, too */
		shutdown(helper, SHUT_RDWR);
		close(helper);
	}
	helper = -1;
	while (helper_pid > 0 && waitpid(helper_pid, NULL, 0) < 0 && errno == EINTR)
		;
	helper_pid = 0;
}

int folders_begin(char **argv)
{
	const char *state = value_of(argv, "restore=");
	int pair[2], fd;

	/* without folders of hostfs, no helper is needed */
	if (!has_folders(argv) && !(state && state_tables_may_have(state, is_folder)))
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	helper_pid = fork();
	if (!helper_pid) {
		close(pair[0]);
		serve(pair[1]);
	}
	close(pair[1]);
	helper = pair[0];
	if (helper_pid < 0 || ask(MAKE, &fd))
		folders_end();
	return helper < 0 ? -1 : fd;
}

/*
 * Joins the helper's user namespace. This gives capabilities, which the threads need to enter the
 * mount namespace and then drop. Until then they have no other effect.
 */
static int join(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = {
		{ .permitted = 1U << CAP_SYS_ADMIN | 1U << CAP_SYS_CHROOT | 1U << CAP_SETPCAP }
	};
	int fd, err;

	if (!geteuid())
		return 0;
	err = ask(JOIN, &fd);
	if (!err && setns(fd, CLONE_NEWUSER))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		return err;
	joined = true;
	return syscall(SYS_capset, &head, caps) ? -errno : 0;
}

static int self_fds = -1;

/* Opens the list of this process's threads. The broker gives no folder of /proc later. */
static int keep_tasks(void)
{
	int fd, dir = -1, err = ask(TASKS, &fd);

	if (!err)
		dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && dir < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (!err)
		jail_tasks(dir);
	return err;
}

void os_jail_folders(void)
{
	const char *core = value_of(os_argv, "core=");

	wanted = os_jail_is_open() && has_folders(os_argv);
	/* the host finds the folder for cores by the root of the process */
	if (wanted && core && !strcmp(core, "on"))
		why_not = "core=on";
	if (!wanted || why_not) {
		folders_end();
		return;
	}
	if (ask(FDS, &self_fds) || keep_tasks() || join()) {
		why_not = "the host makes no such namespace";
		folders_end();
	}
	if (why_not && self_fds >= 0)
		close(self_fds);
	if (why_not)
		self_fds = -1;
}

int os_jail_self_fds(void)
{
	return self_fds;
}

int os_jail_folder(const char *dir, const char *only, bool read_only)
{
	char name[PATH_ROOM];
	int fd, err;

	if (snprintf(name, sizeof(name), "%c%s", read_only ? READ_ONLY : READ_WRITE, dir) >=
			(int)sizeof(name) ||
		helper < 0)
		return -1;
	err = ask(name, &fd);
	/* a folder that is missing is reported by the driver */
	if (err && err != -ENOENT && err != -ENOTDIR)
		why_not = "the host makes no copy of a folder's mounts";
	if (err)
		return -1;
	nr_folders++;
	/*
	 * the name that the host gives the folder or file in the namespace, with which the broker
	 * checks changes of attributes
	 */
	snprintf(name, sizeof(name), "/" FOLDER "%s%s", nr_folders, only ? "/" : "",
		only ? only : "");
	os_jail_grant(name, OS_GRANT_INSIDE | (read_only ? OS_GRANT_LOOK : 0));
	return fd;
}

int folders_close(void)
{
	int err = helper >= 0 && nr_folders ? ask(CLOSE, &space) : 0;

	folders_end();
	return err;
}

bool folders_have_space(void)
{
	return space >= 0;
}

bool folders_have_joined(void)
{
	return joined;
}

void folders_enter(void)
{
	if (space >= 0 && (unshare(CLONE_FS) || setns(space, CLONE_NEWNS)))
		__atomic_store_n(&missing, true, __ATOMIC_RELAXED);
}

void folders_entered(void)
{
	if (space >= 0)
		close(space);
	space = -1;
}

const char *os_jail_folders_note(void)
{
	static char text[200];

	if (why_not || __atomic_load_n(&missing, __ATOMIC_RELAXED)) {
		snprintf(text, sizeof(text),
			"folders of hostfs are in no namespace of their own: %s",
			why_not ? why_not : "a thread could not enter it");
		return text;
	}
	return NULL;
}
