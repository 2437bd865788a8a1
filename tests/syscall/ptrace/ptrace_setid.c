/* SPDX-License-Identifier: MIT */
/*
 * ptrace_setid: a set-user-id program under a tracer gets its rights only if the tracer had
 * CAP_SYS_PTRACE when it attached.
 */
#include "t.h"
#include <sys/auxv.h>
#include <sys/ptrace.h>

static void run(void)
{
	execl("./ptrace_setid", "ptrace_setid", "show", NULL);
	say("exec: %s", t_errno(errno));
}

/* Lets the tracee go on until it ends. */
static void see_off(pid_t pid)
{
	int status, sig;

	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		sig = WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP ? 0 :
										   WSTOPSIG(status);
		if (ptrace(PTRACE_CONT, pid, NULL, sig))
			break;
	}
}

static void seized(uid_t tracer, uid_t tracee)
{
	int go[2];
	pid_t pid;
	char c;

	NEED(pipe(go));
	pid = SPAWN({
		t_become(tracee, tracee);
		NEED(read(go[0], &c, 1));
		run();
	});
	if (tracer)
		t_become(tracer, tracer);
	T_WAIT(t_state(pid) == 'S');
	say("seized by %d: %s", (int)tracer,
		ptrace(PTRACE_SEIZE, pid, NULL, NULL) ? t_errno(errno) : "yes");
	NEED(write(go[1], "x", 1));
	see_off(pid);
}

static void traced_me(uid_t tracer, uid_t tracee)
{
	pid_t pid;

	if (tracer)
		t_become(tracer, tracer);
	pid = SPAWN({
		if (tracer != tracee)
			t_become(tracee, tracee);
		NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		run();
	});
	see_off(pid);
}

/* A tracee's child is traced by the same rights. */
static void forked(void)
{
	pid_t pid = SPAWN({
		t_become(1000, 1000);
		raise(SIGSTOP);
		t_wait("its child", SPAWN(run()));
	});
	int status;

	NEED(waitpid(pid, &status, WUNTRACED));
	NEED(ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEFORK));
	NEED(kill(pid, SIGCONT));
	for (;;) {
		pid_t who = waitpid(-1, &status, __WALL);

		if (who < 0)
			break;
		if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, who, NULL, NULL);
	}
}

/* Rights lost after the attach do not matter: what counts is what the tracer had then. */
static void lost(void)
{
	int go[2];
	pid_t pid;
	char c;

	NEED(pipe(go));
	pid = SPAWN({
		t_become(1000, 1000);
		NEED(read(go[0], &c, 1));
		run();
	});
	T_WAIT(t_state(pid) == 'S');
	NEED(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	t_become(1000, 1000);
	NEED(write(go[1], "x", 1));
	see_off(pid);
}

/*
 * PTRACE_TRACEME is refused if the parent has fewer rights than the caller, which the parent would
 * gain.
 */
static void ask_parent(uid_t parent, uid_t child)
{
	int go[2];
	char c;
	pid_t pid;

	NEED(pipe(go));
	pid = SPAWN({
		if (child)
			t_become(child, child);
		NEED(read(go[0], &c, 1));
		say("%d asks %d: %s", (int)child, (int)parent,
			ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? t_errno(errno) : "yes");
	});
	if (parent)
		t_become(parent, parent);
	NEED(write(go[1], "x", 1));
	NEED(waitpid(pid, NULL, 0));
}

TEST(ptrace_setid)
{
	if (t_argc > 1) {
		uid_t r, e, s;

		getresuid(&r, &e, &s);
		say("uid %d %d %d, secure %ld", (int)r, (int)e, (int)s, getauxval(AT_SECURE));
		return;
	}
	t_copy_self("ptrace_setid");
	NEED(chown("ptrace_setid", 2000, 2000));
	NEED(chmod("ptrace_setid", 04755));
	CHILD(seized(0, 1000));
	CHILD(seized(1000, 1000));
	CHILD(traced_me(0, 0));
	CHILD(traced_me(0, 1000));
	CHILD(traced_me(1000, 1000));
	CHILD(forked());
	CHILD(lost());
	CHILD(ask_parent(0, 0));
	CHILD(ask_parent(0, 1000));
	CHILD(ask_parent(1000, 0));
	CHILD(ask_parent(1000, 1000));
}
