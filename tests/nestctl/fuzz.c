/* SPDX-License-Identifier: MIT */
/*
 * fuzz.c: feeds nestctl damaged input: root tarballs, images of layers with their JSON, programs
 * whose functions are looked up. Built with asan and ubsan from nestctl's own files, except that
 * fakes replace what writes the ext4 and check what they are given. A crash or a hang says which
 * execution it was; EXECUTIONS 1 with that START runs it alone.
 *
 *	fuzz SEED EXECUTIONS START FILE...	FILEs are tars, plain or compressed, and ELF files
 *	fuzz SEED EXECUTIONS START --write DIR	writes the generated tars to DIR, for nestctl
 *
 * Three of four executions correct the checksums of tar headers, and the digests and sizes of blobs
 * are those of the damaged data, so that the code after these checks is tested too. Executions run
 * in children, a hundred in each, which frees what die() leaves in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sanitizer/common_interface_defs.h>

#include "tests/fuzz.h"
#include "tests/nestctl/stand_in.h"
#include "tools/nestctl/image/bundle.h"
#include "tools/nestctl/watch/elf_names.h"
#include "tools/nestctl/image/ext4_image.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/image/layers.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/image/sha256.h"

#define FILE_MAX (256UL << 10)
#define SEEDS 24
#define BATCH 100
#define BLOCK 512UL
#define RECORDS_MAX 4096

struct bytes {
	uint8_t *p;
	size_t n;
};
static struct bytes seeds[SEEDS];
static int nr_seeds;
static jmp_buf refused;
static struct shared {
	unsigned long execution, written, symbols;
} * shared;

static void hangs(int sig)
{
	say_where();
	_exit(3);
}

static void broken(const char *what, const char *path)
{
	fprintf(stderr, "ERROR: %s: '%s'\n", what, path);
	say_where();
	_exit(4);
}

/* ---- in place of util.c, output.c and progress.c ---- */

void die(const char *fmt, ...)
{
	char text[8192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (strstr(text, "(null)"))
		broken("a message without its reason", text);
	longjmp(refused, 1);
}

void warn(const char *fmt, ...)
{
}

void write_all(int fd, const void *data, size_t size, const char *what)
{
	if (write(fd, data, size) != (ssize_t)size)
		die("%s: cannot write", what);
}

int temporary_file(const char *what)
{
	return memfd_create(what, MFD_CLOEXEC);
}

void progress(const char *verb, const char *path, uint64_t done, uint64_t total)
{
}

/* ---- in place of ext4_image.c ---- */

static struct record {
	char *path;
	mode_t type;
} records[RECORDS_MAX];
static int nr_records;
static uint64_t file_size;

/* Returns the mode of the entry with the first @n bytes of @path as path, or NULL. */
static mode_t *type_of(const char *path, size_t n)
{
	for (int i = 0; i < nr_records; i++)
		if (!strncmp(records[i].path, path, n) && !records[i].path[n])
			return &records[i].type;
	return NULL;
}

/* Ends the run if @path has a bad component or leads through a file. */
static void check_path(const char *path)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		mode_t *type;

		if (!n || n > 255 || (n == 1 && *p == '.') || (n == 2 && !strncmp(p, "..", 2)))
			broken("a path that cannot be", path);
		p += n + (p[n] == '/');
		type = *p ? type_of(path, (size_t)(p - path) - 1) : NULL;
		if (type && !S_ISDIR(*type))
			broken("a path through what is no folder", path);
	}
}

void ext4_image_add(struct ext4_image *im, const struct entry *e)
{
	mode_t *old = type_of(e->path, strlen(e->path)), *to = NULL;

	check_path(e->path);
	if (e->hardlink) {
		to = type_of(e->hardlink, strlen(e->hardlink));
		if (!to || S_ISDIR(*to))
			broken("a hard link to what is not there", e->hardlink);
	}
	if (old && (!S_ISDIR(*old) || e->hardlink || !S_ISDIR(e->mode)))
		broken("a name twice", e->path);
	if (!e->hardlink && S_ISLNK(e->mode) && (!e->symlink || !*e->symlink))
		broken("a symbolic link to nothing", e->path);
	if (nr_records == RECORDS_MAX)
		die("enough");
	file_size = !e->hardlink && S_ISREG(e->mode) ? e->size : 0;
	records[nr_records++] = (struct record){ strdup(e->path), to ? *to : e->mode };
}

void ext4_image_write(struct ext4_image *im, const void *data, size_t size, uint64_t offset)
{
	if (offset > file_size || size > file_size - offset)
		broken("data past the end", records[nr_records - 1].path);
	if (size && ((const char *)data)[size - 1] == 1)
		shared->written++;
	shared->written++;
}

void ext4_image_xattr(struct ext4_image *im, const char *name, const void *value, size_t size)
{
	if (!strchr(name, '.'))
		broken("an attribute of no kind", name);
}

/* ---- tars ---- */

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[8], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar's block");

static const char *word(const char *const *words, size_t n)
{
	return words[rnd() % n];
}

static const char *a_name(void)
{
	static const char *const parts[] = { "a", "b", "a", "b", "c", ".", "", "dir", ".wh.a",
		".wh.b", ".wh..wh..opq", ".wh.", ".wh..", ".wh..wh.plnk", "bin", "etc", "..",
		"index.json", "lost+found" };
	static char name[100];
	int n = 1 + (int)(rnd() % 3);

	name[0] = 0;
	for (int i = 0; i < n; i++)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s%s",
			i || rnd() % 8 == 0 ? "/" : "",
			word(parts, sizeof(parts) / sizeof(parts[0]) - (rnd() % 16 != 0) * 3));
	return name;
}

static void add_sum(struct header *h)
{
	unsigned int sum = 0;

	memset(h->sum, ' ', sizeof(h->sum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += ((uint8_t *)h)[i];
	snprintf(h->sum, sizeof(h->sum), "%06o", sum & 0777777);
}

static struct bytes make_tar(void)
{
	static uint8_t out[64 * 3 * BLOCK];
	static const char types[] = "0000000055551112234656x";
	size_t n = 0;

	memset(out, 0, sizeof(out));
	for (int i = 1 + (int)(rnd() % 24); i; i--) {
		struct header *h = (struct header *)(out + n);
		size_t size = rnd() % 4 ? rnd() % 600 : 0;

		snprintf(h->name, sizeof(h->name), "%s", a_name());
		snprintf(h->link, sizeof(h->link), "%s%s", rnd() % 4 ? "" : "../", a_name());
		h->type = types[rnd() % (sizeof(types) - 1)];
		if (!strchr("05x", h->type) || h->type == '5')
			size = 0;
		snprintf(h->mode, sizeof(h->mode), "%06o", (unsigned int)(rnd() & 07777));
		snprintf(h->uid, sizeof(h->uid), "%o", (unsigned int)(rnd() & 0xffff));
		snprintf(h->gid, sizeof(h->gid), "%o", (unsigned int)(rnd() & 0xffff));
		snprintf(h->size, sizeof(h->size), "%o", (unsigned int)size);
		snprintf(h->mtime, sizeof(h->mtime), "%o", (unsigned int)(rnd() & 0x7fffffff));
		memcpy(h->magic, "ustar\00000", 8);
		snprintf(h->major, sizeof(h->major), "%o", (unsigned int)(rnd() % 300));
		snprintf(h->minor, sizeof(h->minor), "%o", (unsigned int)(rnd() % 300));
		add_sum(h);
		n += BLOCK;
		if (h->type == 'x')
			snprintf((char *)out + n, size + 1, "%s",
				word((const char *const[]){ "20 path=a/../../b/c\n",
					     "22 size=9999999999999\n", "30 mtime=-99999999999.5\n",
					     "19 uid=4294967295\n", "18 linkpath=/../a\n" },
					5));
		n += (size + BLOCK - 1) / BLOCK * BLOCK;
	}
	return (struct bytes){ out, n + 2 * BLOCK };
}

static void spoil(uint8_t *p, size_t n, unsigned int times)
{
	static const uint64_t few[] = { 0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 1UL << 62,
		~0UL, 1UL << 63 };

	while (times-- && n > 8) {
		size_t at = rnd() % 3 ? rnd() % n : rnd() % (n < 1024 ? n : 1024);
		uint64_t v = few[rnd() % (sizeof(few) / sizeof(few[0]))];

		at = at > n - 8 ? n - 8 : at;
		switch (rnd() % 5) {
		case 0: p[at] ^= (uint8_t)(1U << rnd() % 8); break;
		case 1: p[at] = (uint8_t)rnd(); break;
		case 2: memcpy(p + at / 4 * 4, &v, 4); break;
		case 3: memcpy(p + at / 8 * 8, &v, 8); break;
		default: memcpy(p + at, p + rnd() % (n - 7), 8);
		}
	}
}

/* Corrects the checksums of all tar headers. */
static void mend_sums(uint8_t *p, size_t n)
{
	for (size_t at = 0; at + BLOCK <= n; at += BLOCK)
		if (!memcmp(((struct header *)(p + at))->magic, "ustar", 5))
			add_sum((struct header *)(p + at));
}

/* Returns a generated tar or a seed, whole or damaged. The next call overwrites it. */
static struct bytes a_tar(void)
{
	static uint8_t copy[FILE_MAX];
	struct bytes b =
		nr_seeds && rnd() % 3 == 0 ? seeds[rnd() % (unsigned int)nr_seeds] : make_tar();

	memcpy(copy, b.p, b.n);
	if (rnd() % 3 == 0)
		spoil(copy, b.n, 1 + rnd() % 6);
	if (rnd() % 4)
		mend_sums(copy, b.n);
	return (struct bytes){ copy, rnd() % 16 ? b.n : 1 + rnd() % b.n };
}

static struct blob blob_of(const char *name, struct bytes b)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || write(fd, b.p, b.n) != (ssize_t)b.n)
		abort();
	return (struct blob){ .name = name, .fd = fd, .size = b.n };
}

static void write_layers(struct layers *l)
{
	uint64_t files, size;

	layers_finish(l, &files, &size);
	layers_write(l, NULL);
}

static void fuzz_tar(void)
{
	static struct blob blobs[4];
	struct layers *l = layers_new();
	bool whiteouts = rnd() % 2;
	int n = 1 + (int)(rnd() % 4);

	for (int i = 0; i < n; i++) {
		blobs[i] = blob_of("layer", a_tar());
		layers_add(l, &blobs[i], whiteouts);
	}
	write_layers(l);
}

/* ---- images of layers ---- */

/* Returns @text, changed in half of the calls. */
static const char *spoilt(char *text)
{
	static const char *const words[] = { "null", "[]", "{}", "\"\"", "-1", "1e9", "true",
		"[[[[", "\"\\ud83d\\ude00\"", "\"\\u0000\"", "\"\\udc00\"", "18446744073709551616",
		"\"a\"", "\"../x\"", "\\", "\"" };
	size_t n = strlen(text), at, k;
	const char *w;

	if (rnd() % 2 || n < 8)
		return text;
	if (rnd() % 2) {
		for (int i = 1 + (int)(rnd() % 3); i; i--)
			text[rnd() % n] = (char)(1 + rnd() % 255);
		return text;
	}
	at = rnd() % n;
	w = words[rnd() % (sizeof(words) / sizeof(words[0]))];
	for (k = strcspn(text + at, ",:]}"); at + k < n && rnd() % 2; k++)
		;
	return format("%.*s%s%s", (int)at, text, w, text + (at + k > n ? n : at + k));
}

static const char *hex_of(struct bytes b)
{
	struct sha256 s;
	char *text = xalloc(65);

	sha256_begin(&s);
	sha256_add(&s, b.p, b.n);
	sha256_end(&s, text);
	return text;
}

static size_t add_member(uint8_t *out, const char *name, const void *data, size_t size)
{
	struct header *h = (struct header *)out;

	memset(out, 0, BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK);
	snprintf(h->name, sizeof(h->name), "%s", name);
	snprintf(h->size, sizeof(h->size), "%o", (unsigned int)size);
	h->type = '0';
	memcpy(h->magic, "ustar\00000", 8);
	add_sum(h);
	memcpy(out + BLOCK, data, size);
	return BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
}

static size_t add_blob(uint8_t *out, const void *data, size_t size, const char **hex)
{
	*hex = hex_of((struct bytes){ (uint8_t *)data, size });
	return add_member(out, format("blobs/sha256/%s", *hex), data, size);
}

static void fuzz_image(void)
{
	static uint8_t out[2 * FILE_MAX];
	struct bytes layer = a_tar();
	const char *layer_hex, *config_hex, *manifest_hex, *text;
	bool saved = rnd() % 3 == 0;
	struct layers *l = layers_new();
	struct container c;
	struct blob blob;
	size_t n;

	layer.n = layer.n > FILE_MAX / 2 ? FILE_MAX / 2 : layer.n;
	n = add_blob(out, layer.p, layer.n, &layer_hex);
	text = spoilt(format(
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"A=b\","
		"\"B=\"],\"Entrypoint\":[\"/bin/sh\",\"-c\"],\"Cmd\":[\"x\"],\"WorkingDir\":\"/w\","
		"\"User\":\"7:8\"},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
		layer_hex));
	if (saved) {
		n += add_member(out + n, "config.json", text, strlen(text));
		text = spoilt(
			format("[{\"Config\":\"config.json\",\"Layers\":[\"blobs/sha256/%s\"]}]",
				layer_hex));
		n += add_member(out + n, "manifest.json", text, strlen(text));
	} else {
		n += add_blob(out + n, text, strlen(text), &config_hex);
		text = spoilt(format(
			"{\"config\":{\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":[{"
			"\"mediaType\":"
			"\"application/"
			"vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:%s\",\"size\":%zu}]}",
			config_hex, strlen(text), layer_hex, layer.n));
		n += add_blob(out + n, text, strlen(text), &manifest_hex);
		text = spoilt(
			format("{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:%s\","
			       "\"size\":%zu,"
			       "\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"}}]}",
				manifest_hex, strlen(text)));
		n += add_member(out + n, "index.json", text, strlen(text));
	}
	blob = blob_of("image", (struct bytes){ out, n + 2 * BLOCK });
	c = container_read(bundle_open_tar(&blob), "image");
	for (size_t i = 0; i < c.nr; i++)
		layers_add(l, &c.layers[i], true);
	write_layers(l);
}

/* ---- programs ---- */

static ssize_t read_bytes(void *arg, void *buf, size_t n, uint64_t off)
{
	const struct bytes *b = arg;

	if (off >= b->n)
		return 0;
	n = n < b->n - off ? n : b->n - off;
	n = n > 4000 ? 4000 : n;
	memcpy(buf, b->p + off, n);
	return (ssize_t)n;
}

static void fuzz_elf(void)
{
	static uint8_t copy[FILE_MAX];
	struct bytes b = seeds[rnd() % (unsigned int)nr_seeds];
	uint64_t table;
	struct elf_names *e;

	memcpy(copy, b.p, b.n);
	memcpy(&table, copy + 40, 8); /* e_shoff */
	spoil(copy, 64, rnd() % 2);
	if (table < b.n)
		spoil(copy + table, b.n - table, rnd() % 5);
	spoil(copy, b.n, rnd() % 4);
	b.p = copy;
	e = elf_names_read(read_bytes, &b);
	for (int i = 0; i < 50; i++) {
		const char *name = elf_name(e, rnd() % 3 ? rnd() % 20000 : rnd(), (int)(rnd() % 2));

		shared->symbols += name && strlen(name) > 0;
	}
}

/* ---- executions ---- */

static bool is_elf(const struct bytes *b)
{
	return b->n > 64 && !memcmp(b->p, "\177ELF", 4);
}

static void execute(uint64_t seed)
{
	rnd_begin(seed);
	nr_records = 0;
	if (setjmp(refused))
		return;
	if (nr_seeds && is_elf(&seeds[0]))
		fuzz_elf();
	else if (rnd() % 3)
		fuzz_tar();
	else
		fuzz_image();
}

static void load(const char *path)
{
	FILE *f = fopen(path, "re");
	struct bytes *b = &seeds[nr_seeds++];

	b->p = calloc(1, FILE_MAX);
	b->n = f ? fread(b->p, 1, FILE_MAX, f) : 0;
	if (b->n < 64 || b->n == FILE_MAX || nr_seeds == SEEDS)
		abort();
	fclose(f);
}

/* Runs executions up to @end in a child, and exits. */
static void run_some(uint64_t seed, unsigned long end)
{
	struct itimerval limit = { .it_value.tv_sec = 60 };

	__sanitizer_set_death_callback(say_where);
	signal(SIGPROF, hangs); /* CPU time: the host may be busy */
	setitimer(ITIMER_PROF, &limit, NULL);
	for (; execution < end; execution++) {
		execute(seed);
		closefrom(3);
	}
	_exit(0);
}

static void write_tars(uint64_t seed, unsigned long runs, const char *dir)
{
	for (; runs--; execution++) {
		rnd_begin(seed);
		struct bytes b = a_tar();
		FILE *f = fopen(format("%s/%lu.tar", dir, execution), "we");

		if (!f || fwrite(b.p, 1, b.n, f) != b.n || fclose(f))
			abort();
	}
}

int main(int argc, char **argv)
{
	unsigned long seed = strtoul(argv[1], NULL, 0), runs = strtoul(argv[2], NULL, 0);
	unsigned long end = strtoul(argv[3], NULL, 0) + runs;
	int status = 0;

	execution = end - runs;
	if (argc > 5 && !strcmp(argv[4], "--write")) {
		write_tars(seed, runs, argv[5]);
		return 0;
	}
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 4; i < argc; i++)
		load(argv[i]);
	for (; execution < end && !status; execution += BATCH) {
		fflush(stdout);
		if (!fork())
			run_some(seed, execution + BATCH < end ? execution + BATCH : end);
		if (wait(&status) < 0)
			abort();
	}
	if (status) {
		fprintf(stderr, "ended with status %#x\n", status);
		return 1;
	}
	printf("ok      %lu executions, %lu pieces of files, %lu functions\n", runs,
		shared->written, shared->symbols);
	return shared->written || shared->symbols ? 0 : 1;
}
