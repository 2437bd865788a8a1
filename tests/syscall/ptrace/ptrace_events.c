/* SPDX-License-Identifier: MIT */
/*
 * ptrace(2): seizing, interrupting, listening to group stops, events of children, exec of a thread,
 * the tracer's death.
 */
#include "t.h"
#include <sys/prctl.h>
#include <sys/ptrace.h>

static const char *event_name(int status)
{
	static const char *const names[] = { "none", "FORK", "VFORK", "CLONE", "EXEC", "VFORK_DONE",
		"EXIT", "SECCOMP" };
	int event = status >> 16;

	return event == 128 ? "STOP" : event < 8 ? names[event] : "?";
}

static pid_t known[8];
static int nr_known;

static int index_of(pid_t pid)
{
	for (int i = 0; i < nr_known; i++)
		if (known[i] == pid)
			return i;
	known[nr_known] = pid;
	return nr_known++;
}

static int tell(const char *what, pid_t pid, int status)
{
	unsigned long msg = 0;

	if (!WIFSTOPPED(status)) {
		say("%s: task %d %s %d", what, index_of(pid),
			WIFEXITED(status) ? "exited" : "killed",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		return status;
	}
	ptrace(PTRACE_GETEVENTMSG, pid, 0, &msg);
	say("%s: task %d stopped by %s event %s", what, index_of(pid),
		t_signame(WSTOPSIG(status) & 0x7f), event_name(status));
	if (status >> 16 == PTRACE_EVENT_EXIT)
		say("  message %#lx", msg);
	else if (status >> 16 == PTRACE_EVENT_FORK || status >> 16 == PTRACE_EVENT_CLONE ||
		 status >> 16 == PTRACE_EVENT_VFORK || status >> 16 == PTRACE_EVENT_EXEC)
		say("  message: task %d", index_of((pid_t)msg));
	return status;
}

static int await(const char *what, pid_t pid)
{
	int status;
	pid_t got = waitpid(pid, &status, __WALL);

	if (got == -1) {
		say("%s: %s", what, t_errno(errno));
		return -1;
	}
	return tell(what, got, status);
}

static int cont(const char *what, pid_t pid, long sig)
{
	if (ptrace(PTRACE_CONT, pid, 0, sig)) {
		say("%s: cont: %s", what, t_errno(errno));
		return -1;
	}
	return await(what, pid);
}

static void seize(pid_t pid, long options)
{
	nr_known = 0;
	index_of(pid);
	NEED(ptrace(PTRACE_SEIZE, pid, 0, options));
}

static void spinner(void)
{
	for (;;)
		__asm__ volatile("pause");
}

static void interrupts(void)
{
	pid_t pid;
	siginfo_t si;

	say("-- interrupt");
	pid = SPAWN(pause());
	t_until(pid, 'S');
	seize(pid, 0);
	T(ptrace(PTRACE_PEEKDATA, pid, 0, 0));
	T(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	await("in a call", pid);
	NEED(ptrace(PTRACE_GETSIGINFO, pid, 0, &si));
	say("si_code %#x", si.si_code);
	T(ptrace(PTRACE_LISTEN, pid, 0, 0)); /* a stop of its own: may be listened to */
	T(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	await("again", pid);
	T(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	cont("a second one", pid, 0);
	kill(pid, SIGUSR1);
	cont("signal", pid, 0);
	T(ptrace(PTRACE_LISTEN, pid, 0, 0));
	cont("dies of it", pid, SIGUSR1);
	pid = SPAWN(spinner());
	seize(pid, PTRACE_O_EXITKILL);
	T(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	await("computing", pid);
	kill(pid, SIGKILL);
	await("killed", pid);
}

static void group_stops(void)
{
	pid_t pid = SPAWN(for (;;) pause());

	say("-- group stop");
	/* SIGTSTP does not stop an orphaned group, which ours may be */
	NEED(setpgid(pid, pid));
	t_until(pid, 'S');
	seize(pid, 0);
	kill(pid, SIGSTOP);
	await("SIGSTOP", pid);
	cont("delivered", pid, SIGSTOP);
	T(ptrace(PTRACE_LISTEN, pid, 0, 0));
	T(ptrace(PTRACE_PEEKDATA, pid, 0, 0));
	kill(pid, SIGCONT);
	await("SIGCONT wakes the listener", pid);
	cont("SIGCONT itself", pid, 0);
	kill(pid, SIGTSTP);
	cont("SIGTSTP", pid, 0);
	cont("delivered", pid, SIGTSTP);
	T(ptrace(PTRACE_DETACH, pid, 0, 0));
	t_until(pid, 'T');
	seize(pid, 0);
	await("seized while stopped", pid);
	T(ptrace(PTRACE_DETACH, pid, 0, 0));
	kill(pid, SIGKILL);
	t_wait("detached and killed", pid);
	pid = SPAWN(for (;;) pause());
	kill(pid, SIGSTOP);
	t_until(pid, 'T');
	nr_known = 0;
	NEED(ptrace(PTRACE_ATTACH, pid, 0, 0));
	await("attached while stopped", pid);
	T(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	T(ptrace(PTRACE_LISTEN, pid, 0, 0));
	kill(pid, SIGKILL);
	await("killed", pid);
}

static void family(void)
{
	int status;

	raise(SIGUSR1);
	pid_t a = fork();
	if (!a)
		_exit(1);
	waitpid(a, &status, 0);
	pid_t b = vfork();
	if (!b)
		_exit(2);
	waitpid(b, &status, 0);
	_exit(3);
}

static void children(void)
{
	long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE |
		       PTRACE_O_TRACEEXIT;
	pid_t pid = SPAWN({
		t_handle(SIGUSR1, 0);
		raise(SIGSTOP);
		family();
	}),
	      child;

	say("-- children");
	t_until(pid, 'T');
	seize(pid, options);
	await("stopped", pid);
	kill(pid, SIGCONT);
	cont("awake", pid, 0);
	cont("SIGCONT", pid, 0);
	cont("SIGUSR1", pid, SIGCONT);
	cont("fork", pid, SIGUSR1);
	child = known[1];
	await("child begins", child);
	cont("child exits", child, 0);
	cont("child is gone", child, 0);
	cont("SIGCHLD", pid, 0);
	cont("vfork", pid, 0);
	child = known[2];
	await("child begins", child);
	cont("child exits", child, 0);
	cont("child is gone", child, 0);
	for (int i = 0; i < 4; i++)
		if (!WIFSTOPPED(cont("parent", pid, 0)))
			break;
}

/* the leader is past its second clone(), and the tracer has been told */
static volatile bool both;

static void *exec_thread(void *arg)
{
	char *argv[] = { (char *)"ptrace_events", (char *)"again", NULL };

	while (!both)
		sched_yield();
	execv("/proc/self/exe", argv);
	_exit(9);
}

static void threads(void)
{
	pthread_t t;

	raise(SIGSTOP);
	pthread_create(&t, NULL, t_sleeper, NULL);
	pthread_create(&t, NULL, exec_thread, NULL);
	both = true;
	t_sleeper(NULL);
}

/*
 * An exec by a thread takes the leader's id; the leader and the other threads vanish. The order of
 * their exits is left open.
 */
static void exec_in_thread(void)
{
	int status, execs = 0, clones = 0, exits = 0, other = 0;
	unsigned long msg = 0;
	pid_t pid = SPAWN(threads()), got;

	say("-- exec of a thread");
	t_until(pid, 'T');
	seize(pid, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
	while ((got = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (got == pid && WIFEXITED(status) && execs) {
				say("the process: exited %d", WEXITSTATUS(status));
				break;
			}
			exits++;
			continue;
		}
		if (status >> 16 == PTRACE_EVENT_EXEC) {
			NEED(ptrace(PTRACE_GETEVENTMSG, got, 0, &msg));
			say("exec: by its number %s, was %s", got == pid ? "yes" : "no",
				(pid_t)msg != pid ? "a thread" : "the leader");
			execs++;
		} else if (status >> 16 == PTRACE_EVENT_CLONE) {
			clones++;
		} else if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
			kill(pid, SIGCONT);
		} else {
			other++;
		}
		ptrace(PTRACE_CONT, got, 0, 0);
	}
	say("clones %d execs %d, others ended %s, stops of new threads %s", clones, execs,
		exits == 1 ? "1" :
		exits == 2 ? "2" :
			     "?",
		other >= 2 ? "2 or more" : "?");
}

static void tracers_death(void)
{
	pid_t pid = SPAWN(for (;;) pause()), other;

	say("-- the tracer dies");
	other = SPAWN({
		ptrace(PTRACE_SEIZE, pid, 0, 0);
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
		waitpid(pid, NULL, __WALL);
	});
	t_wait("tracer", other);
	t_until(pid, 'S');
	other = SPAWN(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL));
	t_wait("tracer", other);
	t_wait("tracee", pid);
}

static void last_words(void)
{
	pid_t pid = SPAWN(for (;;) pause());

	say("-- exits");
	t_until(pid, 'S');
	seize(pid, PTRACE_O_TRACEEXIT);
	kill(pid, SIGTERM);
	await("SIGTERM", pid);
	cont("delivered", pid, SIGTERM);
	cont("end", pid, 0);
	pid = SPAWN(for (;;) pause());
	t_until(pid, 'S');
	seize(pid, PTRACE_O_TRACEEXIT);
	kill(pid, SIGKILL);
	await("SIGKILL has an exit stop too", pid);
	cont("end", pid, 0);
}

TEST(ptrace_events)
{
	if (t_argc > 1)
		_exit(17);
	interrupts();
	group_stops();
	children();
	exec_in_thread();
	tracers_death();
	last_words();
}
