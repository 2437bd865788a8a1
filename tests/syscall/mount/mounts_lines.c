/* SPDX-License-Identifier: MIT */
/*
 * mounts_lines: lines of /proc/PID/mounts, mountinfo and mountstats that are longer than a page,
 * and options and types with blanks and line feeds. statmount() gives options without escapes, and
 * long paths whole.
 */
#include "guest.h"
#include "mounts.h"

#define FORGED "q\nfake /mnt ext4 rw 0 0\nz"

/* Sums up the lines of @file: those of the devices first, second and third. */
static void lines(const char *file)
{
	size_t size = 0;
	char *line = NULL;
	FILE *f = fopen(file, "r");
	ssize_t n;

	say("%s", file);
	while (f && (n = getline(&line, &size, f)) > 0) {
		const char *dev = strstr(line, "first")  ? "first" :
				  strstr(line, "second") ? "second" :
				  strstr(line, "third")  ? "third" :
							   NULL;

		if (dev)
			say(" %s: more than two pages %d, ends %d, others in it %d", dev, n > 8192,
				line[n - 1] == '\n',
				!!strstr(line, " proc ") + !!strstr(line, " tmpfs x"));
		if (!strncmp(line, "fake", 4) || !strncmp(line, "root", 4))
			say(" %s", line);
	}
	free(line);
	if (f)
		fclose(f);
}

static void go_down(int n)
{
	char name[201];

	memset(name, ' ', 200);
	name[200] = 0;
	while (n--) {
		NEED(mkdir(name, 0755));
		NEED(chdir(name));
	}
}

/*
 * Returns what statmount() says of the mount on @place when asked for @what (STATMOUNT_*). @word:
 * index of the text's offset in the answer, in 32-bit words.
 */
static const char *text_of(const char *place, uint64_t what, int word)
{
	struct {
		uint32_t size, fd;
		uint64_t id, param, ns;
	} r = { 24, 0, 0, what, 0 };
	static uint32_t answer[16384];
	uint64_t x[32] = { 0 };

	NEED(syscall(SYS_statx, AT_FDCWD, place, 0, 0x4000, x));
	r.id = x[0x90 / 8];
	NEED(syscall(457, &r, answer, sizeof(answer), 0));
	return (const char *)answer + 512 + answer[word];
}

/* True if @path is longer than PATH_MAX, begins with "/" and ends with "/n". */
static bool whole(const char *path)
{
	size_t n = strlen(path);

	return n > PATH_MAX && *path == '/' && !strcmp(path + n - 2, "/n");
}

static void long_lines(void)
{
	static char data[4096] = "lowerdir=a";
	char name[202];
	int top = NEED(open(".", O_RDONLY | O_DIRECTORY));

	memset(name, ' ', 200);
	name[200] = 0;
	NEED(mkdir("a", 0755));
	NEED(mkdir("o", 0755));
	for (int i = 0; i < 18; i++) {
		name[0] = (char)('a' + i);
		NEED(mkdir(name, 0755));
		strcat(data, ":");
		strcat(data, name);
	}
	NEED(mount("first", "o", "overlay", 0, data));
	go_down(23);
	NEED(mkdir("m", 0755));
	NEED(mkdir("n", 0755));
	NEED(mount("second", "m", "tmpfs", 0, NULL));
	NEED(mount("n", "m", NULL, MS_BIND, NULL));
	NEED(mount("third", "n", "tmpfs", 0, NULL));
	lines("/proc/self/mounts");
	lines("/proc/self/mountinfo");
	lines("/proc/self/mountstats");
	GIS(whole(text_of("m", 0x8, 26)));  /* the root */
	GIS(whole(text_of("n", 0x10, 27))); /* the mountpoint */
	NEED(umount2("n", MNT_DETACH));
	NEED(umount2("m", MNT_DETACH));
	NEED(umount2("m", MNT_DETACH));
	NEED(fchdir(top));
	NEED(umount2("o", MNT_DETACH));
}

/* Prints what a line of @file has from @from to the next of the characters @stops. */
static void part(const char *file, const char *from, const char *stops)
{
	static char line[65536];
	FILE *f = fopen(file, "r");

	while (f && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, from);

		if (at)
			say("%s: %.*s", file, (int)strcspn(at, stops), at);
	}
	if (f)
		fclose(f);
}

/* Returns the second option of the mount on "o", as STATMOUNT_OPT_ARRAY has it. */
static const char *upper_option(void)
{
	const char *first = text_of("o", 0x400, 33);

	return first + strlen(first) + 1;
}

static void forged(void)
{
	char data[80];
	int fd;

	NEED(mkdir("q\nfake ", 0755));
	NEED(mkdir("q\nfake /mnt ext4 rw 0 0\nz", 0755));
	NEED(mkdir("x,y", 0755));
	NEED(mkdir("l", 0755));
	NEED(mkdir("c:d", 0755));
	T(mount("x", "o", "overlay", 0, "lowerdir=" FORGED ":l:c\\:d:x\\,y"));
	part("/proc/self/mounts", "lowerdir=", ", \n");
	part("/proc/self/mountinfo", "lowerdir=", ", \n");
	lines("/proc/self/mounts");
	T(umount("o"));
	T(mount("x", "o", "overlay", 0, "lowerdir=l,upperdir=x\\,y,workdir=a"));
	part("/proc/self/mounts", "upperdir=", ", \n");
	GT(upper_option(), "upperdir=x\\,y");
	T(umount("o"));
	fd = open("/dev/fuse", O_RDWR);
	snprintf(data, sizeof(data), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	T(mount("dev,\\ #", "o", "fuse.a\\,#\nroot / ext4 rw", 0, data));
	part("/proc/self/mounts", "fuse.", " ");
	part("/proc/self/mountinfo", "fuse.", " ");
	part("/proc/self/mountstats", "fuse.", "\n");
	T(umount("o"));
	close(fd);
}

TEST(mounts_lines)
{
	own_mounts();
	scratch_enter(NULL);
	long_lines();
	forged();
	scratch_leave();
}
