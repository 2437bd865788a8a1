/* SPDX-License-Identifier: MIT */
/*
 * landlock_create_ruleset, landlock_add_rule, landlock_restrict_self: errors, and what a domain
 * forbids: files, ports, scopes, ptrace.
 */
#include "guest.h"
#include "mounts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FS_ALL 0xffffUL
#define EXECUTE (1UL << 0)
#define WRITE_FILE (1UL << 1)
#define READ_FILE (1UL << 2)
#define READ_DIR (1UL << 3)
#define REMOVE_FILE (1UL << 5)
#define MAKE_REG (1UL << 8)
#define REFER (1UL << 13)
#define TRUNCATE (1UL << 14)
#define IOCTL_DEV (1UL << 15)

struct attr {
	uint64_t fs, net, scoped;
};
struct beneath {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));
struct port {
	uint64_t access, port;
};

static long create(const void *a, size_t size, unsigned flags)
{
	return syscall(444, a, size, flags);
}
static long add(int fd, int type, const void *a, unsigned flags)
{
	return syscall(445, fd, type, a, flags);
}
static long restrict_self(int fd, unsigned flags)
{
	return syscall(446, fd, flags);
}

static int ruleset(uint64_t fs, uint64_t net, uint64_t scoped)
{
	struct attr a = { fs, net, scoped };

	return NEED(create(&a, sizeof(a), 0));
}

static void allow(int rs, const char *path, uint64_t access)
{
	struct beneath b = { access, NEED(open(path, O_PATH | O_CLOEXEC)) };

	NEED(add(rs, 1, &b, 0));
	close(b.fd);
}

static void enter(int rs)
{
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	NEED(restrict_self(rs, 0));
}

static void errors_create(void)
{
	struct attr a = { 0 };
	uint64_t longer[8] = { 1 };
	char c;
	int fd;

	IS(create(NULL, 0, 1) >= 6);
	T(create(NULL, 8, 2));
	T(create(&a, 0, 2));
	T(create(NULL, 0, 3));
	T(create(&a, 0, 1));
	T(create(NULL, 8, 1));
	T(create(NULL, 0, 0x1000));
	T(create(NULL, 0, 0));
	T(create(NULL, 24, 0));
	T(create((void *)1, 24, 0));
	T(create(&a, 7, 0));
	T(create(&a, 5000, 0));
	T(create(&a, sizeof(a), 0));
	a.fs = 1UL << 40;
	T(create(&a, sizeof(a), 0));
	a = (struct attr){ 1, 1UL << 40, 0 };
	T(create(&a, sizeof(a), 0));
	a = (struct attr){ 1, 0, 1UL << 40 };
	T(create(&a, sizeof(a), 0));
	T(create(&a, 8, 0) >= 0);
	OK(create(longer, sizeof(longer), 0));
	longer[7] = 1;
	T(create(longer, sizeof(longer), 0));
	fd = ruleset(READ_FILE, 0, 0);
	T(read(fd, &c, 1));
	T(write(fd, &c, 1));
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL) & O_ACCMODE);
}

static void errors_add(void)
{
	int rs = ruleset(READ_FILE | READ_DIR, 1, 0), dir = NEED(open(".", O_PATH)), file, p[2];
	struct beneath b = { READ_FILE, dir };
	struct port n = { 1, 80 };

	file = NEED(open("plain", O_RDWR | O_CREAT, 0600));
	NEED(pipe(p));
	T(add(rs, 1, &b, 1));
	T(add(-1, 1, &b, 0));
	T(add(file, 1, &b, 0));
	T(add(dir, 1, &b, 0));
	T(add(rs, 0, &b, 0));
	T(add(rs, 3, &b, 0));
	T(add(rs, 1, NULL, 0));
	T(add(rs, 1, &b, 0));
	b.access = 0;
	T(add(rs, 1, &b, 0));
	b.access = WRITE_FILE;
	T(add(rs, 1, &b, 0));
	b = (struct beneath){ READ_FILE, -1 };
	T(add(rs, 1, &b, 0));
	b.fd = rs;
	T(add(rs, 1, &b, 0));
	b.fd = p[0];
	T(add(rs, 1, &b, 0));
	b = (struct beneath){ READ_DIR, file };
	T(add(rs, 1, &b, 0));
	b.access = READ_FILE;
	T(add(rs, 1, &b, 0));
	T(add(rs, 2, &n, 0));
	T(add(rs, 2, NULL, 0));
	n.port = 65536;
	T(add(rs, 2, &n, 0));
	n = (struct port){ 0, 80 };
	T(add(rs, 2, &n, 0));
	n.access = 2;
	T(add(rs, 2, &n, 0));
	T(restrict_self(-1, 0));
	T(restrict_self(file, 0));
	T(restrict_self(rs, 0x80));
	CHILD({
		int i;

		NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		for (i = 0; !restrict_self(rs, 0); i++)
			;
		say("layers %d, then %s", i, t_errno(errno));
	});
	CHILD({
		NEED(setresuid(65534, 65534, 65534));
		T(restrict_self(rs, 0));
		T(restrict_self(-1, 0x80));
		NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		T(restrict_self(rs, 0));
	});
}

static void put(const char *name)
{
	close(NEED(open(name, O_CREAT | O_RDWR, 0700)));
}

static void files(void)
{
	int rs = ruleset(FS_ALL, 0, 0), early = NEED(open("top", O_RDWR | O_CREAT, 0600)), fd, p[2];
	char link[40];

	NEED(pipe(p));
	allow(rs, "ro", READ_FILE | READ_DIR);
	allow(rs, "rw", FS_ALL & ~(REFER | TRUNCATE | IOCTL_DEV));
	allow(rs, "rw/full", FS_ALL);
	enter(rs);
	OK(open("ro", O_RDONLY | O_DIRECTORY));
	OK(open("ro/f", O_RDONLY));
	OK(open("ro/f", O_RDWR));
	OK(open("ro/f", O_WRONLY));
	OK(open("ro/f", O_PATH));
	OK(open("ro/new", O_CREAT | O_RDWR, 0600));
	OK(open("top", O_RDONLY));
	OK(open(".", O_RDONLY | O_DIRECTORY));
	OK(open("rw/../top", O_RDONLY));
	T(access("top", R_OK));
	T(chmod("top", 0640));
	T(ftruncate(early, 10));
	T(write(early, "x", 1));
	T(truncate("top", 0));
	T(truncate("rw/f", 0));
	T(truncate("rw/full/f", 0));
	OK(open("rw/f", O_RDWR | O_TRUNC));
	OK(open("rw/fresh", O_RDWR | O_TRUNC | O_CREAT, 0600));
	fd = NEED(open("rw/f", O_RDWR));
	T(ftruncate(fd, 0));
	fd = NEED(open("rw/full/f", O_RDWR));
	T(ftruncate(fd, 0));
	T(mkdir("ro/d", 0700));
	T(mkdir("rw/d", 0700));
	T(mkdir("d", 0700));
	T(mkdir("ro/f", 0700));
	T(mknod("ro/p", S_IFIFO | 0600, 0));
	T(mknod("rw/p", S_IFIFO | 0600, 0));
	T(mknod("ro/r", S_IFREG | 0600, 0));
	T(symlink("x", "ro/s"));
	T(symlink("x", "rw/s"));
	T(unlink("ro/f"));
	T(unlink("ro/none"));
	T(unlink("rw/s"));
	T(rmdir("rw/d"));
	T(rmdir("empty"));
	T(execl("ro/f", "f", NULL));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", p[1]);
	/* only if /proc may be reached: it need not be opened itself */
	OK(open(link, O_WRONLY));
	OK(open("/dev/null", O_RDWR));
	T(mount("x", "rw", "tmpfs", 0, NULL));
	T(umount("rw"));
	OK(fork() ? 1 : (_exit(0), 0));
}

static void refer(void)
{
	int rs = ruleset(FS_ALL & ~REFER, 0, 0);

	allow(rs, "rw", FS_ALL & ~REFER);
	CHILD({
		enter(rs);
		T(rename("rw/a", "rw/b"));
		T(link("rw/b", "rw/a"));
		T(rename("rw/b", "rw/full/b"));
		T(link("rw/b", "rw/full/b"));
		T(rename("rw/b", "ro/b"));
		T(rename("ro/f", "rw/f2"));
		T(unlink("rw/b"));
	});
	rs = ruleset(FS_ALL, 0, 0);
	allow(rs, "rw", READ_FILE | WRITE_FILE | MAKE_REG | REMOVE_FILE | REFER);
	allow(rs, "rw/full", READ_FILE | EXECUTE);
	allow(rs, "ro", READ_FILE | MAKE_REG | REFER | REMOVE_FILE);
	put("ro/g");
	CHILD({
		enter(rs);
		T(rename("rw/a", "rw/full/a")); /* would become executable */
		T(rename("ro/g", "rw/g"));      /* would become writable */
		T(link("ro/g", "rw/g"));
		T(rename("rw/a", "ro/a")); /* would lose: allowed */
		T(rename("ro/a", "top/a"));
		T(rename("ro/a", "a"));
		T(syscall(SYS_renameat2, AT_FDCWD, "ro/a", AT_FDCWD, "ro/g", 2));
		T(syscall(SYS_renameat2, AT_FDCWD, "ro/a", AT_FDCWD, "rw/x", 2));
		T(rename("rw/full", "ro/full"));
	});
}

static void layers(void)
{
	int one = ruleset(READ_FILE | WRITE_FILE, 0, 0), two = ruleset(WRITE_FILE, 0, 0);

	allow(one, "rw", READ_FILE | WRITE_FILE);
	allow(one, "ro", READ_FILE);
	allow(two, "rw/full", WRITE_FILE);
	allow(two, "ro", WRITE_FILE);
	CHILD({
		enter(one);
		OK(open("rw/f", O_RDWR));
		OK(open("rw", O_RDONLY));
		enter(two);
		OK(open("rw/f", O_RDWR));
		OK(open("rw/f", O_RDONLY));
		OK(open("rw/full/f", O_RDWR));
		OK(open("ro/f", O_WRONLY));
		allow(one, ".", READ_FILE); /* too late for the domain */
		OK(open("top", O_RDONLY));
	});
	/* the present place of a folder counts, not its former place */
	CHILD({
		int p[2], dir;
		char c;
		pid_t mover;

		NEED(pipe(p));
		mover = SPAWN(close(p[1]); read(p[0], &c, 1); NEED(rename("rw/full", "moved")));
		enter(one);
		dir = NEED(open("rw/full", O_PATH));
		OK(openat(dir, "f", O_RDONLY));
		close(p[1]);
		t_wait("mover", mover);
		OK(openat(dir, "f", O_RDONLY));
		OK(open("moved/f", O_RDONLY));
	});
	NEED(rename("moved", "rw/full"));
}

static void thread_of_one(void)
{
	int rs = ruleset(IOCTL_DEV, 0, 0), fd, n;

	CHILD({
		enter(rs);
		fd = NEED(open("/dev/null", O_RDWR));
		T(ioctl(fd, FIOCLEX));
		T(ioctl(fd, FIONREAD, &n));
		T(ioctl(fd, 0x1234));
		fd = NEED(open("top", O_RDWR));
		T(ioctl(fd, 0x1234));
		T(ioctl(fd, FIONREAD, &n));
		T(mount("x", "rw", "tmpfs", 0, NULL));
	});
}

static void tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct port ok = { 3, 0 };
	int rs = ruleset(0, 3, 0), s, t, u;
	socklen_t len = sizeof(a);

	s = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(bind(s, (void *)&a, sizeof(a)));
	NEED(listen(s, 1));
	NEED(getsockname(s, (void *)&a, &len));
	NEED(add(rs, 2, &ok, 0));
	CHILD({
		enter(rs);
		t = NEED(socket(AF_INET, SOCK_STREAM, 0));
		T(connect(t, (void *)&a, sizeof(a)));
		T(connect(t, (void *)&a, 1));
		T(connect(t, (void *)&a, 10));
		T(bind(t, (void *)&a, sizeof(a)));
		a.sin_family = AF_INET6;
		T(connect(t, (void *)&a, sizeof(a)));
		a.sin_family = AF_UNSPEC;
		T(connect(t, (void *)&a, sizeof(a)));
		T(connect(t, (void *)&a, 2));
		T(connect(t, (void *)&a, 1));
		T(bind(t, (void *)&a, sizeof(a)));
		a.sin_family = AF_INET;
		/* not every host's Linux has that mended */
		G(sendto(t, "x", 1, MSG_FASTOPEN, (void *)&a, sizeof(a)), "-1 EACCES");
		u = NEED(socket(AF_INET, SOCK_DGRAM, 0));
		T(connect(u, (void *)&a, sizeof(a)));
		a.sin_port = 0;
		T(bind(t, (void *)&a, sizeof(a)));
		OK(open("top", O_RDWR));
	});
	ok.port = ntohs(a.sin_port);
	NEED(add(rs, 2, &ok, 0));
	CHILD({
		enter(rs);
		t = NEED(socket(AF_INET, SOCK_STREAM, 0));
		T(connect(t, (void *)&a, sizeof(a)));
	});
}

static socklen_t abstract(struct sockaddr_un *un, const char *kind)
{
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return 3 + snprintf(un->sun_path + 1, 100, "nestling-%s-%d", kind, getppid());
}

static void scopes(void)
{
	int rs = ruleset(0, 0, 3), l, d, s;
	struct sockaddr_un un, dn;
	socklen_t len = abstract(&un, "stream"), dlen = abstract(&dn, "dgram");
	pid_t pid = SPAWN(pause());

	l = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	NEED(bind(l, (void *)&un, len));
	NEED(listen(l, 5));
	d = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	NEED(bind(d, (void *)&dn, dlen));
	CHILD({
		int before = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));

		NEED(connect(before, (void *)&dn, dlen));
		enter(rs);
		s = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
		T(connect(s, (void *)&un, len));
		s = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
		T(connect(s, (void *)&dn, dlen));
		T(sendto(s, "x", 1, 0, (void *)&dn, dlen));
		T(send(before, "x", 1, 0));
		T(kill(pid, 0));
		T(kill(pid, SIGTERM));
		T(kill(getpid(), 0));
		T(kill(getppid(), 0));
		CHILD(T(kill(getppid(), 0)));
	});
	T(kill(pid, SIGTERM));
	t_wait("the other", pid);
	rs = ruleset(0, 0, 1);
	CHILD({
		enter(rs);
		T(kill(getppid(), 0));
	});
}

/*
 * A restricted process makes a group the owner of a file: SIGIO reaches its own process, but no
 * member outside of the domain.
 */
static void owners(void)
{
	int rs = ruleset(0, 0, 2), p[2];
	pid_t group = t_group();

	NEED(pipe(p));
	CHILD({
		setpgid(0, group);
		signal(SIGUSR1, SIG_IGN);
		enter(rs);
		T(fcntl(p[0], F_SETSIG, SIGUSR1));
		T(fcntl(p[0], F_SETOWN, -group));
		T(fcntl(p[0], F_SETFL, O_ASYNC));
		T(write(p[1], "x", 1));
	});
	/* The restricted process has set the owner. Its rights count, whichever process writes. */
	T(write(p[1], "x", 1));
	T(fcntl(p[0], F_SETSIG, SIGTERM));
	T(fcntl(p[0], F_SETOWN, -group));
	T(write(p[1], "x", 1));
	t_wait("the group", group);
	close(p[0]);
	close(p[1]);
}

static void tracing(void)
{
	int rs = ruleset(READ_FILE, 0, 0);
	pid_t pid = SPAWN(pause()), in;

	allow(rs, "/", READ_FILE);
	CHILD({
		enter(rs);
		T(ptrace(PTRACE_ATTACH, pid, 0, 0));
		CHILD(T(ptrace(PTRACE_TRACEME, 0, 0, 0)));
		in = SPAWN(pause());
		T(ptrace(PTRACE_ATTACH, in, 0, 0));
		t_kill(in);
	});
	CHILD({
		CHILD({
			enter(rs);
			T(ptrace(PTRACE_TRACEME, 0, 0, 0));
		});
	});
	kill(pid, SIGKILL);
	t_wait("the other", pid);
}

static void look(const char *path)
{
	int fd = open(path, O_RDONLY);

	say("%s: %s", path, fd < 0 ? t_errno(errno) : "open");
	if (fd >= 0)
		close(fd);
}

/* Checks rules for files of /proc, whose inodes are made anew for each lookup. */
static void processes(void)
{
	int rs, order[2];
	char path[64], c;
	pid_t pid;

	CHILD({
		rs = ruleset(READ_FILE, 0, 0);
		allow(rs, "/proc/self/status", READ_FILE);
		allow(rs, "/proc/version", READ_FILE);
		enter(rs);
		for (int i = 0; i < 3; i++) {
			look("/proc/self/status");
			look("/proc/thread-self/../../status");
		}
		look("/proc/version");
		look("/proc/self/stat");
		look("/proc/uptime");
	});
	CHILD({
		rs = ruleset(READ_FILE, 0, 0);
		allow(rs, "/proc/self", READ_FILE);
		enter(rs);
		look("/proc/self/stat");
		look("/proc/self/task/../status");
		look("/proc/uptime");
		CHILD(look("/proc/self/stat")); /* another process's */
	});
	/* of one that has gone */
	NEED(pipe(order));
	pid = SPAWN(close(order[1]); NEED(read(order[0], &c, 1)));
	rs = ruleset(READ_FILE, 0, 0);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	allow(rs, path, READ_FILE);
	NEED(write(order[1], "x", 1));
	t_wait("process", pid);
	say("gone: %s", access(path, F_OK) ? t_errno(errno) : "there");
	CHILD({
		enter(rs);
		say("gone: %s", open(path, O_RDONLY) < 0 ? t_errno(errno) : "there");
	});
	close(rs);
	close(order[0]);
	close(order[1]);
}

/* A rule keeps no file system from being unmounted. */
static void unmounted(void)
{
	int rs;

	NEED(mkdir("proc", 0755));
	CHILD({
		GNEED(unshare(CLONE_NEWNS));
		G(mount("proc", "proc", "proc", 0, NULL), "0");
		rs = ruleset(READ_FILE, 0, 0);
		if (in_guest()) {
			allow(rs, "proc/1/status", READ_FILE);
			allow(rs, "proc/self", READ_FILE);
		}
		G(umount("proc"), "0");
		G(mount("proc", "proc", "proc", 0, NULL), "0");
		enter(rs);
		G(open("proc/1/status", O_RDONLY), "-1 EACCES");
	});
}

/*
 * A folder that is moved out of what its mount shows: the rules of the mount hold for it, and those
 * of where it is now.
 */
static void moved_out(void)
{
	int rs, dir;

	own_mounts();
	NEED(mount("none", "bound", "tmpfs", 0, NULL));
	NEED(mkdir("bound/tree", 0755));
	NEED(mkdir("bound/tree/leaf", 0755));
	NEED(mkdir("bound/there", 0755));
	NEED(mkdir("bound/view", 0755));
	put("bound/tree/leaf/f");
	put("bound/tree/leaf/g");
	NEED(mount("bound/tree", "bound/view", NULL, MS_BIND, NULL));
	dir = NEED(open("bound/view/leaf", O_PATH));
	NEED(rename("bound/tree/leaf", "bound/there/leaf"));
	static const char *const given[] = { "bound/view", "bound/there", "bound/tree", "bound",
		"." };

	for (unsigned i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		CHILD({
			say("%s", given[i]);
			rs = ruleset(FS_ALL & ~EXECUTE, 0, 0);
			allow(rs, given[i], READ_FILE | MAKE_REG | REMOVE_FILE);
			enter(rs);
			OK(openat(dir, "f", O_RDONLY));
			OK(openat(dir, "f", O_WRONLY));
			T(renameat(dir, "g", dir, "h"));
			T(renameat(dir, "h", dir, "g"));
			OK(open("bound/there/leaf/f", O_RDONLY));
			OK(open("bound/view", O_PATH));
		});
}

#define DEEP 8000
#define RENAMERS 2

/* The way up from a deep folder ends, however often others rename meanwhile. */
static void climbs_while_renamed(void)
{
	pid_t renamer[RENAMERS];
	int top = NEED(open(".", O_RDONLY | O_DIRECTORY)), i, opened = 0;
	struct timespec from, now;

	for (i = 0; i < DEEP; i++) {
		NEED(mkdir("d", 0700));
		NEED(chdir("d"));
	}
	for (i = 0; i < RENAMERS; i++) {
		renamer[i] = NEED(fork());
		if (!renamer[i]) {
			const char *a = i ? "a1" : "a0", *b = i ? "b1" : "b0";

			NEED(prctl(PR_SET_PDEATHSIG, SIGKILL));
			NEED(fchdir(top));
			NEED(mkdir(a, 0700));
			for (;;) {
				rename(a, b);
				rename(b, a);
			}
		}
	}
	if (!NEED(fork())) {
		for (i = 0; i < 16; i++) {
			int rs = ruleset(READ_DIR, 0, 0);
			struct beneath at_top = { READ_DIR, top };

			NEED(add(rs, 1, &at_top, 0));
			enter(rs);
			close(rs);
		}
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (i = 0; i < 20; i++)
			opened += open(".", O_RDONLY) >= 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
		printf("opened %d, at once %d\n", opened, now.tv_sec - from.tv_sec < 5);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	for (i = 0; i < RENAMERS; i++) {
		kill(renamer[i], SIGKILL);
		NEED(waitpid(renamer[i], NULL, 0));
	}
	for (i = 0; i < DEEP; i++) {
		NEED(chdir(".."));
		NEED(rmdir("d"));
	}
	close(top);
}

TEST(landlock)
{
	NEED(mkdir("ro", 0755));
	NEED(mkdir("rw", 0755));
	NEED(mkdir("rw/full", 0755));
	NEED(mkdir("empty", 0755));
	put("ro/f");
	put("rw/f");
	put("rw/a");
	put("rw/full/f");
	errors_create();
	errors_add();
	CHILD(files());
	refer();
	layers();
	thread_of_one();
	tcp();
	scopes();
	owners();
	tracing();
	processes();
	unmounted();
	NEED(mkdir("bound", 0755));
	CHILD(moved_out());
	NEED(mkdir("deep", 0755));
	NEED(chdir("deep"));
	climbs_while_renamed();
	NEED(chdir(".."));
}
