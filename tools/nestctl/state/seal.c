/* SPDX-License-Identifier: MIT */
/*
 * seal.c: proves that this user's nestctl has made a state. To continue from a state is to run it
 * as a program, with the kernel that it names. The folder's owner proves nothing, since any program
 * that unpacks an archive makes such folders.
 *
 * The file state.seal has codes (HMAC-SHA-256) under a key of the user, which is made at its first
 * use:
 *
 *	nestling-seal 1
 *	key ID        identifies the key, without revealing it
 *	here CODE     over state.json, and of each file the name, size, inode, mtime and birth time
 *	copy CODE     over state.json and the SHA-256 of each file's content; exported states only
 *
 * "here" costs one statx(2) for each file. It matches as long as nothing has written to the files
 * that were made in this folder: no program can set a birth time. The ctime cannot be used, since
 * it changes when another state links to the file. "here" does not match copies of the files. A
 * state that comes from elsewhere needs "copy", for which all files are read; after that a new
 * "here" is written. Device numbers are not compared, since they may change at a reboot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/sha256.h"
#include "tools/nestctl/state/state.h"

#define KEY_SIZE 32
#define ID_CHARS 16
#define HEAD "nestling-seal 1\n"
#define SEAL_MAX 512
#define FRESH STATE_SEAL ".new"

/* ---- the key ---- */

/* The user's key, and its id, a digest. */
struct key {
	uint8_t bytes[KEY_SIZE];
	char id[65]; /* the first ID_CHARS are used */
};

/* Returns the path of the key's file, or NULL if the environment names no home. */
static const char *key_file(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && *config == '/')
		return format("%s/nestling/state.key", config);
	return home && *home == '/' ? format("%s/.config/nestling/state.key", home) : NULL;
}

/* Reads the key from @fd. Returns an error's text, or NULL. */
static const char *take_key(int fd, struct key *k)
{
	struct stat st;
	uint8_t more;
	struct hmac h;

	if (fstat(fd, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return "it is not a file of this user";
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return "other users may use it: its mode must be 600";
	if (pread(fd, k->bytes, KEY_SIZE, 0) != KEY_SIZE || pread(fd, &more, 1, KEY_SIZE) != 0)
		return "it is no key: it has not 32 bytes";
	hmac_begin(&h, k->bytes, KEY_SIZE);
	hmac_add(&h, "id", 2);
	hmac_end(&h, k->id);
	return NULL;
}

/* Makes a key, unless another process makes it first. Returns an error's text, or NULL. */
static const char *make_key(const char *path)
{
	const char *slash = strrchr(path, '/'), *fault = NULL;
	char *dir = format("%.*s", (int)(slash - path), path);
	char *fresh = format("%s.%d", path, (int)getpid());
	char above[PATH_MAX];
	uint8_t bytes[KEY_SIZE];
	int fd;

	if ((size_t)snprintf(above, sizeof(above), "%s", dir) >= sizeof(above))
		return strerror(ENAMETOOLONG);
	for (char *p = above + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(above, 0700);
	}
	mkdir(dir, 0700);
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return strerror(errno);
	errno = ENOSPC; /* reported for a short write */
	if (getrandom(bytes, KEY_SIZE, 0) != KEY_SIZE || write(fd, bytes, KEY_SIZE) != KEY_SIZE ||
		fsync(fd) || (link(fresh, path) && errno != EEXIST))
		fault = strerror(errno);
	unlink(fresh);
	close(fd);
	return fault;
}

/* Reads the key. @make: makes it if there is none. Returns an error's text, or NULL. */
static const char *read_key(struct key *k, bool make)
{
	const char *path = key_file(), *fault;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;

	if (!path)
		return "neither XDG_CONFIG_HOME nor HOME is set, so there is no key for seals";
	if (fd < 0 && errno == ENOENT && make) {
		fault = make_key(path);
		if (fault)
			return format("%s: %s", path, fault);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	}
	if (fd < 0)
		return format("%s: %s", path, strerror(errno));
	fault = take_key(fd, k);
	close(fd);
	return fault ? format("%s: %s", path, fault) : NULL;
}

/* ---- codes ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Returns the sorted names of the folder's files except state.json and the seal. NULL with errno.
 */
static char **files_of(int dirfd, size_t *count)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	char **names = NULL;
	size_t n = 0;

	if (!d)
		return NULL;
	for (struct dirent *e; (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
			!strcmp(e->d_name, STATE_JSON) || !strcmp(e->d_name, STATE_SEAL) ||
			!strcmp(e->d_name, FRESH))
			continue;
		names = realloc(names, (n + 1) * sizeof(*names));
		if (!names)
			die("out of memory");
		names[n++] = format("%s", e->d_name);
	}
	closedir(d);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	*count = n;
	return names ? names : xalloc(sizeof(*names));
}

static void add_text(struct hmac *h, const char *text)
{
	hmac_add(h, text, strlen(text) + 1);
}

static long long ns_of(struct timespec t)
{
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/*
 * Adds a file to a code: its name and size, and its digest if @copy, or else its inode and times.
 * Returns false if it is missing.
 */
static bool add_file(struct hmac *h, int dirfd, const char *name, bool copy)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[200], digest[65];
	struct stat st;
	struct statx stx = { 0 };
	bool good = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode);

	/* stays 0 on a file system without birth times */
	if (good && !copy)
		statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx);
	if (good && copy) {
		good = file_digest(fd, (uint64_t)st.st_size, digest);
		snprintf(text, sizeof(text), "%lld %s", (long long)st.st_size, digest);
	} else if (good) {
		snprintf(text, sizeof(text), "%lld %llu %lld %lld", (long long)st.st_size,
			(unsigned long long)st.st_ino, ns_of(st.st_mtim),
			(long long)stx.stx_btime.tv_sec * 1000000000 + stx.stx_btime.tv_nsec);
	}
	if (fd >= 0)
		close(fd);
	if (!good)
		return false;
	add_text(h, name);
	add_text(h, text);
	return true;
}

/*
 * Computes the code "here", or "copy" if @copy, over the folder. @digest: of its state.json.
 * Returns false if a file is missing.
 */
static bool compute(const struct key *k, int dirfd, const char *digest, bool copy, char code[65])
{
	size_t n = 0;
	char **names = files_of(dirfd, &n);
	bool good = names != NULL;
	struct hmac h;

	hmac_begin(&h, k->bytes, KEY_SIZE);
	add_text(&h, copy ? "copy" : "here");
	add_text(&h, digest);
	for (size_t i = 0; good && i < n; i++)
		good = add_file(&h, dirfd, names[i], copy);
	hmac_end(&h, code);
	free(names);
	return good;
}

/* ---- the file ---- */

/* The content of a seal. */
struct seal {
	char id[ID_CHARS + 1];
	char here[65], copy[65]; /* "" if missing */
};

/* Replaces the folder's seal. True on success, false with errno. */
static bool write_seal(int dirfd, const struct seal *s)
{
	char text[SEAL_MAX];
	int n = snprintf(text, sizeof(text), HEAD "key %s\nhere %s\n%s%s%s", s->id, s->here,
		*s->copy ? "copy " : "", s->copy, *s->copy ? "\n" : "");
	int fd;

	unlinkat(dirfd, FRESH, 0);
	fd = openat(dirfd, FRESH, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	errno = ENOSPC; /* reported for a short write */
	if (write(fd, text, (size_t)n) == n && !fsync(fd) &&
		!renameat(dirfd, FRESH, dirfd, STATE_SEAL)) {
		close(fd);
		return true;
	}
	int err = errno;

	unlinkat(dirfd, FRESH, 0);
	close(fd);
	errno = err;
	return false;
}

/*
 * Copies the word after @name. Returns false if there is none, or if it has not exactly @n digits.
 */
static bool take_field(const char *text, const char *name, char *to, size_t n)
{
	const char *p = strstr(text, name);

	*to = '\0';
	if (!p || p[-1] != '\n')
		return false;
	p += strlen(name);
	if (strspn(p, "0123456789abcdef") != n || p[n] != '\n')
		return false;
	memcpy(to, p, n);
	to[n] = '\0';
	return true;
}

/* Reads the folder's seal. Returns an error's text, or NULL. */
static const char *read_seal(int dirfd, struct seal *s)
{
	int fd = openat(dirfd, STATE_SEAL, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[SEAL_MAX + 1];
	ssize_t n = fd < 0 ? -1 : read(fd, text, SEAL_MAX);
	const char *fault = fd < 0 && errno == ENOENT ? "it has no seal of this user" :
			    n < 0                     ? format("its seal: %s", strerror(errno)) :
							NULL;

	if (fd >= 0)
		close(fd);
	if (fault)
		return fault;
	text[n] = '\0';
	if (strncmp(text, HEAD, strlen(HEAD)) != 0 || !take_field(text, "key ", s->id, ID_CHARS) ||
		!take_field(text, "here ", s->here, 64))
		return "its seal is damaged";
	take_field(text, "copy ", s->copy, 64);
	return NULL;
}

/*
 * Returns the digest of the folder's state.json, or NULL with errno. In a template, which has no
 * state.json, it is the digest of an empty text.
 */
static const char *json_digest(int dirfd)
{
	int fd = openat(dirfd, STATE_JSON, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = xalloc(STATE_JSON_MAX + 1), *digest = xalloc(65);
	size_t size = 0;
	struct sha256 s;
	ssize_t n = -1;

	while (fd >= 0 && (n = get_some(fd, text + size, STATE_JSON_MAX - size)) > 0)
		size += (size_t)n;
	if (fd >= 0)
		close(fd);
	else if (errno == ENOENT)
		n = 0;
	sha256_begin(&s);
	sha256_add(&s, text, size);
	sha256_end(&s, digest);
	free(text);
	return n < 0 ? NULL : digest;
}

void state_seal(int dirfd, const char *name, bool copy)
{
	struct seal s = { .copy = "" };
	const char *digest, *fault;
	struct key k;

	fault = read_key(&k, true);
	if (fault) {
		warn("%s: it has no seal, so only --trust starts from it: %s", name, fault);
		return;
	}
	snprintf(s.id, sizeof(s.id), "%.*s", ID_CHARS, k.id);
	digest = json_digest(dirfd);
	if (!digest || !compute(&k, dirfd, digest, false, s.here) ||
		(copy && !compute(&k, dirfd, digest, true, s.copy)) || !write_seal(dirfd, &s))
		die("%s: " STATE_SEAL ": %s", name, strerror(errno));
}

bool state_is_untouched(const struct state *s)
{
	struct seal seal;
	struct key k;
	char code[65];

	return !read_key(&k, false) && !read_seal(s->fd, &seal) &&
	       compute(&k, s->fd, s->digest, false, code) && !strcmp(code, seal.here);
}

bool state_folder_is_untouched(int dirfd)
{
	const char *digest = json_digest(dirfd);
	struct state s = { .fd = dirfd };

	if (!digest)
		return false;
	snprintf(s.digest, sizeof(s.digest), "%s", digest);
	return state_is_untouched(&s);
}

const char *state_distrust(const struct state *s)
{
	struct seal seal;
	struct key k;
	const char *fault = read_seal(s->fd, &seal);
	char code[65];

	if (!fault)
		fault = read_key(&k, true);
	if (fault)
		return fault;
	if (strncmp(seal.id, k.id, ID_CHARS) != 0)
		return "it was sealed with another key: by another user, or on another host";
	if (compute(&k, s->fd, s->digest, false, code) && !strcmp(code, seal.here))
		return NULL;
	if (!*seal.copy)
		return "it was altered, or copied without `nestctl states export`";
	if (!compute(&k, s->fd, s->digest, true, code) || strcmp(code, seal.copy) != 0)
		return "it was altered since it was exported";
	/* with a new "here" the next start need not read the files again */
	if (compute(&k, s->fd, s->digest, false, seal.here))
		write_seal(s->fd, &seal);
	return NULL;
}

void state_must_be_trusted(struct state *s, bool anyway)
{
	const char *fault = s->trusted || anyway ? NULL : state_distrust(s);

	if (fault)
		die("%s: %s; only --trust starts from it", s->name, fault);
	s->trusted = true;
}
