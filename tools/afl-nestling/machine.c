/* SPDX-License-Identifier: MIT */
/*
 * machine.c: starts an instance with the agent in it, and is the instance's reset server.
 *
 * The start: the kernel boots an image with nestctl's init, which runs the agent of the initramfs.
 * The agent waits for the reset server, which is attached as soon as the management console is
 * served. Then the agent starts the program and reads: the machine is marked and READY arrives.
 *
 * Each RUN is answered by DONE or DEAD, and then by READY, for which the next RUN waits: while the
 * machine is rolled back, the fuzzer makes its next input.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/afl-nestling/afl.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"

#define PAGE 4096u
#define BOOT_MS 120000
/* Time limit of a rollback, which usually takes less than a millisecond. */
#define BACK_MS 5000
/* Time limit for a line that the agent wrote before the machine was marked. */
#define LINE_MS 10000
/* Time limit for the end of a process whose socket is closed. */
#define END_MS 5000
#define UNKNOWN (~0u)

extern const char agent_start[], agent_end[];

/* ---- the start ---- */

static const struct agent agent = { agent_start, agent_end };

static void add_word(char **words, size_t *n, const char *word)
{
	words[(*n)++] = format("%s", word);
}

/* Returns the words of the agent's command line (record.h). */
static char **agent_words(const struct options *o)
{
	size_t n = 0, given = 0;
	char **words;

	while (o->program[given])
		given++;
	words = xalloc((given + VOLUMES_MAX + 12) * sizeof(*words));
	add_word(words, &n, "afl-agent");
	if (o->timeout)
		add_word(words, &n, format("-t%d", o->timeout));
	if (o->plain)
		add_word(words, &n, "-p");
	if (o->forked)
		add_word(words, &n, "-f");
	if (o->verbose)
		add_word(words, &n, "-V");
	if (o->mount)
		add_word(words, &n, format("-m%s", o->mount));
	for (int i = 0; i < o->run.nr_volumes; i++)
		add_word(words, &n, format("-c%s", o->run.volumes[i].guest));
	add_word(words, &n, "--");
	for (size_t i = 0; i < given; i++)
		words[n++] = o->program[i];
	return words;
}

/* Makes the memory that is shared with the kernel. *fd: its memory file. */
static void make_area(struct machine *m, const struct options *o, int *fd)
{
	struct reset_area a = { .magic = RESET_MAGIC, .version = RESET_VERSION };

	a.input_at = PAGE;
	a.input_max = AGENT_INPUT_MAX;
	a.record_at = a.input_at + a.input_max;
	a.record_max = AGENT_MAP_MAX + PAGE;
	a.cover_at = a.record_at + a.record_max;
	a.cover_len = o->cover;
	a.size = a.cover_at + ((a.cover_len + PAGE - 1) & ~(PAGE - 1));
	*fd = memfd_create("reset", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, (off_t)a.size) || fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK))
		die("memfd: %s", strerror(errno));
	m->area_size = a.size;
	m->area = mmap(NULL, a.size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (m->area == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	*m->area = a;
}

/* Composes the kernel's command line, and starts the kernel. */
static void start_instance(struct machine *m, struct options *o, const char *umid)
{
	struct run r = o->run;
	int log_end, ready, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	r.command = agent_words(o);
	r.agent = &agent;
	r.bare = r.no_terminal = true;
	r.job = job_text(&r, &r.job_size);
	m->status_fd = kernel_pipe(1, &r.status_end);
	m->control_fd = kernel_pipe(0, &r.control_end);
	m->log_fd = kernel_pipe(1, &log_end);
	ready = kernel_pipe(1, &r.ready_fd);
	fcntl(m->log_fd, F_SETFL, O_NONBLOCK);
	r.disk_at = r.argc;
	run_add(&r, "ubd0m=");
	r.initrd_at = r.argc;
	run_add(&r, "initrd=");
	run_add_shares(&r);
	run_add(&r, "noreboot");
	run_add(&r, "con=null");
	run_add(&r, format("con0=null,fd:%d", log_end));
	run_add(&r, format("con4=null,fd:%d", r.status_end));
	run_add(&r, format("con5=fd:%d,fd:%d", r.control_end, r.ready_fd));
	run_add(&r, format("umid=%s", umid));
	if (r.nr_nets)
		run_add(&r, format("eth0=%s", r.nets[0]));
	if (r.mem)
		run_add(&r, format("mem=%s", r.mem));
	if (r.ncpus)
		run_add(&r, format("ncpus=%s", r.ncpus));
	prepare_boot(&r);
	m->pid = start_kernel(&r, r.argv, (const int[]){ null, null, 2 });
	close(r.status_end);
	close(r.control_end);
	close(r.ready_fd);
	close(log_end);
	close(ready);
	close(null);
	free(r.job);
}

/* Exits with the reason why the machine cannot be marked, and the end of the guest's log. */
static void __attribute__((noreturn)) refuse(struct machine *m, const char *why)
{
	size_t len;
	const char *text;

	log_read(m->log_fd);
	machine_stop(m);
	text = log_text(&len);
	if (len && write(2, text, len) < 0)
		errno = 0;
	die("%s", why);
}

/* Reaps the instance. True if it has ended. */
static bool has_ended(struct machine *m)
{
	return m->pid > 0 && waitpid(m->pid, NULL, WNOHANG) == m->pid && (m->pid = 0, true);
}

/* Reads and handles a line of init or of the agent. */
static void hear_guest(struct machine *m)
{
	char line[512];
	ssize_t n = read(m->status_fd, line, sizeof(line) - 1);
	unsigned int len;

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (!strncmp(line, "error ", 6))
		refuse(m, format("in the guest: %s", line + 6));
	if (sscanf(line, "map %u", &len) == 1 && len <= AGENT_MAP_MAX)
		m->map_len = len;
	else if (n <= 0)
		refuse(m, "the instance has ended before the program waited for an input");
	else
		refuse(m, format("in the guest: the agent has ended (%s)", line));
}

/* Connects to the new instance's management console, after waiting until it is served. */
static void connect_console(struct machine *m, struct umid_console *c, const char *umid)
{
	for (int ms = 0; ms < BOOT_MS; ms++) {
		for (int i = 0; i < 2; i++)
			if (umid_home(i) &&
				umid_try_connect(c, format("%s/%s", umid_home(i), umid)))
				return;
		if (has_ended(m))
			refuse(m, "the instance has ended at its start");
		log_read(m->log_fd);
		usleep(1000);
	}
	refuse(m, "the instance's management console is not served (is HOME set?)");
}

/* Attaches this process to the instance's kernel as its reset server. */
static void attach(struct machine *m, const struct options *o, const char *umid)
{
	int fds[2], request[RESET_FDS], err;
	struct umid_console c;
	char *text;
	size_t len;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		die("socketpair: %s", strerror(errno));
	m->socket = fds[0];
	request[RESET_FD_SOCKET] = fds[1];
	make_area(m, o, &request[RESET_FD_AREA]);
	connect_console(m, &c, umid);
	text = umid_ask_with(&c, "reset", request, RESET_FDS, &err, &len);
	if (!text)
		refuse(m, "the management console does not answer");
	if (err)
		refuse(m, format("the kernel has no reset server: %s", text));
	free(text);
	close(c.fd);
	close(fds[1]);
	close(request[RESET_FD_AREA]);
}

/* ---- messages ---- */

/* Sends a message. Returns false if the kernel has closed the socket. */
static bool say(struct machine *m, uint32_t op, uint32_t arg)
{
	struct reset_message q = { op, arg };
	ssize_t n;

	do {
		n = send(m->socket, &q, sizeof(q), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n == sizeof(q);
}

/* Receives a message; false if the kernel has closed the socket. */
static bool hear(struct machine *m, struct reset_message *q)
{
	ssize_t n;

	do {
		n = recv(m->socket, q, sizeof(*q), 0);
	} while (n < 0 && errno == EINTR);
	return n == sizeof(*q);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum event { EVENT_MESSAGE, EVENT_STOP, EVENT_TIME, EVENT_GONE };

/*
 * Waits for a message of the kernel, until @stop is readable, or for @ms (0: without limit). @stop
 * may be -1.
 */
static enum event await(struct machine *m, int stop, int ms, struct reset_message *q)
{
	int64_t end = now_ms() + ms;

	for (;;) {
		struct pollfd p[3] = { { .fd = m->socket, .events = POLLIN },
			{ .fd = stop, .events = POLLIN }, { .fd = m->log_fd, .events = POLLIN } };
		int64_t left = ms ? end - now_ms() : -1;

		if (ms && left <= 0)
			return EVENT_TIME;
		if (poll(p, 3, (int)left) < 0)
			continue;
		if (p[2].revents & POLLIN)
			log_read(m->log_fd);
		if (p[0].revents)
			return hear(m, q) ? EVENT_MESSAGE : EVENT_GONE;
		if (p[1].revents)
			return EVENT_STOP;
		if (p[2].revents & (POLLHUP | POLLERR)) /* the socket closes soon, too */
			usleep(1000);
	}
}

bool machine_ready(struct machine *m)
{
	struct reset_message q;

	while (m->owes) {
		if (await(m, -1, BACK_MS, &q) != EVENT_MESSAGE)
			return false;
		if (q.op == RESET_READY)
			m->owes = false;
	}
	return true;
}

/* ---- the interface ---- */

uint8_t *machine_input(struct machine *m)
{
	return (uint8_t *)m->area + PAGE;
}

const struct agent_record *machine_record(const struct machine *m)
{
	return (const void *)((const uint8_t *)m->area + PAGE + AGENT_INPUT_MAX);
}

uint8_t *machine_cover(struct machine *m)
{
	return (uint8_t *)m->area + PAGE + AGENT_INPUT_MAX + AGENT_MAP_MAX + PAGE;
}

/* Waits until the machine is marked, or exits with the reason. */
static void await_base(struct machine *m)
{
	int64_t end = now_ms() + BOOT_MS;
	struct reset_message q;

	for (;;) {
		switch (await(m, m->status_fd,
			(int)(end - now_ms()) > 0 ? (int)(end - now_ms()) : 1, &q)) {
		case EVENT_STOP: hear_guest(m); continue;
		case EVENT_TIME: refuse(m, "the program does not wait for an input");
		case EVENT_GONE: refuse(m, "the kernel has detached the reset server");
		default: break;
		}
		if (q.op == RESET_READY)
			return;
		if (q.op == RESET_DEAD)
			refuse(m, format("the kernel cannot make the base: %.*s",
					  (int)(m->area->record_len % PAGE),
					  (const char *)machine_record(m)));
	}
}

void machine_start(struct machine *m, struct options *o)
{
	static int number;
	const char *umid = format("afl-%d-%d", (int)getpid(), ++number);
	struct pollfd p;

	*m = (struct machine){ .socket = -1, .map_len = UNKNOWN };
	log_clear();
	start_instance(m, o, umid);
	attach(m, o, umid);
	await_base(m);
	/* The agent's line may not have arrived yet. */
	p = (struct pollfd){ .fd = m->status_fd, .events = POLLIN };
	if (m->map_len == UNKNOWN && poll(&p, 1, LINE_MS) > 0)
		hear_guest(m);
	if (m->map_len == UNKNOWN)
		refuse(m, "the agent has not said how long the coverage map is");
	log_read(m->log_fd);
}

void machine_stop(struct machine *m)
{
	if (m->pid > 0) {
		kill(m->pid, SIGKILL);
		waitpid(m->pid, NULL, 0);
	}
	if (m->socket >= 0)
		close(m->socket);
	close(m->log_fd);
	close(m->status_fd);
	close(m->control_fd);
	if (m->area)
		munmap(m->area, m->area_size);
	*m = (struct machine){ .socket = -1 };
}

/* Returns how a run has ended by the kernel's message. */
static enum ending ending_of(const struct reset_message *q)
{
	if (q->op == RESET_DONE)
		return END_DONE;
	return q->arg == RESET_DEAD_PANIC  ? END_PANIC :
	       q->arg == RESET_DEAD_HALT   ? END_HALT :
	       q->arg == RESET_DEAD_READER ? END_READER :
					     END_GONE;
}

/*
 * True if the record is well-formed. The program is root in the guest and may have written
 * anything.
 */
static bool record_is_good(const struct machine *m, uint32_t len)
{
	const struct agent_record *r = machine_record(m);

	return len >= sizeof(*r) && len <= AGENT_MAP_MAX + PAGE && r->magic == AGENT_MAGIC &&
	       r->map_len <= len - sizeof(*r);
}

/*
 * Returns how an instance has ended. Its process has closed the socket, violates the protocol or
 * hangs, and may still be exiting: waits for its end, END_MS at most.
 */
static enum ending end_of_instance(struct machine *m)
{
	int status = -1;

	m->gone = true;
	for (int ms = 0; m->pid > 0 && ms < END_MS; ms++) {
		log_read(m->log_fd);
		if (waitpid(m->pid, &status, WNOHANG) == m->pid)
			m->pid = 0;
		else
			usleep(1000);
	}
	log_read(m->log_fd);
	if (log_reason())
		return END_PANIC;
	return !m->pid && WIFEXITED(status) && !WEXITSTATUS(status) ? END_HALT : END_GONE;
}

enum ending machine_run(struct machine *m, uint32_t len, int stop, int ms)
{
	struct reset_message q;

	if (!machine_ready(m))
		return end_of_instance(m);
	log_clear();
	if (m->area->cover_len)
		memset(machine_cover(m), 0, m->area->cover_len);
	m->area->input_len = len;
	m->runs++;
	m->owes = true;
	if (!say(m, RESET_RUN, len))
		return end_of_instance(m);
	for (;;) {
		switch (await(m, stop, ms, &q)) {
		case EVENT_STOP:
		case EVENT_TIME: return say(m, RESET_BACK, 0) ? END_STOP : end_of_instance(m);
		case EVENT_GONE: return end_of_instance(m);
		default: break;
		}
		if (q.op != RESET_DONE && q.op != RESET_DEAD)
			continue;
		log_read(m->log_fd);
		if (q.op == RESET_DONE && !record_is_good(m, q.arg))
			return END_READER;
		return ending_of(&q);
	}
}
