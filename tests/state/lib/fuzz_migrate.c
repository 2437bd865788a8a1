/* SPDX-License-Identifier: MIT */
/*
 * fuzz_migrate.c: gives a receiver of migrations streams that no source sends. Each is taken, or
 * refused with a line. Only files of a state are made, in the folder, and none is larger than a
 * message said. Built with sanitizers by tests/state/fuzz.
 *
 *	fuzz_migrate SEED EXECUTIONS START FOLDER	the folder is empty
 */
#include <dirent.h>
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
#include "tools/nestctl/migrate/migrate.h"

#define STREAM_MAX (4U << 20)
#define FILE_LARGE (1ULL << 46)
#define BATCH 100

static int dir;
/* the largest size in a message of the present stream, up to FILE_LARGE */
static uint64_t largest;
static struct shared {
	unsigned long taken, files;
} * shared;

static uint32_t roll(uint32_t end)
{
	return end ? (uint32_t)(rnd() % end) : 0;
}

/* ---- the stream ---- */

static uint8_t stream[STREAM_MAX];
static size_t used;

static void put(const void *p, size_t n)
{
	if (!n || used + n > STREAM_MAX)
		return;
	memcpy(stream + used, p, n);
	used += n;
}

static void message(uint32_t type, const void *p, uint32_t n)
{
	struct mig_head h = { .type = type, .length = n };

	h.sum = ~crc32c_add(crc32c_add(~0U, &h, sizeof(h)), p, n);
	if (!roll(300))
		h.sum ^= 1U << roll(32);
	if (!roll(300))
		h.length = roll(2) ? roll(1000) : (uint32_t)-1 - roll(100);
	if (!roll(300))
		h.type = roll(20);
	put(&h, sizeof(h));
	put(p, n);
}

static uint64_t number(void)
{
	static const uint64_t some[] = { 0, 1, 4095, 4096, 65536, 1ULL << 31, 1ULL << 40,
		1ULL << 46, 1ULL << 63, UINT64_MAX, UINT64_MAX - 4095 };

	return roll(2) ? roll(1 << 18) : some[roll(sizeof(some) / sizeof(some[0]))];
}

static void name(char to[MIG_NAME])
{
	static const char *const some[] = { "memory", "memory.1", "memory.7", "memory.8",
		"ubd0.layer", "ubd0.layer.1", "ubd15.layer.7", "ubd16.layer", "image 0", "image 1",
		"image 31", "image 32", "image -1", "", ".", "..", "../memory", "/tmp/x",
		"state.json", "state.seal", "was.memory", "memory/", "mem\nory", "key" };

	memset(to, roll(50) ? 0 : 'x', MIG_NAME);
	if (roll(50))
		strcpy(to, some[roll(roll(3) ? 6 : sizeof(some) / sizeof(some[0]))]);
}

static void data(uint64_t size)
{
	static uint8_t body[8 + 70000];
	uint64_t at =
		roll(4) && size ? roll((uint32_t)(size < 1 << 18 ? size : 1 << 18)) : number();
	uint32_t n = roll(8) ? roll(5000) : roll(sizeof(body));

	memset(body, (int)roll(3), sizeof(body));
	memcpy(body, &at, 8);
	message(MIG_DATA, body, n);
}

static void file(void)
{
	struct mig_file f = { .size = number(), .over = roll(20) ? roll(2) : roll(1 << 20) };
	struct mig_zero z;

	name(f.name);
	if (f.size > largest && f.size <= FILE_LARGE)
		largest = f.size;
	message(MIG_FILE, &f, roll(50) ? sizeof(f) : roll(sizeof(f) + 1));
	for (uint32_t i = roll(5); i; i--) {
		z = (struct mig_zero){ number(), number() };
		if (roll(3))
			data(f.size);
		else
			message(MIG_ZERO, &z, roll(50) ? sizeof(z) : roll(sizeof(z) + 1));
	}
	if (roll(30))
		message(MIG_DONE, NULL, 0);
}

static void offer(void)
{
	static const char good[] = "{ \"umid\": \"a\", \"kernel\": \"/k\", \"build\": \"12ab\", "
				   "\"flags\": \"fpu sse\", "
				   "\"mem\": 67108864, \"bytes\": 4096, \"shared\": 0, \"images\": "
				   "[ { \"path\": \"/i/x\", "
				   "\"size\": 5, \"mtime\": 4, \"mtime_ns\": 5, \"sum\": 77 } ] }";
	char text[sizeof(good)];
	uint32_t n = sizeof(good) - 1;

	memcpy(text, good, sizeof(good));
	for (uint32_t i = roll(2) ? roll(5) : 0; i; i--)
		text[roll(n)] = roll(2) ? (char)roll(256) : "{}[]\",:-9"[roll(9)];
	message(MIG_OFFER, text, roll(20) ? n : roll(n));
}

static void make_stream(void)
{
	struct mig_hello hello = { .magic = MIG_MAGIC, .version = MIG_VERSION };
	struct mig_keep k;
	uint64_t n;

	used = 0;
	largest = 0;
	if (!roll(50))
		hello.magic[roll(8)] ^= 1;
	if (!roll(50))
		hello.version = roll(100);
	put(&hello, sizeof(hello));
	offer();
	for (uint32_t i = roll(20); i; i--)
		switch (roll(8)) {
		case 0: message(MIG_ROUND, &n, roll(20) ? sizeof(n) : roll(9)); break;
		case 1: message(MIG_ALIVE, &n, roll(2)); break;
		case 2:
			name(k.from);
			name(k.name);
			message(MIG_KEEP, &k, roll(50) ? sizeof(k) : roll(sizeof(k) + 1));
			break;
		default: file(); break;
		}
	if (roll(2))
		message(roll(2) ? MIG_LAST : MIG_REFUSED, "no", 2);
	if (!roll(4) && used)
		used = roll((uint32_t)used);
}

/* ---- the receiver ---- */

static void take_all(void *arg)
{
	struct apply *a = arg;
	struct message m;
	struct offer o;

	conn_begin(a->conn, 1000);
	m = conn_expect(a->conn, MIG_OFFER, 1);
	o = offer_parse(&m);
	if (o.nr_images > MIG_IMAGES)
		abort();
	for (;;) {
		m = conn_receive(a->conn);
		if (m.type == MIG_FILE)
			apply_file(a, &m);
		else if (m.type == MIG_KEEP)
			apply_keep(a, &m);
		else if (m.type == MIG_ROUND && m.length == sizeof(uint64_t))
			apply_round(a);
		else
			return;
	}
}

static void __attribute__((noreturn)) wrong(const char *what)
{
	dprintf(2, "ERROR: %s\n", what);
	say_where();
	abort();
}

/* Removes all files. Ends the run at a file that must not exist. */
static void sweep(void)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));

	for (struct dirent *e; d && (e = readdir(d));) {
		const char *own = strncmp(e->d_name, "was.", 4) ? e->d_name : e->d_name + 4;
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (mig_number(own) < 0 || fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
			!S_ISREG(st.st_mode) || (uint64_t)st.st_size > largest)
			wrong(format("a file that may not be: %s", e->d_name));
		unlinkat(dir, e->d_name, 0);
		shared->files++;
	}
	if (d)
		closedir(d);
}

static void execute(uint64_t seed)
{
	struct conn c = { .peer = "the source",
		.in = memfd_create("stream", 0),
		.out = open("/dev/null", O_WRONLY) };
	struct apply a = { .conn = &c, .dirfd = dir, .wanted = 3 };
	const char *line;

	rnd_begin(seed);
	make_stream();
	a.image[0] = memfd_create("image", 0);
	a.image[1] = memfd_create("image", 0);
	if (write(c.in, stream, used) != (ssize_t)used || lseek(c.in, 0, SEEK_SET))
		abort();
	line = attempt(take_all, &a);
	if (line && (!*line || strchr(line, '\n')))
		wrong(format("not one line: '%s'", line));
	shared->taken += !line;
	sweep();
	close(c.in);
	close(c.out);
	close(a.image[0]);
	close(a.image[1]);
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
	return what;
}

const char *image_dir(void)
{
	return "images";
}

int main(int argc, char **argv)
{
	unsigned long runs, end;

	if (argc != 5)
		return 2;
	runs = strtoul(argv[2], NULL, 0);
	execution = strtoul(argv[3], NULL, 0);
	end = execution + runs;
	dir = open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		abort();
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	__sanitizer_set_death_callback(say_where);
	for (; execution < end; execution += BATCH)
		if (run_batch(strtoul(argv[1], NULL, 0),
			    execution + BATCH < end ? execution + BATCH : end))
			return 1;
	printf("ok      %lu executions, %lu streams taken, %lu files made\n", runs, shared->taken,
		shared->files);
	return shared->taken && shared->files ? 0 : 1;
}
