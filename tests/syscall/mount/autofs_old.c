/* SPDX-License-Identifier: MIT */
/*
 * autofs_old: protocols 3 and 4 of autofs: their packets for a mount and an unmount, and version
 * 3's EXPIRE, which names what may be unmounted.
 */
#include "guest.h"
#include "recorded.h"
#include "mounts.h"

#include <linux/auto_fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>

static const char expected[] =
#include "autofs_old.inc"
	;

static struct {
	int ready, expire, done;
	char text[600];
} * sh;

static int pipes[2], root;

static __attribute__((format(printf, 1, 2))) void note(const char *fmt, ...)
{
	size_t n = strlen(sh->text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(sh->text + n, sizeof(sh->text) - n, fmt, args);
	va_end(args);
}

static void drop(const char *path)
{
	NEED(umount(path));
	NEED(rmdir(path));
}

/* Reads a packet and does what it asks for. */
static void serve(void)
{
	union autofs_packet_union p;
	char path[300];
	long n = NEED(read(pipes[0], &p, sizeof(p)));

	note("packet of %ld bytes (%d), version %d, type %d, name %s, length right %d\n", n,
		n == sizeof(p.missing), p.hdr.proto_version, p.hdr.type, p.missing.name,
		p.missing.len == (int)strlen(p.missing.name));
	snprintf(path, sizeof(path), "m/%s", p.missing.name);
	if (p.hdr.type == autofs_ptype_missing) {
		NEED(mkdir(path, 0755));
		NEED(mount("t", path, "tmpfs", 0, NULL));
		NEED(mkdir("m/place/inside", 0755));
	} else {
		drop(path);
	}
	NEED(ioctl(root, AUTOFS_IOC_READY, (unsigned long)p.missing.wait_queue_token));
}

static void expire_multi(void)
{
	int status, how = AUTOFS_EXP_IMMEDIATE;
	pid_t pid = fork();

	if (!pid)
		_exit(ioctl(root, AUTOFS_IOC_EXPIRE_MULTI, &how) ? errno : 0);
	serve();
	NEED(waitpid(pid, &status, 0));
	note("EXPIRE_MULTI: %d\n", status);
}

static void expire_one(void)
{
	struct autofs_packet_expire p = { .len = -1 };
	unsigned long seconds = 1;
	int none;

	NEED(ioctl(root, AUTOFS_IOC_SETTIMEOUT, &seconds));
	T_WAIT(!ioctl(root, AUTOFS_IOC_EXPIRE, &p));
	note("EXPIRE: version %d, type %d, name %s, length %d\n", p.hdr.proto_version, p.hdr.type,
		p.name, p.len);
	drop("m/place");
	none = ioctl(root, AUTOFS_IOC_EXPIRE, &p) ? errno : 0;
	note("then: %s\n", strerrorname_np(none));
}

static void daemon_of(int version)
{
	char options[100];
	int n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	NEED(setpgid(0, 0));
	NEED(pipe(pipes));
	snprintf(options, sizeof(options), "fd=%d,pgrp=%d,minproto=3,maxproto=%d,indirect",
		pipes[1], getpgrp(), version);
	NEED(mount("x", "m", "autofs", 0, options));
	root = NEED(open("m", O_RDONLY));
	NEED(ioctl(root, AUTOFS_IOC_PROTOVER, &n));
	note("PROTOVER: %d\n", n);
	__atomic_store_n(&sh->ready, 1, __ATOMIC_SEQ_CST);
	serve();
	T_WAIT(__atomic_load_n(&sh->expire, __ATOMIC_SEQ_CST));
	if (version == 3)
		expire_one();
	else
		expire_multi();
	__atomic_store_n(&sh->done, 1, __ATOMIC_SEQ_CST);
	pause();
}

static void speak(int version)
{
	struct stat st;
	pid_t pid;

	memset(sh, 0, sizeof(*sh));
	pid = SPAWN(daemon_of(version));
	T_WAIT(__atomic_load_n(&sh->ready, __ATOMIC_SEQ_CST));
	T(stat("m/place/inside", &st));
	__atomic_store_n(&sh->expire, 1, __ATOMIC_SEQ_CST);
	T_WAIT(__atomic_load_n(&sh->done, __ATOMIC_SEQ_CST));
	say("%s", sh->text);
	t_kill(pid);
	while (!umount2("m", MNT_DETACH))
		;
}

static bool host_lacks_it(void)
{
	char text[4000];
	int fd = open("/proc/filesystems", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return !strstr(text, "\tautofs\n");
}

TEST(autofs_old)
{
	char options[60];

	if (host_lacks_it() && !in_guest())
		RECORDED(expected);
	own_mounts();
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(mkdir("m", 0755));
	speak(3);
	speak(4);
	NEED(pipe(pipes));
	snprintf(options, sizeof(options), "fd=%d,minproto=1,maxproto=2", pipes[1]);
	T(mount("x", "m", "autofs", 0, options));
	snprintf(options, sizeof(options), "fd=%d,minproto=6,maxproto=7", pipes[1]);
	T(mount("x", "m", "autofs", 0, options));
}
