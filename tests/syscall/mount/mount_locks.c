/* SPDX-License-Identifier: MIT */
/*
 * mount_locks: what a user in a namespace of its own may not uncover or make without end: what
 * mounts of a more privileged namespace cover, folders that were moved out of a bind mount, file
 * systems of another user's namespaces; mount namespaces that hold each other, mounts above
 * fs.mount-max.
 */
#include "guest.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

static long put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	long n = write(fd, text, strlen(text));

	close(fd);
	return n == (long)strlen(text) ? 0 : -1;
}

static long touch(const char *name)
{
	return close(open(name, O_CREAT | O_WRONLY, 0644));
}

static long new_user(int flags)
{
	if (setgid(65534) || setuid(65534) || prctl(PR_SET_DUMPABLE, 1))
		return -1;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | flags) || put("/proc/self/setgroups", "deny"))
		return -1;
	return put("/proc/self/gid_map", "0 65534 1") || put("/proc/self/uid_map", "0 65534 1");
}

static void child(void (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		fn();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* ---- what is covered ---- */

static void layers(void)
{
	GNEED(mkdir("b", 0755));
	GNEED(mkdir("t", 0755));
	GNEED(mkdir("own", 0755));
	GNEED(mkdir("empty", 0755));
	GNEED(mount("tmpfs", "b", "tmpfs", 0, NULL));
	GNEED(mkdir("b/cover", 0755));
	GNEED(touch("b/cover/hidden"));
	GNEED(mkdir("bare", 0755));
	GNEED(mount("b", "bare", NULL, MS_BIND, NULL));
	GNEED(mount("tmpfs", "b/cover", "tmpfs", 0, NULL));
	GNEED(touch("b/cover/shown"));
	GNEED(mkdir("b/cover/deep", 0755));
	GNEED(mount("tmpfs", "b/cover/deep", "tmpfs", 0, NULL));
}

static void covered(void)
{
	int fd, deep;

	GNEED(new_user(0));
	G(mount("b", "t", NULL, MS_BIND, NULL), "-1 EINVAL");
	G(mount("overlay", "t", "overlay", 0, "lowerdir=b:empty"), "-1 EINVAL");
	G(mount("b", "own", NULL, MS_BIND | MS_REC, NULL), "0");
	fd = open("own", O_PATH | O_DIRECTORY);
	deep = open("own/cover/deep", O_PATH | O_DIRECTORY);
	G(umount2("own/cover", MNT_DETACH), "-1 EINVAL");
	G(umount2("own", MNT_DETACH), "0");
	G(faccessat(fd, "cover/hidden", F_OK, 0), "-1 ENOENT");
	G(faccessat(fd, "cover/shown", F_OK, 0), "0");
	G(faccessat(deep, "../shown", F_OK, 0), "0");
	close(fd);
	G(faccessat(deep, ".", F_OK, 0), "0");
	close(deep);
	GNEED(mount(NULL, "b", NULL, MS_SHARED, NULL));
	GNEED(mount(NULL, "bare", NULL, MS_PRIVATE, NULL));
	G(syscall(SYS_move_mount, AT_FDCWD, "b", AT_FDCWD, "bare", MOVE_MOUNT_SET_GROUP),
		"-1 EINVAL");
	G(mount(NULL, "b/cover", NULL, MS_UNBINDABLE, NULL), "0");
	G(mount("b", "own", NULL, MS_BIND | MS_REC, NULL), "-1 EPERM");
}

/* ---- a folder outside ---- */

static void moved_out(void)
{
	int fd;

	GNEED(mkdir("d", 0755));
	GNEED(mkdir("d/in", 0755));
	GNEED(mkdir("d/in/sub", 0755));
	GNEED(mkdir("d/in/sub/sub", 0755));
	GNEED(mkdir("m", 0755));
	GNEED(mount("d/in", "m", NULL, MS_BIND, NULL));
	fd = open("m/sub/sub", O_RDONLY | O_DIRECTORY);
	G(faccessat(fd, "../..", F_OK, 0), "0");
	GNEED(rename("d/in/sub", "d/out"));
	G(faccessat(fd, ".", F_OK, 0), "0");
	G(faccessat(fd, "..", F_OK, 0), "-1 ENOENT");
	G(faccessat(fd, "../..", F_OK, 0), "-1 ENOENT");
	G(openat(fd, "../../..", O_RDONLY), "-1 ENOENT");
	GNEED(rename("d/out", "d/in/again"));
	G(faccessat(fd, "../../again", F_OK, 0), "0");
	close(fd);
	GNEED(umount("m"));
}

/* ---- file systems of namespaces ---- */

static void not_ours(void)
{
	GNEED(new_user(0));
	G(mount("proc", "t", "proc", 0, NULL), "-1 EPERM");
	G(mount("mqueue", "t", "mqueue", 0, NULL), "-1 EPERM");
	G(mount("sysfs", "t", "sysfs", 0, NULL), "-1 EPERM");
	G(mount("cgroup2", "t", "cgroup2", 0, NULL), "-1 EPERM");
}

static void fresh_proc(void)
{
	G(mount("proc", "t", "proc", 0, NULL), "-1 EPERM");
}

static void revealing(void)
{
	GNEED(mount("tmpfs", "/proc/sys/kernel", "tmpfs", 0, NULL));
	GNEED(new_user(CLONE_NEWPID | CLONE_NEWIPC));
	G(mount("mqueue", "t", "mqueue", 0, NULL), "0");
	child(fresh_proc);
}

static void whole_proc(void)
{
	G(mount("proc", "t", "proc", 0, NULL), "0");
	G(access("t/self/status", F_OK), "0");
	G(umount("t"), "0");
}

static void not_revealing(void)
{
	GNEED(new_user(CLONE_NEWPID | CLONE_NEWIPC));
	child(whole_proc);
}

/* ---- namespaces in mounts ---- */

static void own_namespace(void)
{
	int fd;

	GNEED(unshare(CLONE_NEWNS));
	GNEED(touch("file"));
	G(mount("/proc/self/ns/mnt", "file", NULL, MS_BIND, NULL), "-1 EINVAL");
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc/self/ns/mnt", 1 /* OPEN_TREE_CLONE */);
	G(fd >= 0, "1");
	G(syscall(SYS_move_mount, fd, "", AT_FDCWD, "file", 4), "-1 ELOOP");
	close(fd);
}

static void peers_of_namespace(void)
{
	char name[40];
	int p[2];
	pid_t pid;

	GNEED(unshare(CLONE_NEWNS));
	GNEED(mkdir("s", 0755));
	GNEED(mkdir("s2", 0755));
	GNEED(mount("tmpfs", "s", "tmpfs", 0, NULL));
	GNEED(mount(NULL, "s", NULL, MS_SHARED, NULL));
	GNEED(mount("s", "s2", NULL, MS_BIND, NULL));
	GNEED(touch("s/file"));
	NEED(pipe(p));
	pid = fork();
	if (!pid) {
		unshare(CLONE_NEWNS);
		NEED(write(p[1], "x", 1));
		pause();
	}
	NEED(read(p[0], name, 1));
	snprintf(name, sizeof(name), "/proc/%d/ns/mnt", pid);
	G(mount(name, "s/file", NULL, MS_BIND, NULL), "-1 EINVAL");
	GNEED(touch("other"));
	G(mount(name, "other", NULL, MS_BIND, NULL), "0");
	t_kill(pid);
	close(p[0]);
	close(p[1]);
}

/* ---- how many ---- */

static int count_mounts(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[4096];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

/* Returns how many mounts, below the root, mountinfo does not show. */
static int not_shown(int shown)
{
	char text[20];

	NEED(mkdir("one", 0755));
	for (int n = 0; n < 10; n++) {
		snprintf(text, sizeof(text), "%d", shown + n + 1);
		NEED(put("/proc/sys/fs/mount-max", text));
		if (!mount("tmpfs", "one", "tmpfs", 0, NULL)) {
			NEED(umount("one"));
			return n;
		}
	}
	return 0;
}

/* True if the mount on a folder of this name is shared. */
static bool is_shared(const char *name)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[4096];
	bool shared = false;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, name))
			shared = strstr(line, " shared:");
	if (f)
		fclose(f);
	return shared;
}

static void limited(void)
{
	char was[20] = "", text[20], name[20];
	int fd = open("/proc/sys/fs/mount-max", O_RDONLY), before, hidden;

	NEED(read(fd, was, sizeof(was) - 1));
	close(fd);
	NEED(unshare(CLONE_NEWNS));
	NEED(mkdir("many", 0755));
	NEED(mount("tmpfs", "many", "tmpfs", 0, NULL));
	NEED(mount(NULL, "many", NULL, MS_SHARED, NULL));
	NEED(mkdir("many/at", 0755));
	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "peer%d", i);
		NEED(mkdir(name, 0755));
		NEED(mount("many", name, NULL, MS_BIND, NULL));
	}
	before = count_mounts();
	hidden = not_shown(before);
	snprintf(text, sizeof(text), "%d", before + hidden + 7);
	NEED(put("/proc/sys/fs/mount-max", text));
	TN("eight where there is room for seven", mount("tmpfs", "many/at", "tmpfs", 0, NULL));
	TN("more", count_mounts() - before);
	NEED(mkdir("alone", 0755));
	NEED(mount("tmpfs", "alone", "tmpfs", 0, NULL));
	TN("a move where there is no room", mount("alone", "many/at", NULL, MS_MOVE, NULL));
	say("its mount is shared: %d", is_shared("/alone "));
	NEED(umount("alone"));
	snprintf(text, sizeof(text), "%d", before + hidden + 8);
	NEED(put("/proc/sys/fs/mount-max", text));
	TN("eight where there is room for eight", mount("tmpfs", "many/at", "tmpfs", 0, NULL));
	TN("more", count_mounts() - before);
	NEED(put("/proc/sys/fs/mount-max", was));
}

/* ---- a tree's descriptor is closed while the tree is moved ---- */

static int tree;

static void *closes(void *arg)
{
	for (volatile int i = (int)(long)arg; i; i--)
		;
	close(tree);
	return NULL;
}

static void race(void)
{
	pthread_t t;

	NEED(unshare(CLONE_NEWNS));
	NEED(mkdir("race", 0755));
	for (long i = 0; i < 300; i++) {
		tree = (int)syscall(SYS_open_tree, AT_FDCWD, "b", 1 | O_CLOEXEC);
		NEED(tree);
		NEED0(pthread_create(&t, NULL, closes, (void *)(i * 100)));
		syscall(SYS_move_mount, tree, "", AT_FDCWD, "race", 4);
		pthread_join(t, NULL);
		umount2("race", MNT_DETACH);
	}
}

TEST(mount_locks)
{
	GNEED(unshare(CLONE_NEWNS));
	GNEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	GNEED(chmod(".", 0777));
	layers();
	child(covered);
	child(moved_out);
	child(not_ours);
	child(not_revealing);
	child(own_namespace);
	child(peers_of_namespace);
	if (in_guest()) {
		child(race);
		child(limited);
	} else {
		say("eight where there is room for seven = -1 ENOSPC");
		say("more = 0");
		say("a move where there is no room = -1 ENOSPC");
		say("its mount is shared: 0");
		say("eight where there is room for eight = 0");
		say("more = 8");
	}
	child(revealing);
	if (in_guest()) {
		umount2("/proc/sys/kernel", MNT_DETACH);
		umount2("bare", MNT_DETACH);
		umount2("b", MNT_DETACH);
	}
}
