/* SPDX-License-Identifier: MIT */
/*
 * fuzz_json.c: reads damaged state.json and state.seal with nestctl's own files, built with asan
 * and ubsan. Each is used, or refused with a single line. Executions run in children, a hundred in
 * each, which frees and closes what die() leaves behind.
 *
 *	fuzz_json SEED EXECUTIONS START FOLDER	the folder has a whole state
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sanitizer/common_interface_defs.h>

#include "tests/fuzz.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/state/state.h"

#define TEXT_MAX (64UL << 10)
#define BATCH 100

struct text {
	char bytes[2 * TEXT_MAX];
	size_t size;
};
static struct text json, seal;
static struct shared {
	unsigned long used, trusted, booted;
} * shared;
static const char *folder;

static void load(const char *name, struct text *t)
{
	int fd = open(format("%s/%s", folder, name), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, t->bytes, TEXT_MAX);

	if (n <= 0)
		abort();
	t->size = (size_t)n;
	close(fd);
}

static void store(const char *name, const struct text *t)
{
	int fd =
		open(format("%s/%s", folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, t->bytes, t->size) != (ssize_t)t->size)
		abort();
	close(fd);
}

/* Returns the offset after a random colon, where a value begins, or 0. */
static size_t a_value(const struct text *t)
{
	size_t at = rnd() % t->size;

	while (at && t->bytes[at - 1] != ':')
		at--;
	return at;
}

/* Replaces @n bytes at @at with @what, if there is room. */
static void put(struct text *t, size_t at, size_t n, const char *what)
{
	size_t len = strlen(what);

	n = n < t->size - at ? n : t->size - at;
	if (t->size + len > sizeof(t->bytes))
		return;
	memmove(t->bytes + at + len, t->bytes + at + n, t->size - at - n);
	memcpy(t->bytes + at, what, len);
	t->size += len - n;
}

static void spoil(struct text *t)
{
	static const char *const words[] = { "0", "-1", "1e400", "18446744073709551615",
		"9223372036854775808", "16", "15", "null", "true", "\"\"", "\"..\"", "\"/\"", "[]",
		"{}", "[{}]", "[[]]", "\"\\u0000\"", "\"\\ud800\"", "\"ubd15.layer\"",
		"{\"unit\":0}", ",", "]", "}", "\"" };
	unsigned int n = (unsigned int)(rnd() % 5);

	while (n-- && t->size > 8) {
		size_t at = a_value(t), from = rnd() % t->size, len;
		static char piece[257];

		switch (rnd() % 7) {
		case 0: t->bytes[rnd() % t->size] = (char)rnd(); break;
		case 1: t->bytes[rnd() % t->size] ^= (char)(1U << rnd() % 8); break;
		case 2:
		case 3:
		case 4:
			len = 0;
			while (at + len < t->size && !strchr(",]}\n", t->bytes[at + len]))
				len++;
			put(t, at, len, words[rnd() % (sizeof(words) / sizeof(words[0]))]);
			break;
		case 5: /* repeats a piece */
			len = rnd() % 256;
			len = len < t->size - from ? len : t->size - from;
			memcpy(piece, t->bytes + from, len);
			piece[len] = '\0';
			put(t, rnd() % t->size, 0, piece);
			break;
		default: t->size = rnd() % t->size;
		}
	}
}

/* Makes the words and the job of a machine's next kernel. */
static void use_boot(const struct state *s)
{
	struct machine m;

	if (!s->boot)
		return;
	if (!machine_parse(s->boot, s->boot_size, &m))
		abort();
	machine_replace(&m, "ubd0mk=/g", false);
	machine_replace(&m, "user=1", true);
	machine_drop(&m, "umid=");
	machine_rename(&m, "new", "host");
	shared->booted += m.argc > 0 && m.job_size > 0;
}

static void use(void *arg)
{
	struct state s = state_open(folder);

	shared->used++;
	shared->trusted += !state_distrust(&s);
	state_is_untouched(&s);
	use_boot(&s);
	state_close(&s);
}

static void execute(uint64_t seed)
{
	static struct text a, b;
	const char *line;

	rnd_begin(seed);
	a = json;
	b = seal;
	spoil(rnd() % 4 ? &a : &b);
	store(STATE_JSON, &a);
	store(STATE_SEAL, &b);
	line = attempt(use, NULL);
	if (line && (!*line || strchr(line, '\n'))) {
		dprintf(2, "ERROR: not one line: '%s'\n", line);
		say_where();
		abort();
	}
}

/* Runs the executions before @end in a child. Returns its wait status. */
static int run_batch(uint64_t seed, unsigned long end)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		for (; execution < end; execution++)
			execute(seed);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return status;
}

const char *data_dir(const char *what)
{
	return format("%s/%s", folder, what);
}

int main(int argc, char **argv)
{
	unsigned long runs = strtoul(argv[2], NULL, 0), start = strtoul(argv[3], NULL, 0);
	int fd;

	folder = argv[4];
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		abort();
	state_seal(fd, folder, true);
	load(STATE_JSON, &json);
	load(STATE_SEAL, &seal);
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	__sanitizer_set_death_callback(say_where);
	for (execution = start; execution < start + runs; execution += BATCH)
		if (run_batch(strtoul(argv[1], NULL, 0),
			    execution + BATCH < start + runs ? execution + BATCH : start + runs))
			return 1;
	printf("ok      %lu executions, %lu states read, %lu trusted, %lu with a boot\n", runs,
		shared->used, shared->trusted, shared->booted);
	return shared->used && shared->trusted && shared->booted ? 0 : 1;
}
