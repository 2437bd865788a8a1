/* SPDX-License-Identifier: MIT */
/*
 * run.c: `nestctl run IMAGE [-- COMMAND...]`, a disposable instance.
 *
 * The kernel gets three files that have no name, through /proc/self/fd: the copy-on-write layer, the initial archive with
 * the built-in init (initrd.c), and a pipe on which init reports the command's status.  So nothing is left behind, not
 * even by SIGKILL; and the kernel dies with nestctl (PR_SET_PDEATHSIG).
 *
 * Terminal mode (all three standard streams are one terminal, or no COMMAND and both ends of a terminal): con0 is the
 * terminal, which the kernel sets to raw and puts back.  Channel mode: con1 to con3 carry the three streams.  Input goes
 * through a pipe (pump.c), which opens when init says on con5 that it has set its consoles to raw: what came earlier would be
 * taken for lines.  Output that is a terminal all the same goes through a pipe too, so that its line discipline stays the
 * host's.  The kernel then has a process group of its own, and nestctl hands signals on.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/nestctl/cow.h"
#include "tools/nestctl/nestctl.h"
#include "tools/nestctl/run.h"

#define PARAMS_MAX 64
#define VOLUMES_MAX 16 /* the kernel's hostfs0 to hostfs15 */

struct run {
	const char *kernel, *image, *cow, *mem, *ncpus, *net;
	bool verbose;
	struct volume volumes[VOLUMES_MAX + 1];
	int nr_volumes;
	const char *argv[PARAMS_MAX + 24];
	int argc;
	bool terminal;
	char **command;           /* NULL-terminated; empty for a login shell */
	int fds[3];               /* what the kernel gets as 0, 1, 2 */
	int status_fd;            /* our end */
	int status_end, ready_fd; /* the kernel's ends; ready_fd in channel mode */
};

static void add(struct run *r, const char *param)
{
	if (r->argc == PARAMS_MAX + 20)
		die("%s: too many parameters", param);
	r->argv[r->argc++] = param;
}

/* Who names a first card has no need of ours. */
static void add_param(struct run *r, const char *param)
{
	if (!strncmp(param, "eth0=", 5))
		r->net = "none";
	add(r, param);
}

/* HOSTDIR:GUESTDIR[:ro], the guest's folder with its full path. */
static void add_volume(struct run *r, char *text)
{
	struct volume *v = &r->volumes[r->nr_volumes];
	char *ro = strrchr(text, ':'), *guest;
	struct stat st;

	if (r->nr_volumes == VOLUMES_MAX)
		die("-v: no more than %d folders", VOLUMES_MAX);
	if (ro && (!strcmp(ro, ":ro") || !strcmp(ro, ":rw"))) {
		v->rdonly = ro[2] == 'o';
		*ro = '\0';
	}
	guest = strrchr(text, ':');
	if (!guest || guest == text || guest[1] != '/')
		die("-v %s: wants HOSTDIR:GUESTDIR[:ro], with GUESTDIR's full path", text);
	*guest = '\0';
	v->guest = guest + 1;
	v->host = realpath(text, NULL);
	if (!v->host || stat(v->host, &st))
		die("-v %s: %s", text, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		die("-v %s: %s", text, strerror(ENOTDIR));
	r->nr_volumes++;
}

static const char *default_kernel(void)
{
	const char *env = getenv("NESTLING_KERNEL");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (env && *env)
		return env;
	if (n > 0) {
		self[n] = '\0';
		const char *beside =
			format("%.*s/nestling", (int)(strrchr(self, '/') - self), self);

		if (!access(beside, X_OK))
			return beside;
	}
	return find_program("nestling") ?: "nestling";
}

/* A name for an fd that the kernel inherits. */
static const char *fd_path(int fd)
{
	return format("/proc/self/fd/%d", fd);
}

/* A layer without a name, beside other temporary files; or the one that --cow names, made when absent. */
static const char *open_cow(struct run *r)
{
	const char *dir = getenv("TMPDIR");
	char *name;
	int fd;

	if (r->cow)
		return r->cow;
	name = format("%s/nestling-XXXXXX", dir && *dir ? dir : "/var/tmp");
	fd = mkstemp(name);
	if (fd < 0)
		die("%s: no place for the copy-on-write layer: %s", name, strerror(errno));
	unlink(name);
	write_empty(fd, "the copy-on-write layer", r->image, FORMAT_V3, 0);
	return fd_path(fd);
}

static bool same_terminal(void)
{
	struct stat st[3];

	for (int i = 0; i < 3; i++)
		if (!isatty(i) || fstat(i, &st[i]))
			return false;
	return st[0].st_rdev == st[1].st_rdev && st[0].st_rdev == st[2].st_rdev;
}

static void use_channels(struct run *r)
{
	int ready[2];

	if (pipe2(ready, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	fcntl(ready[1], F_SETFD, 0);
	r->ready_fd = ready[1];
	r->fds[0] = pump_input(0, ready[0]);
	r->fds[1] = isatty(1) ? pump_output(1) : 1;
	r->fds[2] = isatty(2) ? pump_output(2) : 2;
	if (r->verbose)
		add(r, "con0=null,fd:2");
	add(r, "con1=fd:0,null");
	add(r, "con2=null,fd:1");
	add(r, "con3=null,fd:2");
	add(r, format("con5=null,fd:%d", ready[1]));
}

static const char *host_name_of(const char *image)
{
	const char *base = strrchr(image, '/') ? strrchr(image, '/') + 1 : image;

	return format("%.*s", (int)strcspn(base, "."), base);
}

static void prepare(struct run *r)
{
	int status[2];

	if (access(r->image, R_OK))
		die("%s: %s%s", r->image, strerror(errno),
			errno == ENOENT ? "; `nestctl image build` makes one" : "");
	if (pipe2(status, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	fcntl(status[1], F_SETFD, 0);
	r->status_fd = status[0];
	r->status_end = status[1];
	r->terminal = same_terminal() || (!r->command[0] && isatty(0) && isatty(1));

	add(r, format("ubd0=%s,%s", open_cow(r), realpath(r->image, NULL)));
	add(r, format("initrd=%s", fd_path(initrd_make(r->terminal, host_name_of(r->image),
					   r->volumes, r->command))));
	for (int i = 0; i < r->nr_volumes; i++)
		add(r, format("hostfs%d%s=%s", i, r->volumes[i].rdonly ? "r" : "",
			       r->volumes[i].host));
	add(r, "con=null");
	if (r->terminal)
		add(r, "con0=fd:0,fd:1");
	else
		use_channels(r);
	add(r, format("con4=null,fd:%d", status[1]));
	if (!r->net)
		add(r, "eth0=slirp,optional");
	else if (strcmp(r->net, "none"))
		add(r, format("eth0=%s", r->net));
	if (!r->verbose)
		add(r, "quiet");
	if (r->mem)
		add(r, format("mem=%s", r->mem));
	if (r->ncpus)
		add(r, format("ncpus=%s", r->ncpus));
}

static pid_t start_kernel(struct run *r)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid < 0)
		die("cannot start %s: %s", r->kernel, strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (!r->terminal)
		setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < 3; i++)
		if (r->fds[i] != i && dup2(r->fds[i], i) < 0)
			_exit(1);
	execv(r->kernel, (char **)r->argv);
	warn("%s: %s", r->kernel, strerror(errno));
	_exit(1);
}

/* Waits for the kernel, handing signals on.  Its wait status. */
static int attend(const struct run *r, pid_t pid, const sigset_t *signals)
{
	int status, sig;

	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		sig = sigwaitinfo(signals, NULL);
		if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP)
			kill(pid, SIGTERM);
		if (sig == SIGTSTP && !r->terminal) {
			kill(pid, SIGTSTP);
			raise(SIGSTOP);
			kill(pid, SIGCONT);
		}
	}
}

/* What init reported, or what the kernel's own end means. */
static int result(const struct run *r, int status)
{
	char line[512];
	ssize_t n = read(r->status_fd, line, sizeof(line) - 1);
	int code;

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (!strncmp(line, "error ", 6))
		die("%s: %s", r->image, line + 6);
	if (sscanf(line, "status %d", &code) == 1)
		return code;
	if (WIFSIGNALED(status))
		die("the kernel was killed by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) > 1)
		die("the kernel ended with status %d", WEXITSTATUS(status));
	if (!WEXITSTATUS(status) && r->command[0])
		die("the instance powered off before its command ended");
	return WEXITSTATUS(status);
}

static void parse(struct run *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "mem", required_argument, NULL, 'm' },
		{ "ncpus", required_argument, NULL, 'n' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "cow", required_argument, NULL, 'c' },
		{ "net", required_argument, NULL, 'N' },
		{ "param", required_argument, NULL, 'p' },
		{ "volume", required_argument, NULL, 'v' },
		{ "verbose", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+m:n:k:c:p:v:V", options, NULL)) != -1) {
		switch (c) {
		case 'm': r->mem = optarg; break;
		case 'n': r->ncpus = optarg; break;
		case 'k': r->kernel = optarg; break;
		case 'c': r->cow = optarg; break;
		case 'N': r->net = optarg; break;
		case 'p': add_param(r, optarg); break;
		case 'v': add_volume(r, optarg); break;
		case 'V': r->verbose = true; break;
		default: exit(1);
		}
	}
	if (!argv[optind])
		die("run: which image? `nestctl image list` shows them");
	r->image = image_path(argv[optind++]);
	if (argv[optind] && !strcmp(argv[optind], "--"))
		optind++;
	r->command = argv + optind;
}

int run_command(int argc, char **argv)
{
	struct run r = {
		.kernel = default_kernel(), .argv = { "nestling" }, .argc = 1, .fds = { 0, 1, 2 }
	};
	static const int handled[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGTSTP };
	sigset_t signals;
	int status;

	for (int fd = 0; fd < 3;
		fd++) /* a closed stream becomes /dev/null, lest a file of ours takes its place */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return 1;
	parse(&r, argc, argv);
	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		sigaddset(&signals, handled[i]);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	prepare(&r);
	pid_t pid = start_kernel(&r);

	close(r.status_end);
	if (!r.terminal) {
		close(r.ready_fd);
		pump_kernel_started(r.fds);
	}
	status = attend(&r, pid, &signals);
	pump_finish();
	return result(&r, status);
}
