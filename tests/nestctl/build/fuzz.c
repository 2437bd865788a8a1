/* SPDX-License-Identifier: MIT */
/*
 * fuzz.c: feeds nestctl Containerfiles and .dockerignore files that are made from pieces of valid
 * files and damaged at random places. Built with asan and ubsan from nestctl's own files. A crash
 * or a hang says which execution it was, and a START other than 0 runs that one alone.
 *
 *	fuzz SEED EXECUTIONS START FILE...
 *
 * Each file is parsed, and the words of each instruction are expanded in all ways. The error for a
 * wrong Containerfile must begin with its name.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz.h"
#include "tests/nestctl/stand_in.h"
#include "tools/nestctl/build/containerfile.h"
#include "tools/nestctl/build/ignore.h"
#include "tools/nestctl/build/words.h"
#include "tools/nestctl/core/nestctl.h"

#define NAME "Containerfile"
#define SEEDS 16
#define TEXT_MAX 65536
#define BATCH 200

struct bytes {
	char *p;
	size_t n;
};
static struct bytes seeds[SEEDS];
static int nr_seeds;
static struct shared {
	unsigned long execution, whole, instructions;
} * shared;

/* ---- what the files of nestctl want ---- */

static jmp_buf *attempted;
static char died_with[4096];

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(died_with, sizeof(died_with), fmt, args);
	va_end(args);
	/* as in util.c */
	for (char *p = died_with; *p; p++)
		*p = (unsigned char)*p < ' ' ? '?' : *p;
	longjmp(*attempted, 1);
}

const char *attempt(void (*f)(void *arg), void *arg)
{
	jmp_buf here, *outer = attempted;
	const char *why = NULL;

	attempted = &here;
	if (!setjmp(here))
		f(arg);
	else
		why = died_with;
	attempted = outer;
	return why;
}

/* ---- one execution ---- */

static char text[TEXT_MAX + 1];
static size_t size;

static void put(const char *p, size_t n)
{
	n = n < TEXT_MAX - size ? n : TEXT_MAX - size;
	memcpy(text + size, p, n);
	size += n;
}

/* Appends a random piece of a seed. */
static void put_lines(void)
{
	const struct bytes *s = &seeds[rnd() % (unsigned long)nr_seeds];
	size_t from = rnd() % (s->n + 1), n = rnd() % 400;

	put(s->p + from, n < s->n - from ? n : s->n - from);
}

static void spoil(void)
{
	static const char *const words[] = { "${", "}", "$", "\\\n", "\"", "'", "<<EOF", "EOF\n",
		"[\"", "]", ":-", ":+", "--mount=", "--from=", "#", "\r\n", "`", "ONBUILD ", "ENV ",
		"**/", "[a-", "!", "FROM a\n", "\t", "=", "ARG ", "# escape=`\n", "\\u0000",
		"\xff" };
	size_t at = size ? rnd() % size : 0;
	const char *word = words[rnd() % (sizeof(words) / sizeof(words[0]))];

	if (!size)
		return;
	switch (rnd() % 3) {
	case 0: text[at] = (char)rnd(); break;
	case 1:
		for (; *word && at < size; at++)
			text[at] = *word++;
		break;
	default: put(word, strlen(word));
	}
}

static const char *get(const void *arg, const char *name)
{
	return strlen(name) % 3 ? NULL : strlen(name) % 2 ? "" : "a value";
}

static void expand(void *arg)
{
	const struct instruction *i = arg;
	const struct variables v = { .at = i, .get = get };
	char **words = words_split(i, i->text);

	for (; *words; words++)
		words_expand(&v, *words);
	words_list(&v, i->text);
	words_expand(&v, i->text);
	for (size_t n = 0; n < i->nr_docs; n++)
		words_expand_text(&v, i->docs[n].text);
	for (size_t n = 0; n < i->nr_flags; n++)
		instruction_flag(i, i->flags[n].name);
}

/* Ends the run if the error @why does not name the file. */
static void check_line(const char *why)
{
	if (!why || !strncmp(why, NAME ":", strlen(NAME) + 1))
		return;
	fprintf(stderr, "execution %lu: ERROR: says '%s'\n", execution, why);
	abort();
}

static void parse(void *arg)
{
	struct containerfile f = containerfile_parse(NAME, text, size);

	for (size_t i = 0; i < f.nr; i++)
		check_line(attempt(expand, &f.list[i]));
	shared->whole++;
	shared->instructions += f.nr;
}

static void match(void *arg)
{
	static const char *const paths[] = { "", "a", "a/b", "src/main.c", "a/b/c/d/e.log", "[",
		"*" };
	struct ignore *ig;

	if (memchr(text, '\0', size))
		return;
	ig = ignore_parse(text);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		ignore_has(ig, paths[i]);
}

static void execute(uint64_t seed)
{
	rnd_begin(seed);
	size = 0;
	if (rnd() % 2) {
		const struct bytes *s = &seeds[rnd() % (unsigned long)nr_seeds];

		put(s->p, s->n);
	}
	for (unsigned long n = rnd() % 4; n--;)
		put_lines();
	for (unsigned long n = rnd() % 12; n--;)
		spoil();
	text[size] = '\0';
	check_line(attempt(parse, NULL));
	attempt(match, NULL);
}

/* ---- batches, in children ---- */

static void hangs(int sig)
{
	static const char line[] = "ERROR: it hangs\n";

	if (write(2, line, sizeof(line) - 1) < 0)
		_exit(2);
	_exit(1);
}

static int run_batch(uint64_t seed, unsigned long from, unsigned long to)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		signal(SIGALRM, hangs);
		for (execution = from; execution < to; execution++) {
			shared->execution = execution;
			alarm(60);
			execute(seed);
		}
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

int main(int argc, char **argv)
{
	uint64_t seed = strtoull(argv[1], NULL, 10);
	unsigned long count = strtoul(argv[2], NULL, 10), start = strtoul(argv[3], NULL, 10);

	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 4; i < argc && nr_seeds < SEEDS; i++) {
		struct bytes *s = &seeds[nr_seeds++];
		int fd = open(argv[i], O_RDONLY);

		s->p = xalloc(TEXT_MAX);
		s->n = fd < 0 ? 0 : (size_t)read(fd, s->p, TEXT_MAX);
		close(fd);
	}
	if (start)
		return run_batch(seed, start, start + 1) ? 1 : 0;
	for (unsigned long n = 0; n < count; n += BATCH)
		if (run_batch(seed, n, n + BATCH)) {
			fprintf(stderr, "ERROR in execution %lu\n", shared->execution);
			return 1;
		}
	printf("%lu whole files, %lu instructions\n", shared->whole, shared->instructions);
	return shared->whole ? 0 : 1;
}
