/* SPDX-License-Identifier: MIT */
/*
 * autofs: the test's own daemon mounts at the first use of a direct and an indirect mount. Calls
 * that trigger and calls that do not, the packets, failures, killed waiters, expiry, the daemon's
 * view, catatonic mounts and their revival.
 */
#include "guest.h"
#include "recorded.h"
#include "mounts.h"

#include <dirent.h>
#include <linux/auto_dev-ioctl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statfs.h>

static const char expected[] =
#include "autofs.inc"
	;

enum { MOUNT, FAIL, HOLD, LINK };

static struct {
	/* what the daemon does with the next packets */
	int mode, status;
	int packets; /* number received */
	int release; /* HOLD ends */
	/* how + 1 of an expiry for the daemon's second process */
	int expire;
	/* result of the expiry, valid once @expire is 0 */
	int expired, error;
	/* a command for the daemon, and the last one done */
	int order, done;
	int results[8];
	struct autofs_v5_packet last[64];
} * sh;

/* the daemon's: /dev/autofs, its pipe, the mount */
static int dev, pipes[2], fd;
static const char *where;

static union {
	struct autofs_dev_ioctl a;
	char bytes[sizeof(struct autofs_dev_ioctl) + 64];
} u;

/* Returns the arguments of a command for the mount @on. */
static struct autofs_dev_ioctl *args(int on)
{
	memset(&u, 0, sizeof(u));
	init_autofs_dev_ioctl(&u.a);
	u.a.ioctlfd = on;
	return &u.a;
}

static struct autofs_dev_ioctl *args_path(int on, const char *path)
{
	args(on);
	strcpy(u.bytes + sizeof(u.a), path);
	u.a.size = sizeof(u.a) + strlen(path) + 1;
	return &u.a;
}

/* ---- the daemon ---- */

static void answer(unsigned token, int status)
{
	args(fd);
	if (status) {
		u.a.fail.token = token;
		u.a.fail.status = status;
		NEED(ioctl(dev, AUTOFS_DEV_IOCTL_FAIL, &u));
	} else {
		u.a.ready.token = token;
		NEED(ioctl(dev, AUTOFS_DEV_IOCTL_READY, &u));
	}
}

static void make(const char *path)
{
	char file[320];

	NEED(mount("t", path, "tmpfs", 0, NULL));
	snprintf(file, sizeof(file), "%s/file", path);
	close(NEED(open(file, O_WRONLY | O_CREAT, 0644)));
}

static void handle(const struct autofs_v5_packet *p)
{
	bool direct = p->hdr.type == autofs_ptype_missing_direct ||
		      p->hdr.type == autofs_ptype_expire_direct;
	char path[300];

	snprintf(path, sizeof(path), direct ? "%s" : "%s/%.*s", where, (int)p->len, p->name);
	sh->last[sh->packets % 64] = *p;
	__atomic_fetch_add(&sh->packets, 1, __ATOMIC_SEQ_CST);
	if (p->hdr.type == autofs_ptype_expire_direct ||
		p->hdr.type == autofs_ptype_expire_indirect) {
		if (umount(path))
			NEED(unlink(path));
		else if (!direct)
			NEED(rmdir(path));
		answer(p->wait_queue_token, 0);
		return;
	}
	if (sh->mode == HOLD)
		T_WAIT(__atomic_load_n(&sh->release, __ATOMIC_SEQ_CST));
	if (sh->mode == FAIL) {
		answer(p->wait_queue_token, sh->status);
		return;
	}
	if (sh->mode == LINK) {
		NEED(symlink("../target", path));
	} else {
		if (!direct)
			NEED(mkdir(path, 0755));
		make(path);
	}
	answer(p->wait_queue_token, 0);
}

static int open_mount(const char *path)
{
	char beside[40];
	struct stat st;

	NEED(stat(path, &st));
	snprintf(beside, sizeof(beside), "./%s", path); /* a path without a slash is none */
	args_path(-1, beside);
	u.a.openmount.devid = (unsigned)st.st_dev;
	NEED(ioctl(dev, AUTOFS_DEV_IOCTL_OPENMOUNT, &u));
	return u.a.ioctlfd;
}

static void mount_autofs(const char *kind)
{
	char options[100];

	snprintf(options, sizeof(options), "fd=%d,pgrp=%d,minproto=5,maxproto=5,%s", pipes[1],
		getpgrp(), kind);
	NEED(mount("x", where, "autofs", 0, options));
	fd = open_mount(where);
}

/* Runs expiries in another process of the daemon's group, since they wait for the daemon. */
static void expirer(void)
{
	for (;;) {
		int how = __atomic_load_n(&sh->expire, __ATOMIC_SEQ_CST) - 1;

		if (how < 0) {
			sleep_ms(1);
			continue;
		}
		args(fd);
		u.a.expire.how = (unsigned)how;
		sh->expired = how & 8 ? ioctl(fd, AUTOFS_IOC_EXPIRE_MULTI, (int[]){ how & 7 }) :
					ioctl(dev, AUTOFS_DEV_IOCTL_EXPIRE, &u);
		sh->error = errno;
		__atomic_store_n(&sh->expire, 0, __ATOMIC_SEQ_CST);
	}
}

/* Commands that only the daemon may give. */
static void obey(int order)
{
	struct statfs sf;
	char path[40];

	if (order == 1) { /* the daemon's view: no automount */
		snprintf(path, sizeof(path), "%s/file", where);
		sh->results[0] = open(path, O_RDONLY) < 0 ? errno : 0;
		sh->results[1] = statfs(where, &sf) ? errno : (int)sf.f_type;
		args(fd);
		u.a.timeout.timeout = 300;
		sh->results[2] = ioctl(dev, AUTOFS_DEV_IOCTL_TIMEOUT, &u) ? errno : 0;
		args(fd);
		u.a.timeout.timeout = 0;
		sh->results[3] =
			ioctl(dev, AUTOFS_DEV_IOCTL_TIMEOUT, &u) ? errno : (int)u.a.timeout.timeout;
		args(fd);
		sh->results[4] = ioctl(dev, AUTOFS_DEV_IOCTL_PROTOVER, &u) ?
					 errno :
					 (int)u.a.protover.version;
		args(fd);
		sh->results[5] = ioctl(dev, AUTOFS_DEV_IOCTL_ASKUMOUNT, &u) ?
					 errno :
					 (int)u.a.askumount.may_umount;
		args(fd);
		u.a.ready.token = 12345678;
		sh->results[6] = ioctl(dev, AUTOFS_DEV_IOCTL_READY, &u) ? errno : 0;
		args(fd);
		u.a.setpipefd.pipefd = pipes[1];
		sh->results[7] = ioctl(dev, AUTOFS_DEV_IOCTL_SETPIPEFD, &u) ? errno : 0;
	} else if (order == 2) {
		sh->results[0] = ioctl(dev, AUTOFS_DEV_IOCTL_CATATONIC, args(fd)) ? errno : 0;
	} else if (order == 3) {
		args(fd);
		u.a.setpipefd.pipefd = pipes[1];
		sh->results[0] = ioctl(dev, AUTOFS_DEV_IOCTL_SETPIPEFD, &u) ? errno : 0;
	} else if (order == 4) { /* the last requester's ids */
		args_path(fd, "./d");
		sh->results[0] = ioctl(dev, AUTOFS_DEV_IOCTL_REQUESTER, &u) ? errno : 0;
		sh->results[1] = (int)u.a.requester.uid;
		args_path(fd, "./d");
		sh->results[2] = ioctl(dev, AUTOFS_DEV_IOCTL_ISMOUNTPOINT, &u);
		sh->results[3] = (int)u.a.ismountpoint.out.magic;
		sh->results[4] = ioctl(dev, AUTOFS_DEV_IOCTL_ASKUMOUNT, args(fd)) ?
					 errno :
					 (int)u.a.askumount.may_umount;
	} else if (order == 5) { /* close the only reading end */
		close(pipes[0]);
		close(pipes[1]);
		pipes[0] = -1;
	}
}

static pid_t other; /* the daemon's second process */

static void serve(const char *kind)
{
	struct autofs_v5_packet p;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is killed leaves no daemon */
	setsid();
	mount_autofs(kind);
	other = fork();
	if (!other) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pipes[0]); /* so that the pipe can break */
		close(pipes[1]);
		expirer();
	}
	__atomic_store_n(&sh->done, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		struct pollfd pf = { pipes[0], POLLIN, 0 };

		if (pipes[0] >= 0 && poll(&pf, 1, 1) == 1 && pf.revents & POLLIN) {
			if (NEED(read(pipes[0], &p, sizeof(p))) == sizeof(p))
				handle(&p);
			continue;
		}
		if (__atomic_load_n(&sh->order, __ATOMIC_SEQ_CST)) {
			obey(sh->order);
			__atomic_store_n(&sh->order, 0, __ATOMIC_SEQ_CST);
		}
		if (pipes[0] < 0)
			sleep_ms(1);
	}
}

static pid_t begin(const char *kind)
{
	pid_t pid;

	memset(sh, 0, sizeof(*sh));
	NEED(pipe(pipes));
	NEED(mkdir(where, 0755));
	pid = fork();
	if (!pid)
		serve(kind);
	close(pipes[0]);
	close(pipes[1]);
	T_WAIT(__atomic_load_n(&sh->done, __ATOMIC_SEQ_CST));
	return pid;
}

static void end(pid_t pid)
{
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (!umount2(where, MNT_DETACH))
		;
	NEED(rmdir(where));
}

static void order(int n)
{
	__atomic_store_n(&sh->order, n, __ATOMIC_SEQ_CST);
	T_WAIT(!__atomic_load_n(&sh->order, __ATOMIC_SEQ_CST));
}

static void expire(const char *how, int flags)
{
	__atomic_store_n(&sh->expire, flags + 1, __ATOMIC_SEQ_CST);
	T_WAIT(!__atomic_load_n(&sh->expire, __ATOMIC_SEQ_CST));
	t_result(how, sh->expired, sh->error);
}

/* Prints the packets since the last look. */
static void say_packets(void)
{
	static int seen;

	if (sh->packets < seen)
		seen = 0;
	for (; seen < sh->packets; seen++) {
		const struct autofs_v5_packet *p = &sh->last[seen % 64];
		bool named = p->hdr.type == autofs_ptype_missing_indirect ||
			     p->hdr.type == autofs_ptype_expire_indirect;

		say("packet: protocol %d, type %d, uid %u, %s, '%.*s'%s", p->hdr.proto_version,
			p->hdr.type, p->uid,
			p->pid == (unsigned)getpid() && p->tgid == p->pid ? "mine" : "another's",
			named ? (int)p->len : 0, p->name,
			p->wait_queue_token && p->len && p->ino ? "" : ", incomplete");
	}
	if (seen)
		seen = sh->packets;
}

static void opens(const char *path)
{
	int f = open(path, O_RDONLY);

	say("open %s: %s", path, f < 0 ? strerrorname_np(errno) : "a file");
	if (f >= 0)
		close(f);
}

/* ---- direct ---- */

static void looks_only(void)
{
	struct stat st;
	char b[16];

	T(stat(where, &st));
	T(lstat(where, &st));
	T(fstatat(AT_FDCWD, where, &st, 0));
	T(access(where, R_OK));
	T(readlink(where, b, sizeof(b)));
	T(fstatat(AT_FDCWD, where, &st, AT_NO_AUTOMOUNT));
	T(chmod(where, 0755));
	say("%d packets, directory %d", sh->packets, S_ISDIR(st.st_mode));
}

static void direct(void)
{
	char file[] = "d/file";
	struct statfs sf;
	pid_t daemon, child;
	int f;

	where = "d";
	say("---- direct");
	daemon = begin("direct");
	looks_only();
	order(1);
	say("the daemon: open %s, magic %x, TIMEOUT %d and %d, PROTOVER %d, ASKUMOUNT %d, unknown "
	    "token %s, SETPIPEFD %s",
		strerrorname_np(sh->results[0]), sh->results[1], sh->results[2], sh->results[3],
		sh->results[4], sh->results[5], strerrorname_np(sh->results[6]),
		strerrorname_np(sh->results[7]));
	sh->mode = FAIL;
	sh->status = -EACCES;
	opens(file);
	sh->status = -EHOSTDOWN;
	opens("d");
	sh->status = 5; /* no errno */
	opens("d/");
	say_packets();
	sh->mode = MOUNT;
	opens(file);
	opens(file);
	say_packets();
	T(statfs(where, &sf));
	say("tmpfs: %d", sf.f_type == TMPFS_MAGIC);
	order(4);
	say("requester %d: uid %d, mount on it %d: tmpfs %d, may be unmounted %d", sh->results[0],
		sh->results[1], sh->results[2], sh->results[3] == TMPFS_MAGIC, sh->results[4]);
	f = NEED(open(file, O_RDONLY));
	expire("expire while a file is open", AUTOFS_EXP_IMMEDIATE);
	close(f);
	expire("expire without a time", AUTOFS_EXP_NORMAL);
	expire("expire at once", AUTOFS_EXP_IMMEDIATE);
	say_packets();
	looks_only();
	/* a waiter can be killed; the next process joins the request */
	sh->mode = HOLD;
	child = SPAWN(open(file, O_RDONLY));
	T_WAIT(__atomic_load_n(&sh->packets, __ATOMIC_SEQ_CST) == 6);
	t_kill(child);
	child = SPAWN(_exit(open(file, O_RDONLY) < 0));
	t_until(child, 'D');
	__atomic_store_n(&sh->release, 1, __ATOMIC_SEQ_CST);
	waitpid(child, &f, 0);
	say("the second waiter: %d", f);
	say("%d packets", sh->packets);
	sh->mode = MOUNT;
	expire("expire at once, by the mount's own ioctl", AUTOFS_EXP_IMMEDIATE | 8);
	order(2);
	say("catatonic: %d", sh->results[0]);
	opens(file);
	opens("d");
	order(3);
	say("a pipe again: %d", sh->results[0]);
	opens(file);
	end(daemon);
}

/* ---- indirect ---- */

static void indirect(void)
{
	struct stat st;
	pid_t daemon;
	DIR *dir;

	where = "i";
	say("---- indirect");
	NEED(mkdir("target", 0755));
	daemon = begin("indirect");
	T(stat("i", &st));
	dir = opendir("i");
	say("readdir: %d packets", sh->packets);
	closedir(dir);
	sh->mode = FAIL;
	sh->status = -ENOENT;
	T(stat("i/none", &st));
	T(mkdir("i/mine", 0755));
	T(rmdir("i/mine"));
	T(symlink("x", "i/mine"));
	T(open("i/new", O_WRONLY | O_CREAT, 0644));
	say_packets();
	sh->mode = MOUNT;
	T(stat("i/one", &st));
	opens("i/one/file");
	opens("i/one/nothing");
	opens("i/two/file");
	sh->mode = LINK;
	opens("i/link/.");
	opens("i/link/.");
	say_packets();
	T(rmdir("i/one"));
	expire("expire the link", AUTOFS_EXP_IMMEDIATE);
	expire("expire two", AUTOFS_EXP_IMMEDIATE | 8);
	expire("expire one", AUTOFS_EXP_IMMEDIATE);
	expire("expire nothing", AUTOFS_EXP_IMMEDIATE);
	say_packets();
	/* some kernels send it to the requesting process */
	signal(SIGPIPE, SIG_IGN);
	order(5);
	T(stat("i/late", &st));
	T(stat("i/later", &st));
	end(daemon);
}

/* ---- what is refused ---- */

static void refused(void)
{
	int file = NEED(open("target", O_RDONLY));
	char options[100];

	say("---- refused");
	args(-1);
	u.a.ver_major = 7;
	T(ioctl(dev, AUTOFS_DEV_IOCTL_VERSION, &u));
	say("version %u.%u", u.a.ver_major, u.a.ver_minor > 0);
	T(ioctl(dev, AUTOFS_DEV_IOCTL_VERSION, args(-1)));
	args(-1);
	u.a.size = 8;
	T(ioctl(dev, AUTOFS_DEV_IOCTL_VERSION, &u));
	args(-1);
	u.a.size = 100000;
	T(ioctl(dev, AUTOFS_DEV_IOCTL_VERSION, &u));
	T(ioctl(dev, AUTOFS_DEV_IOCTL_VERSION, BAD));
	T(ioctl(dev, AUTOFS_DEV_IOCTL_OPENMOUNT, args(-1)));
	T(ioctl(dev, AUTOFS_DEV_IOCTL_OPENMOUNT, args_path(-1, "./target")));
	T(ioctl(dev, AUTOFS_DEV_IOCTL_OPENMOUNT, args_path(-1, "no slash")));
	T(ioctl(dev, AUTOFS_DEV_IOCTL_READY, args(-1)));
	T(ioctl(dev, AUTOFS_DEV_IOCTL_READY, args(file)));
	T(ioctl(dev, _IOWR(AUTOFS_IOCTL, 0x7f, struct autofs_dev_ioctl), args(file)));
	T(ioctl(dev, AUTOFS_DEV_IOCTL_ISMOUNTPOINT, args_path(-1, "./target")));
	T(ioctl(dev, AUTOFS_DEV_IOCTL_ISMOUNTPOINT, args_path(-1, "/proc")));
	say("magic of /proc: %d", u.a.ismountpoint.out.magic == PROC_SUPER_MAGIC);
	T(mount("x", "target", "autofs", 0, "direct"));
	T(mount("x", "target", "autofs", 0, "fd=999,direct"));
	snprintf(options, sizeof(options), "fd=%d,direct", file);
	T(mount("x", "target", "autofs", 0, options));
	T(mount("x", "target", "autofs", 0, "nonsense"));
	close(file);
}

/* True if this host has no autofs, which may be a module that is not loaded. */
static bool host_lacks_it(void)
{
	char text[4000];
	FILE *f = fopen("/proc/filesystems", "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = 0;
	if (f)
		fclose(f);
	dev = open("/dev/autofs", O_RDONLY);
	return dev < 0 || !strstr(text, "\tautofs\n");
}

TEST(autofs)
{
	if (host_lacks_it() && !in_guest())
		RECORDED(expected);
	NEED(dev);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	own_mounts();
	direct();
	indirect();
	refused();
}
