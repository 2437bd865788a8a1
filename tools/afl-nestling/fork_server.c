/* SPDX-License-Identifier: MIT */
/*
 * fork_server.c: AFL's fork server (protocol.h), with an instance in place of a child.
 *
 * The pid that AFL gets, and kills when a run lasts too long, belongs to a process that only waits
 * (the waiter). The waiter's end stops the run: the machine is rolled back. A run's status is that
 * of the program in the guest. If the guest breaks, the status is SIGABRT, and its log is stored
 * (crash.c). If the instance has ended, another is started.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/afl-nestling/afl.h"
#include "tools/afl-nestling/protocol.h"
#include "tools/nestctl/core/nestctl.h"

#define EXTENSION_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

#define SHORT_LIVED_MAX 100

struct server {
	struct options *o;
	struct machine m;
	uint8_t *map; /* AFL's, or NULL */
	size_t map_size;
	const uint8_t *cases; /* test cases in memory, or NULL */
	pid_t waiter;         /* pid, or 0 if there is none */
	int waiter_fd;        /* end-of-file when the waiter has died */
	/* folder for crash_keep(), or NULL */
	const char *keep;
	int short_lived; /* instances in a row that ended early */
};

/* The file that afl-fuzz rewrites for each run; NULL: standard input. */
static const char *input_path;

void restore_file_arguments(char **argv)
{
	static const char name[] = "/.cur_input";

	for (; *argv; argv++) {
		char *found = strstr(*argv, name), *end, *at = *argv;
		size_t extension;
		struct stat st;

		if (!found)
			continue;
		/* The path begins at the first slash that makes the text up to @found a folder. */
		for (at = strchr(at, '/'); at != found; at = strchr(at + 1, '/'))
			if (!stat(format("%.*s", (int)(found - at), at), &st) &&
				S_ISDIR(st.st_mode))
				break;
		/* An extension behind the name (afl-fuzz -e) belongs to the path. */
		end = found + strlen(name);
		extension = *end == '.' ? strspn(end + 1, EXTENSION_LETTERS) : 0;
		end += extension ? extension + 1 : 0;
		input_path = format("%.*s", (int)(end - at), at);
		*argv = format("%.*s@@%s", (int)(at - *argv), *argv, end);
	}
}

/*
 * Attaches the shared memory whose id is in @variable. Returns it and its size, or NULL if there is
 * none.
 */
static void *attach_memory(const char *variable, int flags, size_t *size)
{
	const char *id = getenv(variable);
	struct shmid_ds ds;
	void *at;

	if (!id)
		return NULL;
	at = shmat(atoi(id), NULL, flags);
	if (at == (void *)-1 || shmctl(atoi(id), IPC_STAT, &ds))
		die("%s=%s: %s", variable, id, strerror(errno));
	*size = ds.shm_segsz;
	return at;
}

/* Writes a word to the fuzzer. Returns false if the fuzzer has ended. */
static bool put_word(uint32_t word)
{
	ssize_t n;

	do {
		n = write(AFL_STATUS_FD, &word, sizeof(word));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(word);
}

/* Reads a word from the fuzzer. Returns false if the fuzzer has ended. */
static bool get_word(uint32_t *word)
{
	size_t have = 0;

	while (have < sizeof(*word)) {
		ssize_t n = read(AFL_CONTROL_FD, (char *)word + have, sizeof(*word) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

/* ---- the process that the fuzzer may kill ---- */

static void waiter_start(struct server *s)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	s->waiter = fork();
	if (s->waiter < 0)
		die("fork: %s", strerror(errno));
	if (!s->waiter) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/*
		 * Close the server's ends, so that afl-fuzz reads end-of-file when the server ends.
		 */
		close(AFL_CONTROL_FD);
		close(AFL_STATUS_FD);
		close(fds[0]);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	close(fds[1]);
	s->waiter_fd = fds[0];
}

static bool waiter_has_died(struct server *s)
{
	return s->waiter && waitpid(s->waiter, NULL, WNOHANG) == s->waiter;
}

static void waiter_forget(struct server *s)
{
	close(s->waiter_fd);
	s->waiter = 0;
}

/* ---- a run ---- */

/*
 * Reads the input from the file, or from standard input, which the fuzzer rewrites. Returns its
 * bytes.
 */
static uint32_t read_file(struct machine *m)
{
	int fd = input_path ? open(input_path, O_RDONLY | O_CLOEXEC) : 0;
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return 0;
	while (len < AGENT_INPUT_MAX) {
		n = pread(fd, machine_input(m) + len, AGENT_INPUT_MAX - len, (off_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (fd)
		close(fd);
	return (uint32_t)len;
}

/* Copies the fuzzer's input to machine_input(). Returns its bytes. */
static uint32_t take_input(struct server *s)
{
	uint32_t len;

	if (!s->cases)
		return read_file(&s->m);
	memcpy(&len, s->cases, sizeof(len));
	if (len > AFL_CASE_MAX)
		len = AFL_CASE_MAX;
	memcpy(machine_input(&s->m), s->cases + sizeof(len), len);
	return len;
}

/*
 * Returns the size of the program's part of the fuzzer's map, which the guest kernel's map follows.
 */
static uint32_t program_bytes(const struct server *s)
{
	return (s->m.map_len + 63) & ~63u;
}

/* Copies the maps of program and guest kernel to the fuzzer's map. */
static void give_maps(struct server *s, bool with_record)
{
	const struct agent_record *r = machine_record(&s->m);
	size_t n = with_record ? r->map_len : 0, at = program_bytes(s), cover = s->o->cover;

	if (!s->map)
		return;
	memcpy(s->map, r->map, n < s->map_size ? n : s->map_size);
	if (at < s->map_size)
		memcpy(s->map + at, machine_cover(&s->m),
			cover < s->map_size - at ? cover : s->map_size - at);
	s->map[0] |= !s->m.map_len; /* an empty map is an error to AFL */
}

/* Waits until the fuzzer kills the waiter, because the run lasts too long. */
static void await_kill(struct server *s)
{
	char c;

	while (read(s->waiter_fd, &c, 1) < 0 && errno == EINTR)
		;
}

/* Copies the maps to the fuzzer, and returns the status to report. */
static uint32_t result(struct server *s, enum ending end, uint32_t len)
{
	const struct agent_record *r = machine_record(&s->m);
	const uint8_t *input = machine_input(&s->m);

	give_maps(s, end == END_DONE);
	switch (end) {
	case END_DONE:
		if (!(r->flags & AGENT_HANG))
			return (uint32_t)r->status;
		await_kill(s); /* so that the fuzzer counts a hang */
		return SIGKILL;
	case END_STOP: return SIGKILL;
	case END_HALT: return 0;
	/* The signal that killed the agent would have killed the program. */
	case END_READER: return SIGKILL;
	case END_PANIC: crash_keep(s->keep, "panic", input, len); return SIGABRT;
	default: crash_keep(s->keep, "gone", input, len); return SIGABRT;
	}
}

/* Starts another instance. Exits if many in a row have ended at their first run. */
static void restart_server(struct server *s)
{
	s->short_lived = s->m.runs > 1 ? 0 : s->short_lived + 1;
	if (s->short_lived > SHORT_LIVED_MAX)
		die("%d instances have ended at their first run", SHORT_LIVED_MAX);
	machine_stop(&s->m);
	machine_start(&s->m, s->o);
}

/*
 * Makes one run. Returns false if the fuzzer has ended. The fuzzer measures the time between the
 * two words that are written: the pid and the status.
 */
static bool run(struct server *s)
{
	uint32_t len;
	bool there;

	/* If the machine cannot be rolled back after a hang, the previous input is the cause. */
	if (!machine_ready(&s->m))
		restart_server(s);
	if (!put_word((uint32_t)s->waiter))
		return false;
	len = take_input(s);
	there = put_word(result(s, machine_run(&s->m, len, s->waiter_fd, 0), len));
	if (s->m.gone)
		restart_server(s);
	return there;
}

/* ---- the start ---- */

/* Sends the fuzzer the options of this server. */
static void hello(struct server *s)
{
	uint32_t size = program_bytes(s) + s->o->cover, options = AFL_OPTIONS, answer;

	if (!size)
		size = 64;
	options |= AFL_OPTION_MAP_SIZE | afl_put_map_size(size);
	if (s->cases)
		options |= AFL_OPTION_CASE;
	if (!put_word(options) || (s->cases && !get_word(&answer)))
		exit(1);
	if (s->cases &&
		(answer & (AFL_OPTIONS | AFL_OPTION_CASE)) != (AFL_OPTIONS | AFL_OPTION_CASE))
		s->cases = NULL;
}

int fork_server(struct options *o)
{
	struct server s = { .o = o };
	uint32_t killed;
	size_t size = 0;

	fcntl(AFL_CONTROL_FD, F_SETFD, FD_CLOEXEC);
	fcntl(AFL_STATUS_FD, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	s.keep = o->keep ?: crash_folder();
	s.map = attach_memory(AFL_MAP_ENV, 0, &s.map_size);
	s.cases = attach_memory(AFL_CASE_ENV, SHM_RDONLY, &size);
	if (s.cases && size < AFL_CASE_MAX + sizeof(uint32_t))
		s.cases = NULL;
	machine_start(&s.m, o);
	hello(&s);
	while (get_word(&killed)) {
		if (killed && s.waiter)
			kill(s.waiter, SIGKILL);
		if (killed && s.waiter && waitpid(s.waiter, NULL, 0) == s.waiter)
			waiter_forget(&s);
		else if (waiter_has_died(&s))
			waiter_forget(&s);
		if (!s.waiter)
			waiter_start(&s);
		if (!run(&s))
			break;
	}
	machine_stop(&s.m);
	if (s.waiter) {
		kill(s.waiter, SIGKILL);
		waitpid(s.waiter, NULL, 0);
	}
	return 0;
}
