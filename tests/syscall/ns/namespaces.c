/* SPDX-License-Identifier: MIT */
/*
 * namespaces: clone, unshare and setns with namespaces: what each kind separates, permissions, how
 * they are named and joined.
 */
#include "t.h"
#include "guest.h"
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/*
 * Runs the statements in a child in new namespaces, and prints its status. The host runs them in
 * the test itself, where they only print what is expected.
 */
#define IN(flags, ...)                                                                             \
	do {                                                                                       \
		if (!in_guest()) {                                                                 \
			__VA_ARGS__;                                                               \
			break;                                                                     \
		}                                                                                  \
		CHILD_QUIET({                                                                      \
			NEED(unshare(flags));                                                      \
			__VA_ARGS__;                                                               \
		});                                                                                \
	} while (0)
#define CHILD_QUIET(...) waitpid(SPAWN(__VA_ARGS__), NULL, 0)

static int writef(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), n = fd < 0 ? -1 : (int)write(fd, text, strlen(text)),
	    err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return n;
}

static const char *readf(const char *path)
{
	static char buf[512];
	int fd = open(path, O_RDONLY), n = fd < 0 ? -1 : (int)read(fd, buf, sizeof(buf) - 1);

	if (n < 0)
		return t_errno(errno);
	close(fd);
	buf[n] = 0;
	for (int i = 0; i < n; i++)
		if (buf[i] == '\n')
			buf[i] = i == n - 1 ? 0 : '|';
	return buf;
}

static ino_t ns_ino(const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return stat(path, &st) ? 0 : st.st_ino;
}

/* ---- uts, ipc, net ---- */

static const char *hostname(void)
{
	static char name[70];

	gethostname(name, sizeof(name));
	return name;
}

static int bind_abstract(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0namespaces" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	return bind(s, (struct sockaddr *)&a, sizeof(a));
}

static void simple_kinds(void)
{
	int key;

	IN(CLONE_NEWUTS, {
		G(sethostname("inner", 5), "0");
		GT(hostname(), "inner");
		GT(readf("/proc/sys/kernel/hostname"), "inner");
	});
	GIS(strcmp(hostname(), "inner"));
	key = GNEED(msgget(0x4e53, IPC_CREAT | 0600));
	IN(CLONE_NEWIPC, {
		G(msgget(0x4e53, 0), "-1 ENOENT");
		G(msgget(0x4e53, IPC_CREAT | IPC_EXCL | 0600), "0");
	});
	G(msgget(0x4e53, IPC_CREAT | IPC_EXCL | 0600), "-1 EEXIST");
	GNEED(msgctl(key, IPC_RMID, NULL));
	G(bind_abstract(), "0");
	G(bind_abstract(), "-1 EADDRINUSE");
	IN(CLONE_NEWNET, {
		G(bind_abstract(), "0");
		G(bind_abstract(), "-1 EADDRINUSE");
	});
}

/* ---- mnt ---- */

static void mounts(void)
{
	struct stat st;

	GNEED(mkdir("m", 0755));
	GNEED(mkdir("s", 0755));
	GNEED(mount("none", "s", "tmpfs", 0, NULL));
	GNEED(mount(NULL, "s", NULL, MS_SHARED, NULL));
	GNEED(mkdir("s/in", 0755));
	GNEED(mkdir("s/out", 0755));
	IN(CLONE_NEWNS, {
		GNEED(mount("none", "m", "tmpfs", 0, NULL));
		GNEED(mkdir("m/seen", 0755));
		GNEED(mount("none", "s/in", "tmpfs", 0, NULL));
		GNEED(mkdir("s/in/seen", 0755));
		G(umount2("/proc/self/ns", 0), "-1 EINVAL");
	});
	G(stat("m/seen", &st), "-1 ENOENT");
	G(stat("s/in/seen", &st), "0"); /* shared with it */
	G(umount2("s/in", 0), "0");
	IN(CLONE_NEWNS, {
		GNEED(mount(NULL, "s", NULL, MS_SLAVE, NULL));
		GNEED(mount("none", "s/out", "tmpfs", 0, NULL));
		GNEED(mkdir("s/out/seen", 0755));
	});
	G(stat("s/out/seen", &st), "-1 ENOENT");
	G(umount2("s", 0), "0");
}

/* ---- pid ---- */

static int init_of_ns(void *arg)
{
	int status, p[2];
	pid_t pid;
	char c;

	(void)arg;
	NEED(pipe(p));
	G(getpid(), "1");
	G(getppid(), "0");
	G(syscall(SYS_gettid), "1");
	pid = fork();
	if (!pid) {
		G(getpid(), "2");
		G(getppid(), "1");
		G(kill(1, SIGKILL), "0"); /* it does not care */
		G(kill(1, SIGTERM), "0");
		pid_t parent = getpid();

		if (!fork()) { /* an orphan */
			T_WAIT(getppid() != parent);
			G(getppid(), "1");
			_exit(7);
		}
		_exit(5);
	}
	close(p[1]);
	NEED(read(p[0], &c, 1) == 0 ? 0 : -1); /* both have ended */
	G(waitpid(2, &status, 0), "2");
	G(WEXITSTATUS(status), "5");
	G(waitpid(-1, &status, 0), "3");
	G(WEXITSTATUS(status), "7");
	G(getpgid(0), "0"); /* outside */
	G(setsid(), "1");
	G(getpgid(0), "1");
	G(kill(1000, 0), "-1 ESRCH");
	fcntl(0, F_SETOWN, getpid());
	if (in_guest() && !fork()) {
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	}
	return 3; /* and takes that one along */
}

static void pids(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status = 0;
	pid_t pid;

	if (!in_guest()) {
		CHILD_QUIET(init_of_ns(NULL));
		say("1");
		return;
	}
	pid = NEED(clone(init_of_ns, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, NULL));
	waitpid(pid, &status, 0);
	say("%d", WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static int answers;

static void answer(int sig)
{
	NEED(write(answers, &sig, 1));
}

static void *a_thread(void *arg)
{
	pause();
	return arg;
}

static void pids_more(void)
{
	int status, p[2];
	pid_t pid;
	char c;

	if (!in_guest())
		goto expected;
	NEED(pipe(p));
	/* the new namespace is for children only */
	CHILD_QUIET({
		pid_t me = getpid();

		NEED(unshare(CLONE_NEWPID));
		say("same: %d", me == getpid());
		say("another for children: %d",
			ns_ino("pid") != 0 && ns_ino("pid_for_children") == 0);
		pid = NEED(fork());
		if (!pid) {
			say("inner: %d", getpid());
			say("thread: %d", pthread_create(&(pthread_t){ 0 }, NULL, a_thread, NULL));
			signal(SIGRTMIN, answer);
			answers = p[1];
			NEED(write(p[1], "x", 1));
			for (;;)
				pause();
		}
		NEED(read(p[0], &c, 1));
		say("another for children: %d", ns_ino("pid") != ns_ino("pid_for_children"));
		say("thread: %d", pthread_create(&(pthread_t){ 0 }, NULL, a_thread, NULL));
		kill(pid, SIGTERM);  /* ignored: no handler */
		kill(pid, SIGRTMIN); /* taken after that */
		NEED(read(p[0], &c, 1));
		say("alive: %d", waitpid(pid, &status, WNOHANG) == 0);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		say("killed: %d", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		T(fork()); /* it has ended */
		T(unshare(CLONE_NEWPID));
	});
	return;
expected:
	say("same: 1");
	say("another for children: 1");
	say("inner: 1");
	say("thread: 0");
	say("another for children: 1");
	say("thread: 22");
	say("alive: 1");
	say("killed: 1");
	say("fork() = -1 ENOMEM");
	say("unshare(CLONE_NEWPID) = -1 EINVAL");
}

static int reboots(void *cmd)
{
	syscall(SYS_reboot, 0xfee1dead, 672274793, (unsigned long)cmd, 0);
	return errno;
}

/*
 * reboot(2) ends a pid namespace: its init is killed by SIGHUP or SIGINT. The host prints @wanted.
 */
static void reboot_inside(const char *what, unsigned long cmd, int wanted)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status = wanted;
	pid_t pid;

	if (in_guest()) {
		pid = NEED(
			clone(reboots, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, (void *)cmd));
		waitpid(pid, &status, 0);
	}
	say("%s: %#x", what, status);
}

/* A mounted file loses its name: mountinfo marks it in the root field, not in the mount point. */
static void nameless_source(void)
{
	char line[1000], cwd[300], root[300], place[300];
	FILE *f;

	if (!in_guest()) {
		say("a//deleted at b");
		return;
	}
	CHILD_QUIET({
		NEED(unshare(CLONE_NEWNS));
		close(NEED(open("a", O_CREAT | O_RDWR, 0600)));
		close(NEED(open("b", O_CREAT | O_RDWR, 0600)));
		NEED(mount("a", "b", NULL, MS_BIND, NULL));
		NEED(unlink("a"));
		NEED(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
		f = fopen("/proc/self/mountinfo", "r");
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "%*s %*s %*s %299s %299s", root, place) == 2 &&
				strstr(place, cwd))
				say("%s at %s", root + strlen(root) - 10, place + strlen(cwd) + 1);
		fclose(f);
	});
}

/* ---- user ---- */

static void users_inside(void)
{
	struct stat st;

	G(getuid(), "65534");
	G(getgid(), "65534");
	GT(readf("/proc/self/uid_map"), "");
	GT(readf("/proc/self/setgroups"), "allow");
	G(setuid(0), "-1 EINVAL");
	G(writef("/proc/self/gid_map", "0 65534 1"), "-1 EPERM"); /* setgroups first */
	G(writef("/proc/self/uid_map", "0 65534 2"), "-1 EPERM");
	G(writef("/proc/self/uid_map", "0 0 1"), "-1 EPERM");
	G(writef("/proc/self/uid_map", "nonsense"), "-1 EINVAL");
	G(writef("/proc/self/uid_map", "0 65534 1"), "9");
	G(writef("/proc/self/uid_map", "0 65534 1"), "-1 EPERM"); /* once */
	G(writef("/proc/self/setgroups", "deny"), "4");
	G(writef("/proc/self/setgroups", "allow"), "-1 EPERM");
	G(writef("/proc/self/gid_map", "0 65534 1"), "9");
	G(getuid(), "0");
	G(getgid(), "0");
	GT(readf("/proc/self/uid_map"), "         0      65534          1");
	GT(readf("/proc/self/setgroups"), "deny");
	G(setgroups(0, NULL), "-1 EPERM");
	G(setuid(1), "-1 EINVAL");
	GIS(!stat("/", &st) && st.st_uid == 65534);
	G(chown(".", 1, -1), "-1 EINVAL");
	G(sethostname("x", 1), "-1 EPERM");
	G(unshare(CLONE_NEWUTS), "0");
	G(sethostname("x", 1), "0");
	G(mount("none", "/", "tmpfs", 0, NULL), "-1 EPERM");
	G(unshare(CLONE_NEWNS), "0");
	G(mount("none", "/", "no such thing", 0, NULL), "-1 ENODEV");
	G(mount("none", "/tmp", "tmpfs", 0, NULL), "0");
	G(open("/tmp/f", O_CREAT | O_RDWR, 0600) >= 0, "1");
	GIS(!stat("/tmp/f", &st) && st.st_uid == 0);
	G(mknod("/tmp/null", S_IFCHR | 0666, 0x103), "-1 EPERM");
	G(umount2("/proc", MNT_DETACH), "-1 EINVAL"); /* locked */
	G(chroot("/tmp"), "0");
	G(unshare(CLONE_NEWUSER), "-1 EPERM"); /* not from a chroot */
}

static void users(void)
{
	if (!in_guest()) {
		say("unshare(CLONE_NEWUSER) = 0");
		say("readf(\"/proc/self/setgroups\"): allow");
		say("writef(\"/proc/self/uid_map\", \"0 65534 1\") = -1 EACCES");
		users_inside();
		return;
	}
	CHILD_QUIET({
		NEED(setgid(65534));
		NEED(setuid(65534));
		G(unshare(CLONE_NEWUSER), "0");
		GT(readf("/proc/self/setgroups"), "allow");
		/* a process that changed ids is not dumpable, so the file is root's */
		T(writef("/proc/self/uid_map", "0 65534 1"));
	});
	CHILD_QUIET({
		NEED(setgid(65534));
		NEED(setuid(65534));
		NEED(prctl(PR_SET_DUMPABLE, 1));
		NEED(unshare(CLONE_NEWUSER));
		users_inside();
	});
}

static int unshare_in_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, a_thread, NULL);
	return unshare(CLONE_NEWUSER);
}

static void refused(void)
{
	CHILD_QUIET({
		GNEED(setuid(65534));
		G(unshare(CLONE_NEWNS), "-1 EPERM");
		G(unshare(CLONE_NEWUTS), "-1 EPERM");
		G(unshare(CLONE_NEWPID | CLONE_NEWNET), "-1 EPERM");
		G(syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0), "-1 EPERM");
	});
	CHILD_QUIET(G(unshare_in_thread(), "-1 EINVAL"));
	G(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0), "-1 EINVAL");
	G(syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS | SIGCHLD, 0, 0, 0, 0), "-1 EINVAL");
	G(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0), "-1 EINVAL");
	G(syscall(SYS_clone, CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, 0, 0, 0),
		"-1 EINVAL");
	G(unshare(0x1000), "-1 EINVAL");
	G(setns(-1, 0), "-1 EBADF");
	G(setns(0, 0), "-1 EINVAL");
}

/* ---- names ---- */

static void joining(void)
{
	int uts = GNEED(open("/proc/self/ns/uts", O_RDONLY)), fd, up;
	ino_t here = ns_ino("uts");
	pid_t pid;
	int p[2];
	char c;

	G(ioctl(uts, NS_GET_NSTYPE), "67108864");
	G(ioctl(uts, NS_GET_PARENT), "-1 EINVAL");
	fd = in_guest() ? ioctl(uts, NS_GET_USERNS) : 0;
	GIS(fd >= 0);
	G(ioctl(fd, NS_GET_NSTYPE), "268435456");
	G(ioctl(uts, NS_GET_OWNER_UID, &up), "-1 EINVAL");
	G(ioctl(uts, 0x1234), "-1 ENOTTY");
	close(fd);
	if (!in_guest()) {
		say("joined: 1 1");
		say("setns(uts, CLONE_NEWIPC) = -1 EINVAL");
		say("setns(uts, CLONE_NEWUTS) = 0");
		say("back: 1");
		say("pidfd: 0 inner");
		say("setns(pidfd, 0) = -1 EINVAL");
		say("setns(pidfd, 1) = -1 EINVAL");
		return;
	}
	NEED(pipe(p));
	pid = SPAWN({
		NEED(unshare(CLONE_NEWUTS | CLONE_NEWIPC));
		NEED(sethostname("inner", 5));
		NEED(write(p[1], "x", 1));
		pause();
	});
	NEED(read(p[0], &c, 1));
	CHILD_QUIET({
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/ns/uts", pid);
		fd = NEED(open(path, O_RDONLY));
		NEED(setns(fd, 0));
		say("joined: %d %d", !strcmp(hostname(), "inner"), ns_ino("uts") != here);
		T(setns(uts, CLONE_NEWIPC));
		T(setns(uts, CLONE_NEWUTS));
		say("back: %d", ns_ino("uts") == here);
	});
	CHILD_QUIET({
		int pidfd = (int)NEED(syscall(SYS_pidfd_open, pid, 0));
		int r = setns(pidfd, CLONE_NEWUTS | CLONE_NEWIPC);

		say("pidfd: %d %s", r, hostname());
		T(setns(pidfd, 0));
		T(setns(pidfd, 1));
	});
	t_kill(pid);
}

static void clocks(void)
{
	struct timespec before, after;

	if (!in_guest()) {
		say("writef(\"/proc/self/timens_offsets\", \"1 1000 0\") = 8");
		say("child: 1");
		say("writef(\"/proc/self/timens_offsets\", \"1 5 0\") = -1 EACCES");
		return;
	}
	CHILD_QUIET({
		NEED(clock_gettime(CLOCK_MONOTONIC, &before));
		NEED(unshare(CLONE_NEWTIME));
		T(writef("/proc/self/timens_offsets", "1 1000 0"));
		CHILD_QUIET({
			clock_gettime(CLOCK_MONOTONIC, &after);
			say("child: %d", after.tv_sec >= before.tv_sec + 1000);
		});
		T(writef("/proc/self/timens_offsets", "1 5 0"));
	});
}

/* Waits for an absolute time of the namespace, before the machine's start. */
static void early_times(void)
{
	struct itimerspec at = { .it_value = { 5, 0 } }, again = { { 0, 1000000 }, { 5, 0 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct timespec limit = { 20, 0 };
	uint64_t ticks;
	sigset_t set;
	timer_t id;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	G(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at.it_value, NULL), "0");
	GNEED(timer_create(CLOCK_MONOTONIC, &ev, &id));
	G(timer_settime(id, TIMER_ABSTIME, &at, NULL), "0");
	GIS(sigtimedwait(&set, NULL, &limit) == SIGUSR1);
	G(timer_settime(id, TIMER_ABSTIME, &again, NULL), "0");
	GIS(sigtimedwait(&set, NULL, &limit) == SIGUSR1);
	GIS(sigtimedwait(&set, NULL, &limit) == SIGUSR1);
	fd = (int)GNEED(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK));
	G(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL), "0");
	if (in_guest())
		T_WAIT(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 20000) == 1);
	G(read(fd, &ticks, sizeof(ticks)), "8");
}

static void early(void)
{
	if (!in_guest()) {
		early_times();
		return;
	}
	CHILD_QUIET({
		NEED(unshare(CLONE_NEWTIME));
		NEED(writef("/proc/self/timens_offsets", "1 100000 0"));
		NEED(writef("/proc/self/timens_offsets", "7 100000 0"));
		CHILD_QUIET(early_times());
	});
}

static void limits(void)
{
	if (!in_guest()) {
		say("unshare(CLONE_NEWUTS) = -1 ENOSPC");
		say("unshare(CLONE_NEWIPC) = 0");
		return;
	}
	CHILD_QUIET({
		NEED(unshare(CLONE_NEWUSER));
		NEED(writef("/proc/self/uid_map", "0 0 1"));
		NEED(writef("/proc/sys/user/max_uts_namespaces", "0"));
		T(unshare(CLONE_NEWUTS));
		T(unshare(CLONE_NEWIPC));
	});
}

TEST(namespaces)
{
	simple_kinds();
	mounts();
	pids();
	pids_more();
	nameless_source();
	reboot_inside("restart", 0x1234567, SIGHUP);
	reboot_inside("halt", 0xcdef0123, SIGINT);
	reboot_inside("power off", 0x4321fedc, SIGINT);
	reboot_inside("ctrl-alt-del", 0, EINVAL << 8);
	users();
	refused();
	joining();
	clocks();
	early();
	limits();
}
