/* SPDX-License-Identifier: MIT */
/*
 * restore.c: maps the memory of a saved instance in a new process (file.h), before the first
 * vCPU has entered the kernel world.
 *
 * Only the tables are read (tables.c, which checks them); base.c describes how the file
 * becomes the memory. The content of the memory is trusted like a program that the user runs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/state/base.h"
#include "os-linux/internal.h"
#include "os-linux/state/tables.h"

/*
 * Parameters that place an instance on its host: its name, the files and devices of the host, and
 * the user of its process. Only these may be given to a restore.
 */
static const char *const places[] = { "umid=", "con", "ssl", "eth", "ubd", "hostfs", "audit",
	"user=" };

/*
 * Returns the length of the name, including "=", if @word is a parameter that places the instance;
 * else 0.
 */
static size_t place_name(const char *word)
{
	const char *equals = strchr(word, '=');

	for (size_t i = 0; equals && i < sizeof(places) / sizeof(places[0]); i++)
		if (!strncmp(word, places[i], strlen(places[i])))
			return (size_t)(equals + 1 - word);
	return 0;
}

static struct os_restored restored;
static bool is_restored;
/* the value of hold=, or NULL */
static const char *hold_at;
/* descriptors of fresh= and ready=, or -1 */
static int errors_fd = -1, ready_fd = -1;
/* descriptors in old=: files that the previous program has left open */
#define OLD_MAX 64
static int old_files[OLD_MAX], nr_old;

const struct os_restored *os_restored(void)
{
	return is_restored ? &restored : NULL;
}

static void __attribute__((noreturn, format(printf, 1, 2))) refuse(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "nestling: restore=%s: ", restored.dir);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/*
 * Refuses a CPU that lacks a feature of the saved CPU: the guest has read the list of features and
 * may use any of them.
 */
static void check_cpu(const struct state_tables *t)
{
	struct os_cpuinfo *cpu = calloc(1, sizeof(*cpu));
	char *have, *want = strdup(t->texts), *save, lacking[300] = "";

	if (!cpu || !want || asprintf(&have, " %s ", (os_cpuinfo(cpu), cpu->flags)) < 0)
		refuse("no memory");
	for (char *f = strtok_r(want, " ", &save); f; f = strtok_r(NULL, " ", &save)) {
		char word[64];

		snprintf(word, sizeof(word), " %s ", f);
		if (!strstr(have, word) && strlen(lacking) + strlen(f) + 2 < sizeof(lacking))
			strcat(strcat(lacking, " "), f);
	}
	if (lacking[0])
		refuse("this CPU lacks what the guest may use:%s", lacking);
	free(have);
	free(want);
	free(cpu);
}

static void make_files(const struct state_tables *t)
{
	for (uint32_t i = 0; i < t->h.nr_files; i++) {
		int file = os_mem_create(
			i ? i == 1 ? "arena" : "region" : "physmem", t->h.file_size[i]);

		if (file < 0)
			refuse("no memory: %s", os_why(file));
		restored.file[i] = file;
	}
}

/*
 * Maps the pages whose content is in the files of older states over the mapping of this state's
 * file.
 */
static int map_older(const struct state_tables *t, uint32_t map)
{
	const struct state_map *m = &t->maps[map];
	int err = 0;

	for (uint64_t i = state_tables_run(t, map, 0); i < t->h.nr_runs && !err; i++) {
		const struct state_run *run = &t->runs[i];

		if (run->map != map)
			break;
		if (run->source)
			err = base_map((void *)(m->addr + run->page * STATE_PAGE),
				(uint64_t)run->pages * STATE_PAGE, t->fd[run->source], run->at);
	}
	return err;
}

/*
 * Maps the guest's memory. Each page comes from the state's file or from the new, empty memory
 * file.
 */
static int map_guest(const struct state_tables *t, uint32_t map)
{
	const struct state_map *m = &t->maps[map];
	int err = base_begin((void *)m->addr, m->len / STATE_PAGE, t->fd[0], m->at,
		os_handle_fd(restored.file[0]), t->h.ncpus > 1);

	for (uint64_t i = state_tables_run(t, map, 0); i < t->h.nr_runs && !err; i++) {
		if (t->runs[i].map != map)
			break;
		base_has(t->runs[i].page, t->runs[i].pages);
	}
	return err ? err : base_ready();
}

/*
 * Maps all memory, which replaces the initial data of the kernel world. No code of the kernel world
 * has run yet.
 */
static void map_all(const struct state_tables *t)
{
	for (uint32_t i = 0; i < t->h.nr_maps; i++) {
		const struct state_map *m = &t->maps[i];
		int err;

		if (m->file < 0)
			err = os_mem_map((void *)m->addr, m->len, 0, -1, 0, OS_MAP_REPLACE);
		else if (m->file)
			err = base_map((void *)m->addr, m->len, t->fd[0], m->at);
		else
			err = map_guest(t, i);
		if (!err && m->file >= 0)
			err = map_older(t, i);
		if (!err && m->file >= 0)
			base_mapped((void *)m->addr, m->len);
		if (err)
			refuse("memory: map %u at %#llx: %s", i, (unsigned long long)m->addr,
				os_why(err));
	}
}

/* the tables of this process's state, for a save of this instance */
static struct state_tables mine;
static const struct state_tables *continues_from;

const struct state_tables *state_restored(void)
{
	return continues_from;
}

void state_continues_from(const struct state_tables *t)
{
	continues_from = t;
}

static void set_clocks(const struct state_header *h)
{
	uint64_t real = os_clock_real(), gap = real > h->real ? real - h->real : 0;
	struct os_clock_shifts s = {
		.mono = h->mono - os_clock_mono(),
		.boot = h->boot + (restored.fresh ? 0 : gap) - os_clock_boot(),
		.raw = h->raw - os_clock_raw(),
	};

	restored.gap = gap;
	os_clock_set_shifts(&s);
}

/* True if both words set the same parameter. The flags in a disk's name (ubd0r) do not count. */
static bool sets_same(const char *a, const char *b)
{
	size_t name = place_name(b), n = 3 + strspn(b + 3, "0123456789");

	if (strncmp(b, "ubd", 3))
		return !strncmp(a, b, name);
	return n > 3 && !strncmp(a, b, n) && !(a[n] >= '0' && a[n] <= '9') && place_name(a);
}

/* Sets or replaces a parameter. Words behind "--" belong to init. */
static void set_word(char **words, uint32_t *n, char *word)
{
	uint32_t at = 1;

	for (; at < *n && strcmp(words[at], "--"); at++)
		if (sets_same(words[at], word)) {
			words[at] = word;
			return;
		}
	memmove(words + at + 1, words + at, (*n - at) * sizeof(*words));
	words[at] = word;
	++*n;
}

int os_place_in(char **words, uint32_t *n, const char *word)
{
	char *copy = place_name(word) ? strdup(word) : NULL;

	if (!copy)
		return place_name(word) ? -ENOMEM : -EINVAL;
	set_word(words, n, copy);
	return 0;
}

int os_place(const char *word)
{
	uint32_t n = 0;
	char **words;
	int err;

	while (os_argv[n])
		n++;
	words = calloc((size_t)n + 2, sizeof(*words));
	if (!words)
		return -ENOMEM;
	memcpy(words, os_argv, n * sizeof(*words));
	err = os_place_in(words, &n, word);
	if (err)
		free(words);
	else
		os_argv = words;
	return err;
}

/*
 * Restores the command line of the boot, which a later reboot uses, with the placing parameters of
 * this process.
 */
static void set_command_line(const struct state_tables *t, char *program)
{
	char **words = calloc(t->h.nr_words + (size_t)restored.argc + 2, sizeof(*words));
	const char *end = t->texts + t->h.texts_size;
	char *text = t->texts + strlen(t->texts) + 1;
	uint32_t n = 0;

	if (!words)
		refuse("no memory");
	for (; n < t->h.nr_words; n++, text += strlen(text) + 1) {
		if (text >= end)
			refuse("memory: the tables are damaged");
		words[n] = text;
	}
	words[0] = program;
	n = n ? n : 1;
	for (int i = 0; i < restored.argc; i++)
		set_word(words, &n, restored.argv[i]);
	os_argv = words;
}

/* Returns the descriptor number that is the value of parameter @name. */
static int descriptor(const char *name, const char *number)
{
	char *end;
	long fd = strtol(number, &end, 10);

	if (end == number || *end || fd < 0 || fd > INT_MAX || fcntl((int)fd, F_GETFD) < 0)
		refuse("%s=%s: not an open descriptor", name, number);
	return (int)fd;
}

static void set_fresh(const char *number)
{
	errors_fd = descriptor("fresh", number);
	restored.fresh = 1;
}

static void set_ready(const char *number)
{
	ready_fd = descriptor("ready", number);
	fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
}

/* Sends a letter to the starter, which may have ended. */
static void tell_starter(char letter)
{
	while (write(ready_fd, &letter, 1) < 0 && errno == EINTR)
		;
}

void os_restored_waits(void)
{
	if (ready_fd >= 0)
		tell_starter('w');
}

static void tell_ready(void)
{
	tell_starter('r');
	close(ready_fd);
	ready_fd = -1;
}

/* ---- files that a program leaves when it executes itself again ---- */

/*
 * A file without a name is freed with its last descriptor: memory files, the memory of a state that
 * was removed, data written to a disk. Freeing takes the host milliseconds, and exec would wait for
 * it. So such files stay open in the next program (old=FD:FD...), and a thread closes them when the
 * instance runs. The parameter also marks a return to a state, and has no number if there are no
 * such files.
 */

bool os_file_is_left(int fd)
{
	struct flock none = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	int flags = fcntl(fd, F_GETFD);
	struct stat st;

	/* a direct call: for libc's fstat() a jailed process would ask its broker */
	if (flags < 0 || !(flags & FD_CLOEXEC) || syscall(SYS_fstat, fd, &st) ||
		!S_ISREG(st.st_mode) || st.st_nlink)
		return false;
	fcntl(fd, F_OFD_SETLK, &none);
	return true;
}

/* Returns the parameter old= for the next program. */
static char *leave_files(void)
{
	static char word[8 + OLD_MAX * 12] = "old=";
	DIR *dir = opendir("/proc/self/fd");
	size_t len = strlen(word);
	int n = 0;

	for (struct dirent *e; dir && n < OLD_MAX && (e = readdir(dir));) {
		int fd = atoi(e->d_name);

		if (fd < 3 || !os_file_is_left(fd) || fcntl(fd, F_SETFD, 0))
			continue;
		len += (size_t)snprintf(word + len, sizeof(word) - len, "%s%d", n++ ? ":" : "", fd);
	}
	if (dir)
		closedir(dir);
	return word;
}

/* Reads the list of old=. */
static void take_old(const char *numbers)
{
	char *end;

	for (const char *s = numbers; *numbers && nr_old < OLD_MAX; s = end + 1) {
		int fd = (int)strtol(s, &end, 10);

		if (end == s || fd < 3 || fcntl(fd, F_SETFD, FD_CLOEXEC))
			refuse("old=%s: not a list of open descriptors", numbers);
		old_files[nr_old++] = fd;
		if (*end != ':')
			break;
	}
}

static void close_old(void *unused)
{
	for (int i = 0; i < nr_old; i++)
		close(old_files[i]);
	nr_old = 0;
}

void os_restored_runs(void)
{
	if (ready_fd >= 0)
		tell_ready();
	if (nr_old && os_worker_start("old-files", close_old, NULL))
		close_old(NULL);
	if (errors_fd < 0)
		return;
	/* the command line may name the descriptor by its number as well */
	dup3(errors_fd, STDERR_FILENO, 0);
	errors_fd = -1;
}

/* Returns the folder of restore=, or NULL, and gathers the other parameters. */
static const char *find_restore(int argc, char **argv)
{
	const char *dir = NULL, *other = NULL, *fresh = NULL, *ready = NULL, *old = NULL;

	restored.argv = calloc((size_t)argc + 1, sizeof(*restored.argv));
	if (!restored.argv)
		refuse("%s", strerror(ENOMEM));
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "restore=", 8))
			dir = argv[i] + 8;
		else if (!strcmp(argv[i], "hold=console"))
			restored.waits = 1;
		else if (!strncmp(argv[i], "hold=", 5))
			hold_at = argv[i] + 5;
		else if (!strncmp(argv[i], "fresh=", 6))
			fresh = argv[i] + 6;
		else if (!strncmp(argv[i], "ready=", 6))
			ready = argv[i] + 6;
		else if (!strncmp(argv[i], "old=", 4))
			old = argv[i] + 4;
		else if (!strcmp(argv[i], "identity=new"))
			restored.identity = OS_IDENTITY_NEW;
		else if (place_name(argv[i]))
			restored.argv[restored.argc++] = argv[i];
		else
			other = argv[i];
	}
	restored.dir = dir;
	if (hold_at)
		restored.identity = OS_IDENTITY_MOVED;
	if (dir && other)
		refuse("%s cannot be given to a restore, which keeps what the instance has", other);
	if (dir && fresh)
		set_fresh(fresh);
	if (dir && ready)
		set_ready(ready);
	if (dir && old)
		take_old(old);
	restored.rolled_back = old != NULL;
	return dir;
}

static void __attribute__((noreturn)) refuse_hold(void)
{
	refuse("hold=%s: the process that holds it does not let it go on", hold_at);
}

uint64_t os_state_restore(int argc, char **argv)
{
	int dir;

	if (!find_restore(argc, argv))
		return 0;
	if (!*restored.dir)
		refuse("the folder is missing");
	if (hold_at && !state_hold_files(hold_at))
		refuse_hold();
	dir = open(restored.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		refuse("%s", strerror(errno));
	if (!state_tables_open(&mine, dir, "memory", 0))
		refuse("%s", mine.why);
	close(dir);
	check_cpu(&mine);
	set_command_line(&mine, argv[0]);
	make_files(&mine);
	map_all(&mine);
	restored.stub_base = mine.h.stub_base;
	restored.xfeatures = mine.h.xfeatures;
	restored.xstate_size = mine.h.xstate_size;
	if (hold_at && !state_hold())
		refuse_hold();
	set_clocks(&mine.h);
	is_restored = true;
	continues_from = &mine;
	return mine.h.sp[0];
}

char **os_words_from(char **argv, const char *dir)
{
	size_t n = 0;
	char **words, *first;

	while (argv[n])
		n++;
	words = calloc(n + 4, sizeof(*words)); /* with room for another word */
	if (!words || asprintf(&first, "restore=%s", dir) < 0)
		return NULL;
	words[0] = argv[0];
	words[1] = first;
	n = 2;
	for (size_t i = 1; argv[i] && strcmp(argv[i], "--"); i++)
		if (place_name(argv[i]))
			words[n++] = argv[i];
	return words;
}

void os_restart_from(const char *dir)
{
	char **words = os_words_from(os_argv, dir);
	size_t n = 0;

	if (!words)
		os_restart();
	while (words[n])
		n++;
	/*
	 * A jailed process closes such files itself before the next process begins (jail/again.c).
	 */
	words[n] = os_jailed() ? NULL : leave_files();
	os_exec_again(words, dir);
}
