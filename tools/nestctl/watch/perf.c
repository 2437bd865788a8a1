/* SPDX-License-Identifier: MIT */
/*
 * perf.c: `nestctl perf`: shows where an instance spends its time, in the kernel and in its
 * programs, as a flame graph.
 *
 * The kernel takes the samples (drivers/perf) and sends addresses over the management console. The
 * names of its own addresses come from the symbols of /proc/PID/exe. Addresses in guest files are a
 * file's number and an offset, and the kernel also sends the bytes of these files.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/watch/elf_names.h"
#include "tools/nestctl/watch/flame.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/core/umid.h"

#define PAUSE_NS 50000000
#define FILES_MAX 128
#define DEPTH 64

enum kind { IN_KERNEL, IN_GUEST, IN_HANDOFF, IN_IDLE, KINDS };

/* A run of `nestctl perf`. */
struct perf {
	struct umid_console console;
	int hz; /* samples per second */
	double seconds;
	const char *out, *folded;
	struct elf_names *kernel;
	struct guest_file {
		struct elf_names *names;
		const char *path;
	} files[FILES_MAX];
	struct flame root;
	unsigned long long lost, of_kind[KINDS];
};

/* A guest's file that read_guest() reads by requests to the instance. */
struct bytes {
	struct perf *perf;
	unsigned int id;
	/* the last reply to "perf bytes": hex digits of the bytes at @off */
	char *hex;
	size_t len;
	uint64_t off;
};

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	ended = sig;
}

/* Sends a command. Returns the reply, or NULL if the instance refuses. */
static char *try(struct perf *p, const char *command, size_t *len)
{
	int err;
	char *text = umid_ask(&p->console, command, &err, len);

	if (!text)
		die("the instance does not answer");
	if (!err)
		return text;
	free(text);
	return NULL;
}

/* Sends a command, which the instance must accept. */
static void must(struct perf *p, const char *command)
{
	size_t len;

	if (!try(p, command, &len))
		die("the instance refuses '%s'", command);
}

/* ---- names ---- */

/* Functions of elf_read_fn: for a descriptor, and for a struct bytes. */
static ssize_t read_fd(void *arg, void *buf, size_t n, uint64_t off)
{
	return pread(*(int *)arg, buf, n, (off_t)off);
}

static void read_kernel(struct perf *p, pid_t pid)
{
	int fd = open(format("/proc/%d/exe", (int)pid), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/proc/%d/exe: %s", (int)pid, strerror(errno));
	p->kernel = elf_names_read(read_fd, &fd);
	close(fd);
}

/* Returns the value of a digit, 0-9 or a-f. */
static int digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/*
 * Reads up to @n bytes of a guest's file at @off. Returns how many, or -1 on an error or after a
 * signal.
 */
static ssize_t read_guest(void *arg, void *buf, size_t n, uint64_t off)
{
	struct bytes *b = arg;
	size_t at;

	if (ended) /* a signal asks for the end */
		return -1;
	if (!b->hex || off < b->off || off - b->off >= b->len / 2) {
		free(b->hex);
		b->hex = try(b->perf, format("perf bytes %u %llu", b->id, (unsigned long long)off),
			&b->len);
		b->off = off;
		if (!b->hex || b->len < 2)
			return -1;
	}
	at = (size_t)(off - b->off);
	if (n > b->len / 2 - at)
		n = b->len / 2 - at;
	for (size_t i = 0; i < n; i++)
		((unsigned char *)buf)[i] = (unsigned char)(digit(b->hex[2 * (at + i)]) << 4 |
							    digit(b->hex[2 * (at + i) + 1]));
	return (ssize_t)n;
}

/* Opens the guest's file @path and takes its names for @f. Returns false if it has none. */
static bool read_other(struct perf *p, struct guest_file *f, const char *path)
{
	size_t len;
	char *id = try(p, format("perf open %s", path), &len);
	struct bytes b = { .perf = p };
	bool taken;

	if (!id)
		return false;
	b.id = (unsigned int)strtoul(id, NULL, 10);
	free(id);
	taken = elf_names_take(f->names, elf_names_read(read_guest, &b));
	free(b.hex);
	return taken;
}

/* Takes the names for a stripped file from the files where debuggers search for them. */
static void read_stripped(struct perf *p, struct guest_file *f)
{
	const char *id = elf_names_build_id(f->names), *link = elf_names_debug_link(f->names);
	const char *slash = strrchr(f->path, '/');
	const char *dir = slash ? format("%.*s", (int)(slash - f->path), f->path) : "";

	if (id && read_other(p, f, format("/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2)))
		return;
	for (const char *c = link; c && *c; c++)
		if (*c <= ' ' || *c == '/')
			return;
	if (link && !read_other(p, f, format("%s/%s", dir, link)) &&
		!read_other(p, f, format("%s/.debug/%s", dir, link)))
		read_other(p, f, format("/usr/lib/debug%s/%s", dir, link));
}

/* Returns the file @id, below FILES_MAX, whose names are read at the first call. */
static struct guest_file *guest_file(struct perf *p, unsigned long id)
{
	struct guest_file *f = &p->files[id];
	struct bytes b = { .perf = p, .id = (unsigned int)id };
	size_t len;

	if (!f->names) {
		f->path = try(p, format("perf file %lu", id), &len) ?: "?";
		f->names = elf_names_read(read_guest, &b);
		free(b.hex);
		if (!ended)
			read_stripped(p, f);
	}
	return f;
}

/*
 * Returns the function at @word: an address of the kernel, or ID+OFFSET of a guest's file. Never
 * NULL.
 */
static const char *name_of(struct perf *p, const char *word, bool guest)
{
	unsigned long long at = strtoull(word, NULL, 16);
	const char *plus = strchr(word, '+'), *name, *base;
	struct guest_file *f;

	if (!guest) {
		name = elf_name(p->kernel, at, 1);
		return name ? format("%s_[k]", name) : "[unknown]_[k]";
	}
	if (!plus || at >= FILES_MAX)
		return "[no file]";
	f = guest_file(p, (unsigned long)at);
	name = elf_name(f->names, strtoull(plus + 1, NULL, 16), 0);
	base = strrchr(f->path, '/') ? strrchr(f->path, '/') + 1 : f->path;
	return name ? name : format("[%s]", base);
}

/* ---- samples ---- */

/* Names of the box above the task's name, which shows what the vCPU did. */
static const char *const kind_names[] = { "[kernel]", "[guest]", "[hand-off]", "[idle]" };

/* Adds @n samples of idle vCPUs. */
static void count_idle(struct perf *p, unsigned long long n)
{
	p->root.count += n;
	p->of_kind[IN_IDLE] += n;
	if (n)
		flame_add(&p->root, kind_names[IN_IDLE], n);
}

/*
 * Determines the kind of a sample in the kernel by its stack: the vCPU may have changed its
 * activity before the stack was taken.
 */
static enum kind kind_by_stack(struct perf *p, char **words, int n)
{
	for (int i = 0; i < n; i++) {
		const char *name = elf_name(p->kernel, strtoull(words[i], NULL, 16), 1);

		if (name && !strcmp(name, "skas_run"))
			return IN_HANDOFF;
		if (name && !strcmp(name, "arch_idle"))
			return IN_IDLE;
	}
	return IN_KERNEL;
}

/* Adds a sample such as "K1 1 sh ADDRESS ..." to the tree, the outermost function first. */
static void take_sample(struct perf *p, char *line)
{
	char *words[DEPTH], *first = strsep(&line, " "), *pid, *comm;
	unsigned long long weight = strtoull(first + 1, NULL, 10);
	enum kind kind = *first == 'U' ? IN_GUEST : IN_HANDOFF;
	struct flame *f;
	int n = 0;

	if (*first == 'L' || *first == 'I') {
		weight = line ? strtoull(line, NULL, 10) : 0;
		if (*first == 'L')
			p->lost += weight;
		else
			count_idle(p, weight);
		return;
	}
	pid = strsep(&line, " ");
	comm = strsep(&line, " ");
	if (!strchr("KUH", *first) || !weight || !pid || !comm)
		return;
	while (n < DEPTH && (words[n] = strsep(&line, " ")))
		n++;
	if (*first == 'K')
		kind = kind_by_stack(p, words, n);
	if (kind == IN_IDLE) {
		count_idle(p, weight);
		return;
	}
	p->root.count += weight;
	p->of_kind[kind] += weight;
	f = flame_add(flame_add(&p->root, comm, weight), kind_names[kind], weight);
	if (!n)
		flame_add(f, "[unknown]", weight);
	while (n--)
		f = flame_add(f, name_of(p, words[n], *first != 'K'), weight);
}

/* Takes the samples that the instance has collected. */
static void fetch(struct perf *p)
{
	size_t len;
	char *text = try(p, "perf read", &len), *at = text, *line;

	while (at && (line = strsep(&at, "\n")))
		if (*line)
			take_sample(p, line);
	free(text);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Prints a line "a;b;c COUNT" for each stack. @before: the path of the parent, or "". */
static void print_folded(FILE *out, const struct flame *f, const char *before)
{
	const char *all = *before ? format("%s;%s", before, f->name) : f->name;
	unsigned long long own = f->count;

	for (const struct flame *c = f->child; c; c = c->next) {
		own -= c->count;
		print_folded(out, c, all);
	}
	if (own)
		fprintf(out, "%s %llu\n", all, own);
}

/* Returns a new stream for the file, or dies. */
static FILE *open_output(const char *path)
{
	FILE *f = create_private(path);

	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

/* Returns how many samples there are of each kind, as numbers or as percentages. */
static const char *shares(const struct perf *p, bool percent)
{
	static const char *const what[] = { "kernel", "guest", "hand-off", "idle" };
	const char *text = "";

	for (int i = 0; i < KINDS; i++) {
		const char *comma = i ? ", " : "";

		if (percent)
			text = format("%s%s%s %.1f%%", text, comma, what[i],
				p->root.count ? 100.0 * p->of_kind[i] / p->root.count : 0);
		else
			text = format("%s%s%llu %s", text, comma, p->of_kind[i], what[i]);
	}
	return text;
}

/* Writes and closes both files. @folded may be NULL. */
static void finish(struct perf *p, FILE *svg, FILE *folded, const char *name)
{
	p->root.name = format("%llu samples", p->root.count);
	flame_write(svg, &p->root,
		format("%s: %llu samples at %d Hz of each vCPU: %s", name, p->root.count, p->hz,
			shares(p, true)));
	for (struct flame *c = folded ? p->root.child : NULL; c; c = c->next)
		print_folded(folded, c, "");
	if (fclose(svg) || (folded && fclose(folded)))
		die("%s: cannot write: %s", p->out, strerror(errno));
	fprintf(stderr, "%llu samples (%s), into %s\n", p->root.count, shares(p, false), p->out);
	if (p->lost)
		warn("%llu samples found no room", p->lost);
}

static void parse(struct perf *p, int argc, char **argv)
{
	char *end;

	for (int key; (key = next_option(&cmd_perf, argc, argv));) {
		switch (key) {
		case 'o': p->out = optarg; break;
		case 256: p->folded = optarg; break;
		case 'F':
			p->hz = (int)strtol(optarg, &end, 10);
			if (*end || p->hz < 1 || p->hz > 10000)
				die("perf: -F %s: not from 1 to 10000", optarg);
			break;
		case 'd':
			p->seconds = strtod(optarg, &end);
			if (end == optarg || *end || !(p->seconds > 0 && p->seconds < 1e6))
				die("perf: -d %s: not a number of seconds", optarg);
			break;
		}
	}
}

static int perf_command(int argc, char **argv)
{
	struct perf p = { .hz = 99, .seconds = 10, .out = "perf.svg" };
	struct timespec pause = { .tv_nsec = PAUSE_NS };
	const char *folder;
	FILE *svg, *folded;
	double end;

	parse(&p, argc, argv);
	folder = umid_folder(*take_words(&cmd_perf, argc, argv, 0, 1));
	read_kernel(&p, umid_pid(folder));
	umid_connect(&p.console, folder);
	svg = open_output(p.out);
	folded = p.folded ? open_output(p.folded) : NULL;
	on_ending_signals(on_signal);
	must(&p, format("perf start %d", p.hz));
	for (end = now() + p.seconds; !ended && now() < end; nanosleep(&pause, NULL)) {
		fetch(&p);
		progress("profile", NULL, (uint64_t)((p.seconds - (end - now())) * 1000),
			(uint64_t)(p.seconds * 1000));
	}
	progress_end();
	fetch(&p);
	must(&p, "perf stop");
	finish(&p, svg, folded, strrchr(folder, '/') + 1);
	return 0;
}

static const struct option_row options[] = {
	{ 'o', "output", "FILE", "the picture (perf.svg)" },
	{ 'd', "duration", "SECONDS", "duration (10); Ctrl-C ends it earlier" },
	{ 'F', "frequency", "HZ", "samples a second of each vCPU (99)" },
	{ 256, "folded", "FILE",
		"also write the stacks as text: names between semicolons, and a count" },
	{ 0 },
};

const struct command cmd_perf = {
	.name = "perf",
	.args = "[UMID]",
	.help = "Shows where an instance spends its time: a flame graph, as SVG.",
	.text = "It samples all vCPUs, and names the functions of the kernel and of the guest's "
		"programs. A box above a task's name says what it did: [kernel], [guest] for its "
		"own code, [hand-off] on the way between the two; [idle] is a vCPU without work. "
		"A program's stack is as deep as its frame pointers lead. Open the file in a "
		"browser; a click on a box enlarges it.",
	.options = options,
	.run = perf_command,
};
