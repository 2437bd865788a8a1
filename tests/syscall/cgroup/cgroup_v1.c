/* SPDX-License-Identifier: MIT */
/*
 * cgroup_v1: named hierarchies of version 1: options, files, membership, rights, the release agent
 * of an empty group, cgroup namespaces, and a hierarchy that outlives its mounts. A test may not
 * change the host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"

#include <dirent.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#define NAMED "none,name=nest.v1"

static char here[PATH_MAX];

static long mount_v1(const char *options)
{
	return mount("none", "v1", "cgroup", 0, options);
}

/* Returns the path of our hierarchy in @file, or "-" if it is not there. */
static const char *path_in(const char *file)
{
	static char path[PATH_MAX];
	const char *p = strstr(get(file), ":name=nest.v1:");

	if (!p)
		return "-";
	p += strlen(":name=nest.v1:");
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(p, "\n"), p);
	return path;
}

#define PATH_IS(e, want)                                                                           \
	do {                                                                                       \
		const char *is_ = guest ? path_in(e) : want;                                       \
		say("%s: %s", #e, is_);                                                            \
	} while (0)
#define TEXT_IS(e, want) say("%s: %s", #e, guest ? get(e) : want)

static void options(void)
{
	GIVES(mount_v1("none"), EINVAL);
	GIVES(mount_v1("name=nest.v1"), EINVAL);
	GIVES(mount_v1("none,cpu"), EINVAL);
	GIVES(mount_v1("none,name="), EINVAL);
	GIVES(mount_v1("none,name=a/b"), EINVAL);
	GIVES(mount_v1("none,name=a,name=b"), EINVAL);
	GIVES(mount_v1("none,name=a,bogus"), EINVAL);
	GIVES(mount_v1(
		      "none,name=0123456789012345678901234567890123456789012345678901234567890123"),
		EINVAL);
	GIVES(mount_v1("cpu,all"), EINVAL);
	GIVES(mount_v1("none,all"), EINVAL);
	GIVES(mount_v1("cpu,memory"), 0);
	GIVES(umount("v1"), 0);
	GIVES(mount_v1(NULL), 0);
	WANT("all of them", strstr(get("/proc/self/mountinfo"),
				    " - cgroup none rw,cpuset,cpu,cpuacct,blkio,memory,devices,"
				    "freezer,net_cls,perf_event,net_prio,hugetlb,pids"));
	GIVES(umount("v1"), 0);
	GIVES(mount_v1(NAMED ",xattr"), 0);
	WANT("it is in mountinfo",
		strstr(get("/proc/self/mountinfo"), " - cgroup none rw,xattr,name=nest.v1"));
	WANT("a type of its own", strstr(get("/proc/filesystems"), "nodev\tcgroup\n"));
	GIVES(mount("none", "v1", NULL, MS_REMOUNT, "none,xattr,name=other"), EINVAL);
	GIVES(mount("none", "v1", NULL, MS_REMOUNT, NAMED), EINVAL);
	GIVES(mount("none", "v1", NULL, MS_REMOUNT, NAMED ",xattr,release_agent=/agent"), 0);
	TEXT_IS("v1/release_agent", "/agent\n");
}

static void files(void)
{
	struct statfs fs;
	struct stat st;

	if (!guest)
		memset(&st, 0, sizeof(st));
	WANT("magic", !statfs("v1", &fs) && fs.f_type == 0x27e0eb);
	WANT("the top", !stat("v1", &st) && st.st_mode == (S_IFDIR | 0555));
	WANT("its tasks", !stat("v1/tasks", &st) && st.st_mode == (S_IFREG | 0644));
	GIVES(mkdir("v1/a", 0755), 0);
	GIVES(mkdir("v1/a", 0755), EEXIST);
	GIVES(mkdir("v1/a/tasks", 0755), EEXIST);
	GIVES(mkdir("v1/two\nlines", 0755), EINVAL);
	GIVES(access("v1/a/notify_on_release", F_OK), 0);
	GIVES(access("v1/a/release_agent", F_OK), ENOENT);
	GIVES(access("v1/a/cgroup.sane_behavior", F_OK), ENOENT);
	TEXT_IS("v1/cgroup.sane_behavior", "0\n");
	GIVES(put("v1/cgroup.sane_behavior", "1"), EINVAL);
	GIVES(unlink("v1/a/tasks"), EPERM);
	GIVES(open("v1/a/new", O_CREAT | O_WRONLY, 0600), EACCES);
	GIVES(setxattr("v1/a", "trusted.delegate", "1", 1, 0), 0);
	WANT("it is kept", getxattr("v1/a", "trusted.delegate", cgroup_text, 8) == 1);
	GIVES(setxattr("v1/a", "system.x", "1", 1, 0), EOPNOTSUPP);
	GIVES(put("v1/notify_on_release", "7"), 0);
	GIVES(put("v1/cgroup.clone_children", "1"), 0);
	GIVES(mkdir("v1/n", 0700), 0);
	TEXT_IS("v1/n/notify_on_release", "1\n");
	TEXT_IS("v1/n/cgroup.clone_children", "1\n");
	TEXT_IS("v1/a/notify_on_release", "0\n");
	GIVES(put("v1/a/notify_on_release", "x"), EINVAL);
	GIVES(put("v1/a/notify_on_release", "-1"), EINVAL);
	GIVES(put("v1/a/notify_on_release", ""), 0);
	GIVES(put("v1/notify_on_release", "0"), 0);
}

static bool contains(const char *file, pid_t pid)
{
	char text[16];
	const char *p;

	snprintf(text, sizeof(text), "%d\n", pid);
	get(file);
	for (p = cgroup_text; (p = strstr(p, text)); p++)
		if (p == cgroup_text || p[-1] == '\n')
			return true;
	return false;
}

static void *thread(void *arg)
{
	char text[16];

	snprintf(text, sizeof(text), "%ld", syscall(SYS_gettid));
	GIVES(put("v1/a/b/tasks", text), 0);
	PATH_IS("/proc/thread-self/cgroup", "/a/b");
	PATH_IS("/proc/self/cgroup", "/a");
	GIVES(rmdir("v1/a/b"), EBUSY);
	WANT("its process is among both", contains("v1/a/b/cgroup.procs", getpid()) &&
						  contains("v1/a/cgroup.procs", getpid()));
	WANT("it is a task of one",
		contains("v1/a/b/tasks", atoi(text)) && !contains("v1/a/tasks", atoi(text)));
	GIVES(put("v1/a/b/cgroup.procs", "0"), 0);
	PATH_IS("/proc/self/cgroup", "/a/b");
	GIVES(put("v1/a/cgroup.procs", "0"), 0);
	return arg;
}

static void members(void)
{
	char text[64];
	pthread_t t;
	siginfo_t info;
	pid_t pid;

	GIVES(mkdir("v1/a/b", 0755), 0);
	PATH_IS("/proc/self/cgroup", "/");
	GIVES(put("v1/a/cgroup.procs", "0"), 0);
	PATH_IS("/proc/self/cgroup", "/a");
	CHILD(PATH_IS("/proc/self/cgroup", "/a"));
	WANT("the top has others, not this one", !contains("v1/tasks", getpid()));
	NEED0(pthread_create(&t, NULL, thread, NULL));
	pthread_join(t, NULL);
	PATH_IS("/proc/self/cgroup", "/a");
	GIVES(put("v1/a/tasks", "x"), EINVAL);
	GIVES(put("v1/a/tasks", "-1"), EINVAL);
	GIVES(put("v1/a/tasks", "99999999"), ESRCH);
	pid = SPAWN(_exit(0));
	NEED(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	snprintf(text, sizeof(text), "/proc/%d/cgroup", pid);
	PATH_IS(text, "/");
	WANT("a zombie is in no group", !contains("v1/a/tasks", pid) && !contains("v1/tasks", pid));
	snprintf(text, sizeof(text), "%d", pid);
	GIVES(put("v1/a/b/tasks", text), 0);
	GIVES(rmdir("v1/a/b"), 0);
	GIVES(rmdir("v1/a"), EBUSY);
	waitpid(pid, NULL, 0);
}

static void rights(void)
{
	int fd[2];
	char other[16], c;
	pid_t pid;

	NEED(pipe(fd));
	pid = SPAWN(close(fd[1]); read(fd[0], &c, 1));
	snprintf(other, sizeof(other), "%d", pid);
	GIVES(mkdir("v1/u", 0755), 0);
	GIVES(chown("v1/u", 1000, 1000), 0);
	GIVES(chown("v1/u/tasks", 1000, 1000), 0);
	CHILD({
		t_become(1000, 1000);
		GIVES(put("v1/u/tasks", "0"), 0);
		PATH_IS("/proc/self/cgroup", "/u");
		GIVES(put("v1/u/tasks", other), EACCES);
		GIVES(put("v1/u/cgroup.procs", "0"), EACCES);
		GIVES(put("v1/tasks", "0"), EACCES);
		GIVES(mkdir("v1/u/own", 0755), 0);
		GIVES(put("v1/u/own/cgroup.procs", "0"), 0);
		PATH_IS("/proc/self/cgroup", "/u/own");
		GIVES(mkdir("v1/not", 0755), EACCES);
	});
	GIVES(rmdir("v1/u/own"), 0);
	GIVES(rmdir("v1/u"), 0);
	close(fd[0]);
	close(fd[1]);
	waitpid(pid, NULL, 0);
}

static void agent(void)
{
	static const char script[] = "#!/bin/sh\necho \"$1 $# $HOME\" >\"${0%/*}/told\"\n";
	char path[PATH_MAX + 16], line[64];
	int fd = NEED(open("agent", O_CREAT | O_WRONLY, 0700));
	FILE *f;

	NEED(write(fd, script, sizeof(script) - 1));
	close(fd);
	NEED(mkfifo("told", 0600));
	snprintf(path, sizeof(path), "%s/agent\n", here);
	GIVES(put("v1/release_agent", path), 0);
	TEXT_IS("v1/n/notify_on_release", "1\n");
	GIVES(mkdir("v1/n/m", 0755), 0);
	CHILD(if (guest) NEED(put("v1/n/m/tasks", "0")));
	f = guest ? fopen("told", "r") : NULL;
	say("told: %s", !guest ? "/n/m 1 /\n" : fgets(line, sizeof(line), f) ? line : "nothing");
	while (f && fgets(line, sizeof(line), f)) /* up to the end: that agent has closed it */
		;
	if (f)
		fclose(f);
	GIVES(rmdir("v1/n/m"), 0);
	f = guest ? fopen("told", "r") : NULL;
	say("told: %s", !guest ? "/n 1 /\n" : fgets(line, sizeof(line), f) ? line : "nothing");
	while (f && fgets(line, sizeof(line), f)) /* up to the end: that agent has closed it */
		;
	if (f)
		fclose(f);
	CHILD({
		if (guest)
			t_become(1000, 1000);
		GIVES(put("v1/release_agent", "/x"), EACCES);
	});
	GIVES(put("v1/release_agent", "\n"), 0);
}

static void namespaces(void)
{
	CHILD({
		GIVES(mkdir("v1/a/in", 0755), 0);
		GIVES(unshare(CLONE_NEWCGROUP | CLONE_NEWNS), 0);
		PATH_IS("/proc/self/cgroup", "/");
		if (guest)
			NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
		GIVES(mount("none", "v1", "cgroup", 0, "name=nest.v1"), EBUSY);
		GIVES(mount("none", "inner", "cgroup", 0, "name=nest.v1"), 0);
		GIVES(access("inner/in/tasks", F_OK), 0);
		GIVES(access("inner/release_agent", F_OK), ENOENT);
		GIVES(put("inner/in/tasks", "0"), 0);
		PATH_IS("/proc/self/cgroup", "/in");
		GIVES(umount("inner"), 0);
		GIVES(put("v1/tasks", "0"), 0);
		PATH_IS("/proc/self/cgroup", "/..");
	});
	GIVES(rmdir("v1/a/in"), 0);
	CHILD({
		GIVES(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
		GIVES(mount("none", "v1", "cgroup", 0, NAMED), EPERM);
	});
	/* root of a new user namespace cannot make hierarchies, but sees existing hierarchies */
	CHILD({
		GIVES(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP), 0);
		GIVES(mount("none", "inner", "cgroup", 0, "none,name=other.v1"), EPERM);
		GIVES(mount("none", "inner", "cgroup", 0, "name=nest.v1"), 0);
		GIVES(umount("inner"), 0);
	});
	CHILD({
		GIVES(unshare(CLONE_NEWNS | CLONE_NEWCGROUP), 0);
		GIVES(mount("none", "inner", "cgroup", 0, "none,name=other.v1"), EPERM);
	});
}

static void outlives_its_mounts(void)
{
	int fd;

	GIVES(umount("v1"), 0);
	PATH_IS("/proc/self/cgroup", "/a");
	GIVES(access("v1/a", F_OK), ENOENT);
	GIVES(mount_v1("name=nest.v1"), 0);
	GIVES(access("v1/a/tasks", F_OK), 0);
	GIVES(mount("none", "v1", NULL, MS_REMOUNT, NAMED ",xattr"), EBUSY);
	fd = guest ? NEED(open("v1/a/tasks", O_RDWR)) : -1;
	GIVES(put("v1/tasks", "0"), 0);
	GIVES(rmdir("v1/a"), 0);
	GIVES(read(fd, cgroup_text, 1), ENODEV);
	GIVES(write(fd, "0", 1), ENODEV);
	if (guest)
		close(fd);
	GIVES(rmdir("v1/n"), 0);
	GIVES(umount("v1"), 0);
	PATH_IS("/proc/self/cgroup", "-");
	GIVES(mount_v1("name=nest.v1"), EINVAL);
}

/* The depth of groups is limited, since a path has the names of all levels. */
static void depth(void)
{
	int levels = 0;

	GIVES(mount_v1(NAMED), 0);
	if (guest) {
		NEED(chdir("v1"));
		while (!mkdir("d", 0755) && levels < 1000) {
			NEED(chdir("d"));
			levels++;
		}
		WANT("no deeper", errno == EAGAIN);
		NEED(put("tasks", "0"));
		WANT("a long path", strlen(path_in("/proc/self/cgroup")) == 2 * (size_t)levels);
		NEED(put("../cgroup.procs", "0"));
		for (int i = 0; i < levels; i++) {
			NEED(chdir(".."));
			NEED(put(i + 1 < levels ? "../tasks" : "tasks", "0"));
			NEED(rmdir("d"));
		}
		NEED(chdir(".."));
	} else {
		say("no deeper: yes\na long path: yes");
	}
	say("levels: %d", guest ? levels : 256);
	GIVES(umount("v1"), 0);
}

/* Forks and moves at the same time: no task is lost, and the groups are empty in the end. */
static void moves_and_forks(void)
{
	pid_t pid[2];

	GIVES(mount_v1(NAMED), 0);
	GIVES(mkdir("v1/x", 0755), 0);
	GIVES(mkdir("v1/y", 0755), 0);
	for (int i = 0; guest && i < 2; i++)
		pid[i] = SPAWN({
			for (int n = 0; n < 200; n++) {
				pid_t child;

				NEED(put(n & 1 ? "v1/x/tasks" : "v1/y/tasks", "0"));
				child = SPAWN(put("v1/x/cgroup.procs", "0"));
				waitpid(child, NULL, 0);
			}
		});
	for (int i = 0; guest && i < 2; i++)
		t_wait("mover", pid[i]);
	for (int i = 0; !guest && i < 2; i++)
		say("mover: exited 0");
	GIVES(rmdir("v1/x"), 0);
	GIVES(rmdir("v1/y"), 0);
	GIVES(umount("v1"), 0);
}

/* A task that is moved while it ends is counted by no group afterwards. */
static void moves_and_ends(void)
{
	char text[16];
	pid_t pid;

	GIVES(mount_v1(NAMED), 0);
	GIVES(mkdir("v1/x", 0755), 0);
	for (int i = 0; guest && i < 1000; i++) {
		pid = SPAWN(for (int k = i % 50; k; k--) getppid(); _exit(0));
		snprintf(text, sizeof(text), "%d", pid);
		put(i & 1 ? "v1/x/tasks" : "v1/x/cgroup.procs", text);
		waitpid(pid, NULL, 0);
	}
	GIVES(rmdir("v1/x"), 0);
	GIVES(umount("v1"), 0);
}

TEST(cgroup_v1)
{
	guest = in_guest();
	NEED(mkdir("v1", 0755));
	NEED(mkdir("inner", 0755));
	NEED(chmod(".", 0755));
	if (!getcwd(here, sizeof(here)))
		return;
	options();
	files();
	members();
	rights();
	agent();
	namespaces();
	outlives_its_mounts();
	depth();
	moves_and_forks();
	moves_and_ends();
}
