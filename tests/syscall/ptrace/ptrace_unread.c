/* SPDX-License-Identifier: MIT */
/*
 * ptrace_unread: non-dumpable memory is accessible with rights in the user namespace in which its
 * program was started, also for a tracer that attached before.
 */
#include "userns.h"

#include <linux/capability.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static int mem_open(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	return open(path, O_RDONLY);
}

static long vm_read(pid_t pid, unsigned long at)
{
	char c;
	struct iovec to = { &c, 1 }, from = { (void *)at, 1 };

	return process_vm_readv(pid, &to, 1, &from, 1, 0);
}

static void look(const char *what, pid_t pid)
{
	struct user_regs_struct r;
	long word;

	say("%s:", what);
	T(ptrace(PTRACE_GETREGS, pid, NULL, &r));
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, r.rip, NULL);
	say("peek: %s", errno ? t_errno(errno) : "ok");
	T(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rbx), 0));
	if (!errno)
		T(ptrace(PTRACE_POKEDATA, pid, r.rsp - 256, word));
	OK(mem_open(pid));
	T(vm_read(pid, r.rip));
}

static void end(pid_t pid)
{
	NEED(kill(pid, SIGKILL));
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		;
}

static void executed(const char *path)
{
	int status;
	pid_t pid = SPAWN({
		NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		execl(path, "ptrace_unread", "wait", NULL);
		say("exec: %s", t_errno(errno));
	});

	NEED(waitpid(pid, &status, 0));
	look(path, pid);
	end(pid);
}

/* A process makes itself non-dumpable, and then dumpable again. */
static void changes(void)
{
	int status;
	pid_t pid = SPAWN({
		NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		raise(SIGSTOP);
		prctl(PR_SET_DUMPABLE, 0);
		raise(SIGSTOP);
		prctl(PR_SET_DUMPABLE, 1);
		raise(SIGSTOP);
	});

	NEED(waitpid(pid, &status, 0));
	look("at first", pid);
	NEED(ptrace(PTRACE_CONT, pid, NULL, NULL));
	NEED(waitpid(pid, &status, 0));
	look("not dumpable", pid);
	NEED(ptrace(PTRACE_CONT, pid, NULL, NULL));
	NEED(waitpid(pid, &status, 0));
	look("dumpable again", pid);
	end(pid);
}

static void run(const char *path, const char *what)
{
	execl(path, "ptrace_unread", what, NULL);
	say("exec: %s", t_errno(errno));
}

static void less(bool bounding)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	NEED(syscall(SYS_capget, &h, d));
	d[0].permitted &= ~(1U << CAP_MKNOD);
	d[0].effective = d[0].permitted;
	d[0].inheritable = 0;
	if (bounding)
		NEED(prctl(PR_CAPBSET_DROP, CAP_MKNOD));
	NEED(syscall(SYS_capset, &h, d));
}

/* Tests whether programs start dumpable, by the capabilities that their users had and have. */
static void starts(void)
{
	CHILD(run("./open", "root"));
	CHILD(run("./setid", "root, set-uid"));
	CHILD(less(true); run("./open", "root with less"));
	CHILD(less(false); run("./open", "root who had less"));
	CHILD(t_become(65534, 65534); run("./open", "nobody"));
	CHILD(t_become(65534, 65534); run("./setid", "nobody, set-uid"));
	CHILD(t_become(65534, 65534); run("./closed", "nobody, not read"));
	CHILD(t_become(1000, 1000); run("./setid", "the owner, set-uid"));
	CHILD(NEED(setresgid(1, 1, 1)); NEED(setresuid(1000, 5, 5)); run("./open", "changed"));
	CHILD(NEED(setresgid(1, 1, 1)); NEED(setresuid(1000, 5, 5)); run("./setid", "back"));
	CHILD(NEED(setresuid(1000, 1000, 0)); run("./open", "saved"));
	CHILD(prctl(PR_SET_DUMPABLE, 0); run("./open", "was not"));
}

static void all(void)
{
	executed("./open");
	executed("./ours");
	executed("./closed");
	executed("./setid");
	changes();
}

static pid_t guest; /* the process that came into the namespace */

static void attack(void)
{
	int fd;

	fd = NEED(syscall(SYS_pidfd_open, guest, 0));
	OK(syscall(SYS_pidfd_getfd, fd, 1, 0));
	OK(mem_open(guest));
	T(vm_read(guest, (unsigned long)&guest) > 0);
	T(ptrace(PTRACE_SEIZE, guest, NULL, NULL));
}

/*
 * A process of the initial user namespace joins a namespace: its old memory stays protected, but
 * not that of a program that it starts there.
 */
static void comes(int users, uid_t uid, bool dumpable)
{
	int in[2];
	char c;
	pid_t pid;

	NEED(pipe(in));
	guest = SPAWN({
		NEED(prctl(PR_SET_DUMPABLE, dumpable));
		NEED(setns(users, CLONE_NEWUSER));
		if (uid)
			NEED(setresuid(uid, uid, uid));
		NEED(write(in[1], "x", 1));
		pause();
	});
	NEED(read(in[0], &c, 1));
	say("as %d, %sdumpable, from within:", (int)uid, dumpable ? "" : "not ");
	pid = SPAWN({
		NEED(setns(users, CLONE_NEWUSER));
		NEED(setresuid(0, 0, 0));
		attack();
	});
	NEED(waitpid(pid, NULL, 0));
	say("from outside:");
	CHILD(attack());
	end(guest);
}

static void stay(void)
{
	pause();
}

TEST(ptrace_unread)
{
	static const struct {
		const char *path;
		uid_t uid;
		mode_t mode;
	} copies[] = { { "open", 0, 0755 }, { "ours", 200000, 0711 }, { "closed", 0, 0711 },
		{ "setid", 1000, 04755 } };
	pid_t pid;
	int users;

	if (t_argc > 1) {
		if (!strcmp(t_argv[1], "wait"))
			pause();
		say("%s: dumpable %d", t_argv[1], prctl(PR_GET_DUMPABLE) == 1);
		return;
	}
	if (getuid())
		return;
	for (unsigned i = 0; i < sizeof(copies) / sizeof(*copies); i++) {
		t_copy_self(copies[i].path);
		NEED(chown(copies[i].path, copies[i].uid, copies[i].uid));
		NEED(chmod(copies[i].path, copies[i].mode));
	}
	NEED(chmod(".", 0755));
	starts();
	say("root:");
	CHILD(all());
	say("nobody:");
	CHILD(t_become(65534, 65534); all());
	say("root of a user namespace:");
	t_wait("child", userns_spawn(0, 200000, 65536, all));
	pid = userns_spawn(0, 200000, 65536, stay);
	T_WAIT(t_state(pid) == 'S');
	users = userns_open(pid);
	comes(users, 0, true);
	comes(users, 0, false);
	comes(users, 5, true);
	end(pid);
}
