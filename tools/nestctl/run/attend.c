/* SPDX-License-Identifier: MIT */
/*
 * attend.c: `nestctl run` while its instance runs: signals, the instance's end, its exit status.
 *
 * Signals that ask for the end, and those that users send, are passed to the command through the
 * control pipe. The command may handle them, and its status shows the signal that killed it. If the
 * command does not end after SIGTERM or SIGHUP, the kernel gets SIGTERM after GRACE seconds
 * (ctrl-alt-del, on which init ends everything), and SIGKILL after twice that. A third SIGINT kills
 * the kernel at once. Once a signal has asked for the end and the command has ended, output without
 * a reader is dropped. The kernel dies with nestctl (PR_SET_PDEATHSIG). Files that the kernel made
 * on the host have no name, or are removed by the next instance.
 *
 * A machine has no command: SIGTERM, SIGINT, SIGHUP and SIGQUIT are ctrl-alt-del for its init,
 * which has MACHINE_GRACE seconds. Other signals are dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/end.h"
#include "os-linux/why.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/audit.h"
#include "tools/nestctl/run/learn.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/run/template.h"

#define GRACE 10
/* seconds that a machine's services have to end; systemd's default for each service */
#define MACHINE_GRACE 90
/* exit status when --timeout ended the command, as of timeout(1) */
#define STATUS_TIMEOUT 124
/* time between two checks once the end was requested */
#define STEP_NS 200000000
/* how long to wait until the kernel process has stopped: one second */
#define STOP_LOOKS 100
#define STOP_LOOK_US 10000
/* how often another port is tried; how many bytes of the kernel's messages are kept per try */
#define PORT_TRIES 8
#define SAID_MAX 16384
/* the kernel's exit status if guest data was lost: OS_EXIT_LOST of os-linux/os.h */
#define KERNEL_LOST 3

static const int handled[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2,
	SIGTSTP };
static sigset_t signals;
static bool end_wanted, timed_out;
/* seconds of CLOCK_MONOTONIC at which --timeout ends; 0: no limit */
static time_t time_limit;
/* OOM kills in nestctl's control group before the kernel started */
static uint64_t oom_kills;

void attend_prepare(void)
{
	/*
	 * SIGTTIN is blocked, so that a read in the terminal's background fails with EIO, which
	 * ends the input, and does not stop nestctl
	 */
	sigset_t held;

	oom_kills = os_cgroup_oom_kills();
	signal(SIGPIPE, SIG_IGN); /* errors come from write() */
	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		if (handled[i] != SIGHUP || signal(SIGHUP, SIG_DFL) != SIG_IGN)
			sigaddset(&signals, handled[i]);
		else
			signal(SIGHUP, SIG_IGN); /* stays ignored (nohup) */
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sigemptyset(&held);
	sigaddset(&held, SIGTTIN);
	sigprocmask(SIG_BLOCK, &held, NULL);
}

pid_t start_kernel(const struct run *r, const char *const *argv, const int fds[3])
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid < 0)
		die("cannot start %s: %s", r->kernel, task_error(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (!r->terminal)
		setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < 3; i++)
		if (fds[i] != i && dup2(fds[i], i) < 0)
			_exit(1);
	if (r->cwd && chdir(r->cwd) && chdir("/"))
		_exit(1);
	execv(r->kernel, (char *const *)argv);
	warn("%s: %s", r->kernel, strerror(errno));
	_exit(1);
}

static bool asks_for_end(int sig)
{
	return sig == SIGTERM || sig == SIGINT || sig == SIGHUP || sig == SIGQUIT;
}

/*
 * True if a signal has requested the end. Output that no reader takes is then dropped after the
 * kernel's end. Otherwise nestctl waits for the reader, so that no output is lost.
 */
static bool in_a_hurry(void)
{
	const struct timespec none = { 0, 0 };
	int sig;

	while ((sig = sigtimedwait(&signals, NULL, &none)) > 0)
		end_wanted = end_wanted || asks_for_end(sig);
	return end_wanted;
}

static bool command_has_ended(const struct run *r)
{
	return poll(&(struct pollfd){ .fd = r->status_fd, .events = POLLIN }, 1, 0) > 0;
}

/*
 * Stops nestctl together with the kernel, which first restores the terminal if it has made it raw.
 * After both continue, sends the kernel SIGWINCH: the terminal's size may have changed meanwhile,
 * and only its foreground process group was sent that signal.
 */
static void stop_with_it(pid_t pid)
{
	siginfo_t info;

	kill(pid, SIGTSTP);
	for (int i = 0; i < STOP_LOOKS; i++) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) ||
			info.si_pid)
			break;
		usleep(STOP_LOOK_US);
	}
	raise(SIGSTOP);
	kill(pid, SIGCONT);
	kill(pid, SIGWINCH);
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/*
 * Waits for a signal and returns it. Returns SIGTERM when the time of --timeout is over. Returns -1
 * after STEP_NS if the end was requested, or after a second if there is a time limit.
 */
static int next_signal(siginfo_t *info)
{
	const struct timespec step = { !end_wanted, end_wanted ? STEP_NS : 0 };
	int sig;

	if (!end_wanted && !time_limit)
		return sigwaitinfo(&signals, info);
	sig = sigtimedwait(&signals, info, &step);
	if (sig > 0 || !time_limit || seconds() < time_limit)
		return sig;
	time_limit = 0;
	timed_out = true;
	audit_report("refused", "what", "time");
	*info = (siginfo_t){ .si_signo = SIGTERM };
	return SIGTERM;
}

/* What a signal requests. */
struct request {
	int sig;    /* signal to send to the command */
	bool end;   /* the instance must end */
	bool timed; /* end the kernel after @seconds */
	int seconds;
	bool killing; /* after @seconds kill programs at once */
};

/*
 * Returns what a signal requests. The supervisor of a detached instance queues values with its
 * signals: SIGTERM carries the command's signal and time (end.h), SIGUSR1 a signal only.
 */
static struct request read_request(const struct run *r, const siginfo_t *info)
{
	int sig = info->si_signo;

	if (r->supervised && info->si_code == SI_QUEUE && sig == SIGUSR1)
		return (struct request){ .sig = info->si_int };
	if (r->supervised && info->si_code == SI_QUEUE && sig == SIGTERM)
		return (struct request){ .sig = END_SIGNAL(info->si_int),
			.end = true,
			.timed = true,
			.seconds = END_SECONDS(info->si_int),
			.killing = true };
	return (struct request){ .sig = sig,
		.end = asks_for_end(sig),
		.timed = sig == SIGTERM || sig == SIGHUP,
		.seconds = GRACE };
}

/*
 * Ends the kernel when the command's time is over: with SIGTERM in step 0, with SIGKILL in later
 * steps. Returns the seconds until the next step.
 */
static int end_kernel(pid_t pid, int step, bool killing)
{
	const int value = killing ? END_VALUE(SIGKILL, 0) : END_VALUE(SIGTERM, 3);

	if (step)
		kill(pid, SIGKILL);
	else
		sigqueue(pid, SIGTERM, (union sigval){ value });
	return GRACE;
}

/*
 * Asks a machine to power off: its init gets ctrl-alt-del. Drops other signals, since a machine has
 * no command that could take them.
 */
static void ask_machine(pid_t pid, struct request *asked)
{
	if (!asked->end)
		return;
	if (!asked->killing)
		asked->seconds = MACHINE_GRACE;
	asked->timed = true;
	/* when the time is over, the kernel kills all programs and syncs the disks */
	asked->killing = true;
	sigqueue(pid, SIGTERM, (union sigval){ END_VALUE(SIGTERM, asked->seconds) });
}

/*
 * Waits for the kernel's end and passes signals on to the command. Returns the kernel's wait
 * status.
 */
static int wait_for_kernel(const struct run *r, pid_t pid)
{
	int status, interrupts = 0, step = 0;
	struct request asked = { 0 };
	bool killing = false;
	int64_t deadline = 0; /* milliseconds */

	for (;;) {
		siginfo_t info;
		int sig;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		sig = next_signal(&info);
		if (sig < 0 && end_wanted && command_has_ended(r))
			pump_drop();
		if (deadline && milliseconds() >= deadline)
			deadline += 1000 * end_kernel(pid, step++, killing);
		if (sig <= 0 || sig == SIGCHLD)
			continue;
		if (sig == SIGTSTP) {
			/* stay stopped while in the background: another program has the terminal */
			do
				stop_with_it(pid);
			while (r->terminal && in_background());
			continue;
		}
		asked = read_request(r, &info);
		end_wanted = end_wanted || asked.end;
		killing = killing || asked.killing;
		if (sig == SIGINT && ++interrupts >= 3)
			kill(pid, SIGKILL);
		if (r->machine)
			ask_machine(pid, &asked);
		else if (dprintf(r->control_fd, "s%d\n", asked.sig) < 0 && errno != EAGAIN)
			kill(pid, SIGTERM);
		if (asked.timed && (!deadline || asked.killing))
			deadline = milliseconds() + 1000LL * asked.seconds;
	}
}

/* Returns the size of the instance's memory as text, for messages. */
static const char *memory_size(const struct run *r)
{
	return r->mem ? r->mem : DEFAULT_MEMORY;
}

/*
 * Returns the text ": ..." about the memory limit that has made the host kill the kernel: that of
 * nestctl's control group, which the kernel shares, or of the host. Returns "" for another cause.
 */
static const char *why_killed(const struct run *r, int status)
{
	char group[256];
	uint64_t limit;

	if (WTERMSIG(status) != SIGKILL || os_cgroup_oom_kills() <= oom_kills)
		return "";
	if (!os_cgroup_memory_limit(group, sizeof(group), &limit))
		return format(": the host had no memory left (mem=%s)", memory_size(r));
	return format(": the memory limit of the control group %s is %lu MiB (mem=%s)", group,
		(unsigned long)(limit >> 20), memory_size(r));
}

/* Creates the file "oom" in the instance's folder, for the supervisor. */
static void note_oom(const struct run *r)
{
	if (r->folder_fd >= 0)
		close(openat(r->folder_fd, "oom", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/*
 * Reports that the guest's OOM killer has killed the command. The exit status alone only shows a
 * SIGKILL.
 */
static void tell_oom(const struct run *r)
{
	warn("the command was killed: the instance had no memory left (--mem %s)", memory_size(r));
	note_oom(r);
}

/*
 * Returns the exit status that init reported, with 1 in place of 0 if the host has refused guest
 * data. Without a report returns a status for the kernel's wait status, or dies with the reason of
 * the instance's end.
 */
static int result(const struct run *r, int status)
{
	char line[512];
	ssize_t n = read(r->status_fd, line, sizeof(line) - 1);
	int code;

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (!strncmp(line, "error ", 6))
		die("%s: %s", r->image, line + 6);
	if (sscanf(line, "status %d", &code) == 1) {
		if (strstr(line, " oom"))
			tell_oom(r);
		/* the kernel has printed the lost data on standard error */
		if (!code && WIFEXITED(status) && WEXITSTATUS(status) == KERNEL_LOST)
			return 1;
		return code;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == KERNEL_LOST)
		return 1;
	if (WIFSIGNALED(status) && r->supervised) {
		const char *why = why_killed(r, status);

		warn("the kernel was killed by signal %d%s", WTERMSIG(status), why);
		if (*why)
			note_oom(r);
		return 128 + WTERMSIG(status);
	}
	if (WIFSIGNALED(status))
		die("the kernel was killed by signal %d%s", WTERMSIG(status),
			why_killed(r, status));
	if (WEXITSTATUS(status) == MACHINE_RESTARTS)
		die("%s: its machine has restarted, and ends: the state lacks the parameters of a "
		    "boot",
			r->image);
	if (WEXITSTATUS(status) > 1)
		die("the kernel ended with status %d", WEXITSTATUS(status));
	if (!WEXITSTATUS(status) && !r->login)
		die("the instance powered off or restarted before its command ended");
	return WEXITSTATUS(status);
}

/* the kernel's wait status, later the command's exit status */
static int ended;

static void take_result(void *r)
{
	ended = result(r, ended);
}

/* Closes nestctl's copies of the kernel's ends of pipes. */
static void close_ends(const struct run *r)
{
	close(r->status_end);
	close(r->control_end);
	close(r->ready_fd);
}

void attend_begin(struct run *r)
{
	/* a machine's next kernel needs these ends of pipes, too */
	if (!r->machine)
		close_ends(r);
	if (r->started_fd >= 0)
		pump_tell_started(r->started_fd, r->ready, r->fds[0] <= 2);
	if (!r->terminal || r->fds[2] > 2)
		pump_kernel_started(r->fds, r->machine);
	audit_begin(r->machine);
}

/*
 * Waits until the machine ends, and starts its kernel again after restarts. Returns the last
 * kernel's wait status.
 */
static int wait_for_machine(struct run *r, pid_t pid)
{
	int status;

	for (;;) {
		status = wait_for_kernel(r, pid);
		if (end_wanted || !WIFEXITED(status) || WEXITSTATUS(status) != MACHINE_RESTARTS)
			break;
		run_follow_name(r);
		pid = start_kernel(r, r->argv, r->fds);
	}
	close_ends(r);
	if (!r->terminal || r->fds[2] > 2)
		pump_kernel_ended(r->fds);
	return WIFEXITED(status) && WEXITSTATUS(status) == MACHINE_RESTARTS ? 0 : status;
}

int attend_rest(struct run *r, pid_t pid)
{
	int status;
	const char *fault;
	bool written;
	time_t begun;

	begun = seconds();
	time_limit = r->timeout ? seconds() + (time_t)r->timeout : 0;
	status = r->machine ? wait_for_machine(r, pid) : wait_for_kernel(r, pid);
	written = pump_finish(in_a_hurry);

	ended = status;
	if (r->supervised && WIFEXITED(status) && WEXITSTATUS(status) == KERNEL_LOST)
		put_all(r->lost_fd, "l", 1, NULL);
	fault = attempt(take_result, (void *)r);
	if (timed_out) {
		fault = NULL;
		ended = STATUS_TIMEOUT;
	}
	written = audit_finish(fault ? 1 : ended, in_a_hurry) && written;
	learn_end(r, fault ? 1 : ended, (unsigned long)(seconds() - begun));
	if (fault)
		die("%s", fault);
	return written || ended ? ended : 1;
}

/* True if a signal is pending that asks for the end. */
static bool signal_waits(void)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, SIGTERM) || sigismember(&set, SIGINT) ||
	       sigismember(&set, SIGHUP) || sigismember(&set, SIGQUIT);
}

/*
 * Waits until init is ready, a signal asks for the end, or the kernel has written SAID_MAX bytes.
 * Returns true if the kernel ended before that, because another process had taken the chosen host
 * port. The function has then chosen another port.
 */
static bool has_lost_port(struct run *r, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p[2] = { { .fd = r->ready, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN } };
	char *text;

	while (pidfd >= 0 && poll(p, 2, STOP_LOOK_US / 1000) <= 0 && !signal_waits() &&
		pump_waiting(2) < SAID_MAX)
		;
	close(pidfd);
	if (!(p[1].revents & POLLIN))
		return false;
	text = pump_take(2);
	if (run_choose_again(r, text)) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		free(text);
		return true;
	}
	put_all(2, text, strlen(text), NULL);
	free(text);
	return false;
}

static pid_t boot(struct run *r)
{
	int machine = -1;

	for (int i = 0;; i++) {
		pid_t pid;

		prepare_boot(r);
		if (machine >= 0)
			close(machine);
		/* stays open, for saves */
		if (r->machine)
			machine = machine_file(r->argv + 1, r->job, r->job_size);
		pid = start_kernel(r, r->argv, r->fds);
		if (!r->chosen || i == PORT_TRIES || !has_lost_port(r, pid))
			return pid;
	}
}

int attend(struct run *r)
{
	pid_t pid = r->template >= 0 ? template_start(r) : 0;

	r->begun = pid > 0;
	pid = pid ?: boot(r);
	attend_begin(r);
	return attend_rest(r, pid);
}
