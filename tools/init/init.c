/* SPDX-License-Identifier: MIT */
/*
 * init.c: the first program of an instance that `nestctl run` starts. It is a static program in a
 * small initramfs, so that the image stays unchanged.
 *
 * It mounts the image, makes it the root, mounts the usual file systems (proc, sys, cgroup2, dev,
 * devpts, mqueue, tmpfs), configures the cards by DHCP (network.c), runs one command
 * (command.c), reaps orphans, and powers off. /job, written by nestctl, has the command (job.h).
 * Without that file init writes a line to /dev/tty5 and waits there for the job: at that point
 * nestctl saves the instance as a template for others.
 *
 * terminal: the command has /dev/tty0 as its controlling terminal; a line on /dev/tty5 reports it.
 * channels: the command's standard input, output and error are pipes, as they are on the host; init
 *           carries their bytes from /dev/tty1 and to /dev/tty2 and /dev/tty3. Once these terminals
 *           are raw, init writes a line to /dev/tty5: only then does nestctl send input.
 * machine:  after the set-up the image's own init is executed in place of this one (machine.c);
 *           when it ends, so does the kernel, which nestctl notices.
 * joined:   channels with one pipe for output and errors, to /dev/tty2.
 * always:   nestctl reads /dev/tty4: "status N\n" (128 + signal if killed; "status 137 oom\n" if
 *           memory was short) or "error TEXT\n".
 *           /dev/tty5 has requests of the host: a line "sN" is signal N for the command. A line
 *           "g1" or "g2" reports that its output or errors have no reader any more.
 *
 * States: set-up (a failure is reported and powers off, but for the usual file systems and DHCP it
 * is only printed), waiting for the job, running (pumping until the command ends), draining (bytes
 * that the command left in its pipes are passed on, without waiting for more), power-off.
 */
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/end.h"
#include "tools/init/copy.h"
#include "tools/init/job.h"

/* A one-way pump of bytes between two descriptors, which are -1 once it has ended (pump_end()). */
struct pump {
	int from, to;
	size_t have, done;
	char buf[16384];
};

/* Seconds that programs have to end, unless the host sends another time. */
#define SHUTDOWN_GRACE 5

/* /dev/tty4, for reports; /dev/tty5, for messages in both directions */
static int report_fd = -1, host_fd = -1;
static pid_t child;
static bool on_terminal;
static struct pump in, out, err;

#define MOUNTS_MAX 64
#define REAP_MS 1000

/*
 * Replaces the escapes of /proc/mounts in a path ("\040" is a space), which getmntent() of musl
 * leaves there and that of glibc does not.
 */
static void decode_escapes(char *path)
{
#ifndef __GLIBC__
	char *to = path;

	for (; *path; path++) {
		unsigned char c;

		if (sscanf(path, "\\%3hho", &c) == 1) {
			*to++ = (char)c;
			path += 3;
		} else {
			*to++ = *path;
		}
	}
	*to = '\0';
#endif
}

/*
 * Syncs and unmounts the disks that programs have mounted, the newest first: a file system on a
 * loop device writes to a file of another file system, which must still be mounted then.
 */
static void unmount_disks(void)
{
	static char *dirs[MOUNTS_MAX];
	FILE *f = setmntent("/proc/mounts", "r");
	int n = 0;

	for (struct mntent *m; f && n < MOUNTS_MAX && (m = getmntent(f));)
		if (!strncmp(m->mnt_fsname, "/dev/", 5) && strcmp(m->mnt_dir, "/")) {
			decode_escapes(m->mnt_dir);
			dirs[n++] = strdup(m->mnt_dir);
		}
	if (n)
		sync();
	while (n--)
		if (dirs[n])
			umount2(dirs[n], UMOUNT_NOFOLLOW);
}

static void __attribute__((noreturn)) power_off(void)
{
	kill(-1, SIGKILL);
	/* Killed programs keep file systems busy until they are reaped. */
	for (int ms = 0; ms < REAP_MS && waitpid(-1, NULL, WNOHANG) >= 0; ms++)
		poll(NULL, 0, 1);
	unmount_disks();
	/* The kernel syncs what is left, except a disk that is lost with the instance. */
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* Sends a report to nestctl, or prints it before /dev/tty4 is open. */
static void report(const char *fmt, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n > (int)sizeof(line) - 1)
		n = sizeof(line) - 1;
	if (write(report_fd >= 0 ? report_fd : 2, line, n) != n)
		perror("init: cannot report");
}

/* Reports @what with errno, and powers the machine off. */
static void __attribute__((noreturn)) fail(const char *what)
{
	report("error %s: %s\n", what, strerror(errno));
	power_off();
}

/* ---- set-up ---- */

/* Makes a terminal raw. Does nothing to other files. */
static void set_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		return;
	cfmakeraw(&t);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(fd, TCSANOW, &t);
}

/* Opens a terminal and makes it raw. Fails if it cannot be opened. */
static int open_raw(const char *path, int flags)
{
	int fd = open(path, flags | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		fail(path);
	set_raw(fd);
	return fd;
}

static void enter_image(void)
{
	mkdir("/image", 0755);
	if (mount("/dev/ubda", "/image", "ext4", 0, NULL))
		fail("cannot mount the image (/dev/ubda) as ext4");
	if (chdir("/image") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		fail("cannot enter the image");
}

/*
 * Mounts a tmpfs at @dir. If @copies, the image's content of @dir is copied into it, since programs
 * need folders that their packages have created in /run. A machine's init creates them itself.
 */
static void mount_memory(const char *dir, const char *options, bool copies)
{
	int below = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (mount("tmpfs", dir, "tmpfs", 0, options)) {
		fprintf(stderr, "init: %s: %s\n", dir, strerror(errno));
		copies = false;
	}
	if (!copies || below < 0) {
		if (below >= 0)
			close(below);
		return;
	}
	if (copy_folder(below, open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)))
		fprintf(stderr, "init: %s lacks some of the image's files: %s\n", dir,
			strerror(errno));
}

/* Mounts the usual file systems. A machine's own init decides about /tmp. */
static void mount_all(bool machine)
{
	static const struct {
		const char *type, *dir, *options;
	} mounts[] = {
		{ "devtmpfs", "/dev", "mode=0755" },
		{ "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },
		{ "cgroup2", "/sys/fs/cgroup", NULL },
		{ "devpts", "/dev/pts", "mode=0620,ptmxmode=0666,gid=5" },
		{ "mqueue", "/dev/mqueue", NULL },
		{ "tmpfs", "/dev/shm", "mode=1777" },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].dir, 0755);
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, mounts[i].options) &&
			errno != EBUSY)
			fprintf(stderr, "init: %s: %s\n", mounts[i].dir, strerror(errno));
	}
	mkdir("/run", 0755);
	mount_memory("/run", "mode=0755", !machine);
	if (machine)
		return;
	mkdir("/tmp", 0755);
	mount_memory("/tmp", "mode=1777", true);
}

void make_dirs(const char *path)
{
	char *copy = strdup(path);

	for (char *p = copy; p && (p = strchr(p + 1, '/'));) {
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
	mkdir(path, 0755);
	free(copy);
}

/*
 * Binds @name, the only file of the host's folder @source, to @path, which is created if it does
 * not exist. False with errno.
 */
static bool mount_file(const char *source, const char *name, const char *path)
{
	static const char dir[] = "/dev/shm/.file";
	char *copy = strdup(path), *from;
	bool good;
	int fd;

	if (!copy || asprintf(&from, "%s/%s", dir, name) < 0)
		return false;
	*strrchr(copy, '/') = '\0';
	if (*copy)
		make_dirs(copy);
	free(copy);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	if (fd >= 0)
		close(fd);
	mkdir(dir, 0700);
	good = !mount(source, dir, "hostfs", 0, NULL) && !mount(from, path, NULL, MS_BIND, NULL);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	free(from);
	return good;
}

/* Mounts the host's folders. The kernel's parameters make folders read-only. */
static void mount_volumes(const struct job *job)
{
	char source[16];

	for (int i = 0; i < job->nr_volumes; i++) {
		snprintf(source, sizeof(source), "hostfs%d", i);
		if (job->files[i] && !mount_file(source, job->files[i], job->volumes[i]))
			fail(job->volumes[i]);
		if (job->files[i])
			continue;
		make_dirs(job->volumes[i]);
		if (mount(source, job->volumes[i], "hostfs", 0, NULL))
			fail(job->volumes[i]);
	}
}

/* Brings the loopback interface up; a kernel without networking has none. */
static void loopback_up(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (!ioctl(fd, SIOCGIFFLAGS, &req)) {
		req.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &req);
	}
	close(fd);
}

/* ---- the command ---- */

static void use_fds(int a, int b, int c)
{
	if (dup2(a, 0) < 0 || dup2(b, 1) < 0 || dup2(c, 2) < 0)
		_exit(126);
}

/* Sends a line to nestctl on /dev/tty5. */
static void say(const char *line)
{
	ssize_t n = (ssize_t)strlen(line);

	if (write(host_fd, line, (size_t)n) != n)
		fail("/dev/tty5");
}

/* Starts the command as a child, on the terminal /dev/tty0. */
static void start_on_terminal(const struct job *job)
{
	say("ready\n");
	child = fork();
	if (child < 0)
		fail("fork");
	if (child)
		return;
	setsid();
	int tty = open("/dev/tty0", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (tty < 0 || ioctl(tty, TIOCSCTTY, 0))
		_exit(126);
	use_fds(tty, tty, tty);
	job_exec(job);
}

/* Starts the command with pipes, which the pumps connect to tty1 to tty3. */
static void start_on_channels(const struct job *job)
{
	int i[2], o[2], e[2];

	if (pipe2(i, O_CLOEXEC) || pipe2(o, O_CLOEXEC) || (!job->joined && pipe2(e, O_CLOEXEC)))
		fail("pipe");
	in.from = open_raw("/dev/tty1", O_RDONLY);
	out.to = open_raw("/dev/tty2", O_WRONLY | O_NONBLOCK);
	if (!job->joined)
		err.to = open_raw("/dev/tty3", O_WRONLY | O_NONBLOCK);
	say("ready\n");
	child = fork();
	if (child < 0)
		fail("fork");
	if (!child) {
		setsid();
		use_fds(i[0], o[1], job->joined ? o[1] : e[1]);
		job_exec(job);
	}
	close(i[0]);
	close(o[1]);
	in.to = i[1];
	out.from = o[0];
	fcntl(in.to, F_SETFL, O_NONBLOCK);
	fcntl(out.from, F_SETFL, O_NONBLOCK);
	if (job->joined)
		return;
	close(e[1]);
	err.from = e[0];
	fcntl(err.from, F_SETFL, O_NONBLOCK);
}

/* Executes the init of a machine in the place of this program. */
static void __attribute__((noreturn)) start_machine(const struct job *job)
{
	const char *what;

	say("ready\n");
	what = settings_limit(job);
	fail(what ?: machine_exec(job));
}

/* ---- pumping ---- */

/*
 * Ends a pump when its input has ended or its reader has gone. Both ends are closed, so that writer
 * and reader notice it.
 */
static void pump_end(struct pump *p)
{
	close(p->to);
	close(p->from);
	p->from = p->to = -1;
}

/* Reads available bytes into the empty buffer. */
static void pump_fill(struct pump *p)
{
	ssize_t n = read(p->from, p->buf, sizeof(p->buf));

	p->done = p->have = 0;
	if (n > 0)
		p->have = n;
	else if (!n || (errno != EAGAIN && errno != EINTR))
		pump_end(p);
}

/* Writes the buffer as far as the reader takes it. */
static void pump_flush(struct pump *p)
{
	while (p->done < p->have) {
		ssize_t n = write(p->to, p->buf + p->done, p->have - p->done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			return pump_end(p);
		p->done += n;
	}
	p->done = p->have = 0;
}

/* Returns what the pump waits for. */
static struct pollfd pump_poll(const struct pump *p)
{
	if (p->to < 0)
		return (struct pollfd){ .fd = -1 };
	if (p->have)
		return (struct pollfd){ .fd = p->to, .events = POLLOUT };
	return (struct pollfd){ .fd = p->from, .events = POLLIN };
}

/* Reads if the pump is empty, then writes what it has. */
static void pump_step(struct pump *p, const struct pollfd *pfd)
{
	if (p->to < 0 || !pfd->revents)
		return;
	if (!p->have)
		pump_fill(p);
	if (p->to >= 0)
		pump_flush(p);
}

/* Passes on the bytes that the pipe still contains. Waits while the reader is slow. */
static void pump_drain(struct pump *p)
{
	if (p->to >= 0)
		fcntl(p->to, F_SETFL, 0);
	while (p->to >= 0) {
		pump_flush(p);
		if (p->to < 0)
			return;
		pump_fill(p);
		if (!p->have)
			return;
	}
}

/* Waits until the terminal's output has been read, which would be lost when the kernel ends. */
static void line_drain(const char *path)
{
	int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	tcdrain(fd);
	close(fd);
}

/* ---- running ---- */

/* the end is wanted; the signal's value, or 0 */
static volatile sig_atomic_t shutdown_wanted, shutdown_value;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	if (sig == SIGCHLD)
		return;
	if (sig == SIGINT && info->si_code == SI_KERNEL)
		shutdown_value = info->si_int;
	shutdown_wanted = 1;
}

/*
 * Sets up signal handling. SIGINT from the kernel is ctrl-alt-del: the host ends the instance. The
 * signal's value may have the signal and time for programs (end.h).
 */
static void catch_signals(sigset_t *unblocked)
{
	static const int caught[] = { SIGCHLD, SIGINT, SIGTERM };
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigset_t set;

	reboot(RB_DISABLE_CAD);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		sigaction(caught[i], &action, NULL);
		sigaddset(&set, caught[i]);
	}
	sigprocmask(SIG_BLOCK, &set, unblocked);
}

/* Reaps all children that have exited. True if the command was among them. */
static bool reap(int *status)
{
	bool ended = false;
	int st;

	for (;;) {
		pid_t pid = waitpid(-1, &st, WNOHANG);

		if (pid <= 0)
			return ended;
		network_reaped(pid);
		if (pid == child) {
			*status = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
			ended = true;
		}
	}
}

/* True if the command ignores SIGTERM, as an interactive shell does. */
static bool ignores_term(void)
{
	char path[32], line[128];
	unsigned long long ignored = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)child);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SigIgn: %llx", &ignored) == 1)
			break;
	if (f)
		fclose(f);
	return ignored >> (SIGTERM - 1) & 1;
}

/*
 * Called after SIGTERM: sends SIGHUP, too, if the command ignores SIGTERM, as a shell on a terminal
 * does.
 */
static void hang_up_shell(void)
{
	if (on_terminal && ignores_term())
		kill(-child, SIGHUP);
}

/* Sends a signal to the command's group, or to the command if it has no group of its own yet. */
static void signal_command(int sig)
{
	if (kill(-child, sig) && errno == ESRCH)
		kill(child, sig);
}

/* Executes one request of the host (see the top of the file). */
static void obey(const char *line)
{
	int sig = *line == 's' ? atoi(line + 1) : 0;

	if (!strcmp(line, "g1"))
		pump_end(&out);
	if (!strcmp(line, "g2"))
		pump_end(&err);
	if (sig < 1 || sig >= NSIG)
		return;
	signal_command(sig);
	if (sig == SIGTERM)
		hang_up_shell();
	if (sig == SIGTERM || sig == SIGHUP)
		signal_command(SIGCONT);
}

/* Reads available bytes from the host, and carries out complete lines. */
static void hear_host(void)
{
	static char line[32];
	static size_t have;
	char c;

	while (read(host_fd, &c, 1) == 1) {
		if (c == '\n') {
			line[have] = '\0';
			obey(line);
			have = 0;
		} else if (have < sizeof(line) - 1) {
			line[have++] = c;
		}
	}
}

/* The time of now_ms() at which to kill the programs, or -1. */
static long kill_at = -1;

/* Returns ms of CLOCK_MONOTONIC. */
static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Sends the programs the signal of the shutdown, and sets the time when they are killed. */
static void begin_shutdown(void)
{
	int value = shutdown_value, sig = value ? END_SIGNAL(value) : SIGTERM;

	shutdown_wanted = 0;
	kill(-1, sig);
	kill(-1, SIGCONT);
	if (sig == SIGTERM)
		hang_up_shell();
	if (value || kill_at < 0)
		kill_at = now_ms() + 1000L * (value ? END_SECONDS(value) : SHUTDOWN_GRACE);
}

/* Waits like ppoll(2). Kills the programs when kill_at has passed. */
static int wait_for_work(struct pollfd *pfd, nfds_t n, const sigset_t *unblocked)
{
	long left = kill_at - now_ms();
	struct timespec t;

	if (kill_at < 0)
		return ppoll(pfd, n, NULL, unblocked);
	if (left <= 0) {
		kill(-1, SIGKILL);
		left = 1000;
	}
	t = (struct timespec){ left / 1000, left % 1000 * 1000000 };
	return ppoll(pfd, n, &t, unblocked);
}

/*
 * Closes init's ends of the command's pipes. A child that kept them open would delay the end of
 * file at the other ends.
 */
static void close_pipes(void)
{
	close(in.to);
	close(out.from);
	close(err.from);
}

/* Serves the command until it ends. Returns its exit status, or 128 + N if signal N killed it. */
static int run_until_end(const sigset_t *unblocked)
{
	const int links = network_watch(close_pipes);
	int status = 0;

	while (!reap(&status)) {
		struct pollfd pfd[5] = { pump_poll(&in), pump_poll(&out), pump_poll(&err),
			{ .fd = host_fd, .events = POLLIN }, { .fd = links, .events = POLLIN } };
		int n = wait_for_work(pfd, 5, unblocked);

		if (shutdown_wanted)
			begin_shutdown();
		if (n <= 0)
			continue;
		if (pfd[3].revents)
			hear_host();
		if (pfd[4].revents)
			network_changed(links);
		pump_step(&in, &pfd[0]);
		pump_step(&out, &pfd[1]);
		pump_step(&err, &pfd[2]);
	}
	return status;
}

/* True if the OOM killer has killed a program since boot. */
static bool had_no_memory(void)
{
	FILE *f = fopen("/proc/vmstat", "re");
	unsigned long kills = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "oom_kill %lu", &kills);
	if (f)
		fclose(f);
	return kills > 0;
}

int main(void)
{
	static struct job job;
	sigset_t unblocked;
	const char *what;
	bool waits;
	int agent, status;

	in.from = in.to = out.from = out.to = err.from = err.to = -1;
	report_fd = open_raw("/dev/tty4", O_WRONLY);
	host_fd = open_raw("/dev/tty5", O_RDWR | O_NONBLOCK);
	waits = !job_read(&job);
	if (waits && errno != ENOENT)
		fail("/job");
	agent = open("/agent", O_RDONLY | O_CLOEXEC);
	enter_image();
	mount_all(job.machine);
	if (waits) {
		say("waiting\n");
		if (!job_receive(&job, host_fd))
			fail("the job");
	}
	job.agent = agent;
	on_terminal = job.terminal;
	if (*job.hostname) {
		hosts_add(job.hostname);
		sethostname(job.hostname, strlen(job.hostname));
	}
	mount_volumes(&job);
	loopback_up();
	what = network_configure(&job, job.agent >= 0);
	if (!what && job.machine)
		what = machine_prepare(&job);
	what = what ?: settings_apply(&job);
	if (what)
		fail(what);
	if (job.machine)
		start_machine(&job);
	catch_signals(&unblocked);
	if (job.terminal)
		start_on_terminal(&job);
	else
		start_on_channels(&job);
	status = run_until_end(&unblocked);
	report("status %d%s\n", status, status == 128 + SIGKILL && had_no_memory() ? " oom" : "");
	pump_drain(&out);
	pump_drain(&err);
	if (!job.terminal) {
		line_drain("/dev/tty2");
		line_drain("/dev/tty3");
	}
	power_off();
}
