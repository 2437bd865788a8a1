/* SPDX-License-Identifier: MIT */
/*
 * command.c: runs the command of the job that nestctl wrote, as its user, in its folder and with
 * its environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/init/job.h"

#define GROUPS_MAX 64

/* The user of the command. */
struct user {
	char name[64], home[256], shell[256];
	uid_t uid;
	gid_t gid, groups[GROUPS_MAX];
	size_t nr_groups;
};

static char text[JOB_MAX];

/* Adds the volume "vDIR" or "VNAMEPATH" to the job. Returns false with errno if it has no PATH. */
static bool add_volume(struct job *job, char *text)
{
	char *path = *text == 'V' ? strchr(text + 1, '/') : text + 1;

	errno = EINVAL;
	if (!path)
		return false;
	job->files[job->nr_volumes] =
		*text == 'V' ? strndup(text + 1, (size_t)(path - text - 1)) : NULL;
	job->volumes[job->nr_volumes++] = path;
	return true;
}

/* Fills the job from @size bytes of text[]. Returns false with errno. */
static bool parse(struct job *job, ssize_t size)
{
	static char *words[JOB_MAX + 2], **word = words;

	*job = (struct job){ .name = "", .hostname = "nest", .term = "dumb", .env = words };
	char *p = text;

	for (; p < text + size && *p; p += strlen(p) + 1) {
		switch (*p) {
		case 'm':
			job->terminal = !strcmp(p + 1, "terminal");
			job->joined = !strcmp(p + 1, "joined");
			job->machine = !strcmp(p + 1, "machine");
			break;
		case 'h': job->hostname = p + 1; break;
		case 'i': job->name = p + 1; break;
		case 't': job->term = p + 1; break;
		case 'w': job->dir = p + 1; break;
		case 'u': job->user = p + 1; break;
		case 'e': *word++ = p + 1; break;
		case 'a':
		case 'd':
		case 'n':
		case 'f':
		case 'l':
		case 'r':
		case 'c':
		case 'b':
		case 'y':
		case 'G':
		case 'p':
		case 'k':
		case 'g':
		case 's':
			if (job->nr_settings == JOB_SETTINGS_MAX) {
				errno = E2BIG;
				return false;
			}
			job->settings[job->nr_settings++] = p;
			break;
		case 'v':
		case 'V':
			if (job->nr_volumes < JOB_VOLUMES_MAX && !add_volume(job, p))
				return false;
			break;
		default: errno = EINVAL; return false;
		}
	}
	job->argv = ++word;
	while ((p += strlen(p) + 1) < text + size)
		*word++ = p;
	return true;
}

bool job_read(struct job *job)
{
	int fd = open("/job", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (size < 0)
		return false;
	close(fd);
	return parse(job, size);
}

/* Reads exactly @n bytes, waiting for them. False at end-of-file or on an error. */
static bool receive(int fd, char *to, size_t n)
{
	while (n) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got = read(fd, to, n);

		if (got > 0) {
			to += got;
			n -= (size_t)got;
		} else if (!got || (errno != EAGAIN && errno != EINTR)) {
			errno = got ? errno : EPIPE;
			return false;
		} else {
			poll(&p, 1, -1);
		}
	}
	return true;
}

bool job_receive(struct job *job, int fd)
{
	char line[16];
	size_t n = 0, size;

	do {
		if (n == sizeof(line) || !receive(fd, line + n, 1))
			return false;
	} while (line[n++] != '\n');
	line[n - 1] = '\0';
	size = strtoul(line + 1, NULL, 10);
	if (line[0] != 'j' || !size || size >= sizeof(text)) {
		errno = EINVAL;
		return false;
	}
	return receive(fd, text, size) && parse(job, (ssize_t)size) && write(fd, "job\n", 4) == 4;
}

/* ---- the user ---- */

/* Prints a reason and exits with 126. */
static void __attribute__((noreturn)) refuse(const char *what, const char *why)
{
	fprintf(stderr, "nestctl: %s: %s\n", what, why);
	_exit(126);
}

/* Splits a line of /etc/passwd or /etc/group into fields, in place. Returns how many. */
static int split(char *line, char **field, int max)
{
	int n = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *p = line; p && n < max; n++)
		field[n] = strsep(&p, ":");
	return n;
}

/* Parses a whole number. True if @text is a number below 2^32 - 1. */
static bool number(const char *text, unsigned int *n)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*n = (unsigned int)v;
	return *text >= '0' && *text <= '9' && !*end && v < 0xffffffffUL;
}

/* Finds the line of user @who, a name or number, in /etc/passwd. True if there is one. */
static bool find_user(const char *who, struct user *u)
{
	FILE *f = fopen("/etc/passwd", "re");
	unsigned int id, wanted;
	bool by_number = number(who, &wanted), found = false;
	char line[1024], *w[7];

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (split(line, w, 7) < 7 || !number(w[2], &id) ||
			(by_number ? id != wanted : strcmp(w[0], who)))
			continue;
		found = true;
		u->uid = id;
		snprintf(u->name, sizeof(u->name), "%s", w[0]);
		snprintf(u->home, sizeof(u->home), "%s", w[5]);
		snprintf(u->shell, sizeof(u->shell), "%s", w[6]);
		if (number(w[3], &id))
			u->gid = id;
	}
	if (f)
		fclose(f);
	return found;
}

/* True if the list "a,b", which is changed, has the name. */
static bool is_member(char *members, const char *name)
{
	for (char *m; (m = strsep(&members, ","));)
		if (!strcmp(m, name))
			return true;
	return false;
}

/*
 * Finds the number of group @who and stores it in *gid. If @who is NULL, adds to @u the groups that
 * user u->name is a member of. True if the group @who exists.
 */
static bool find_groups(const char *who, gid_t *gid, struct user *u)
{
	FILE *f = fopen("/etc/group", "re");
	char line[4096], *w[4];
	unsigned int id;
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		int n = split(line, w, 4);

		if (n < 3 || !number(w[2], &id))
			continue;
		if (who && !strcmp(w[0], who)) {
			*gid = id;
			found = true;
		}
		if (!who && n == 4 && u->nr_groups < GROUPS_MAX && is_member(w[3], u->name))
			u->groups[u->nr_groups++] = id;
	}
	if (f)
		fclose(f);
	return found;
}

/* Adds the groups of --group-add to @u. */
static void add_groups(const struct job *job, struct user *u)
{
	for (int i = 0; i < job->nr_settings; i++) {
		const char *who = job->settings[i] + 1;
		unsigned int id;
		gid_t gid = 0;

		if (job->settings[i][0] != 'G')
			continue;
		if (number(who, &id))
			gid = id;
		else if (!find_groups(who, &gid, u))
			refuse(who, "no such group");
		if (u->nr_groups == GROUPS_MAX)
			refuse(who, "too many groups");
		u->groups[u->nr_groups++] = gid;
	}
}

/* Finds the user of the job, or exits with 126. */
static void resolve(const struct job *job, struct user *u)
{
	char *who = strdup(job->user ? job->user : "0"), *group = strchr(who, ':');
	unsigned int id;

	if (group)
		*group++ = '\0';
	snprintf(u->home, sizeof(u->home), "%s", strcmp(who, "0") ? "/" : "/root");
	if (!find_user(who, u)) {
		if (!number(who, &id))
			refuse(who, "no such user");
		u->uid = id;
		snprintf(u->name, sizeof(u->name), "%s", id ? who : "root");
	}
	find_groups(NULL, NULL, u);
	if (group && number(group, &id))
		u->gid = id;
	else if (group && !find_groups(group, &u->gid, u))
		refuse(group, "no such group");
	add_groups(job, u);
	if (u->shell[0] != '/' || access(u->shell, X_OK))
		snprintf(u->shell, sizeof(u->shell), "/bin/sh");
}

void job_owner(const char *who, uid_t *uid, gid_t *gid)
{
	const struct job job = { .user = who };
	struct user u = { .uid = 0 };

	resolve(&job, &u);
	*uid = u.uid;
	*gid = u.gid;
}

static void become(const struct user *u)
{
	if (setgroups(u->nr_groups, u->groups) || setgid(u->gid) || setuid(u->uid))
		refuse(u->name, strerror(errno));
}

/* ---- the folder and the environment ---- */

static void set_environment(const struct job *job, const struct user *u)
{
	clearenv();
	setenv("PATH", JOB_PATH, 1);
	setenv("HOME", u->home, 1);
	setenv("USER", u->name, 1);
	setenv("LOGNAME", u->name, 1);
	setenv("SHELL", u->shell, 1);
	setenv("TERM", job->term, 1);
	setenv("LANG", "C.UTF-8", 1);
	for (char **e = job->env; *e; e++)
		putenv(*e);
}

static void go_there(const struct job *job, const struct user *u)
{
	if (job->dir && chdir(job->dir))
		refuse(job->dir, strerror(errno));
	if (!job->dir && chdir(u->home) && chdir("/"))
		refuse("/", strerror(errno));
}

/* Returns a folder of programs or libraries that a mounted host's folder hides, or NULL. */
static const char *covered(const struct job *job)
{
	static const char *const system[] = { "/usr", "/bin", "/sbin", "/lib", "/lib64", "/usr/bin",
		"/usr/sbin", "/usr/lib", "/usr/lib64" };

	for (int i = 0; i < job->nr_volumes; i++)
		for (size_t j = 0; j < sizeof(system) / sizeof(system[0]); j++)
			if (!strcmp(job->volumes[i], system[j]))
				return system[j];
	return NULL;
}

/*
 * Executes a command, found in PATH, as a shell does: text without a "#!" line is a script of sh.
 * Returns on an error, with errno.
 */
static void execute(char **argv)
{
	char **words;
	size_t n = 0;

	execvp(argv[0], argv);
	if (errno != ENOEXEC)
		return;
	while (argv[n])
		n++;
	words = calloc(n + 4, sizeof(*words));
	if (!words)
		return;
	memcpy(words + 3, argv, n * sizeof(*words));
	words[0] = "sh";
	words[1] = "-c";
	words[2] = "exec \"$0\" \"$@\"";
	execv("/bin/sh", words);
	errno = ENOEXEC;
}

void job_exec(const struct job *job)
{
	struct user u = { .uid = 0 };
	const char *what;
	sigset_t none;
	int err;

	sigemptyset(&none);
	/*
	 * Reset the handlers before signals are unblocked: init's handlers must not run for a
	 * signal that the host has sent meanwhile.
	 */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	resolve(job, &u);
	what = settings_limit(job);
	if (what)
		refuse(what, strerror(errno));
	become(&u);
	set_environment(job, &u);
	go_there(job, &u);
	if (job->agent >= 0) {
		fexecve(job->agent, job->argv, environ);
	} else if (job->argv[0]) {
		execute(job->argv);
	} else {
		char name[64];

		snprintf(name, sizeof(name), "-%s", strrchr(u.shell, '/') + 1);
		execl(u.shell, name, (char *)NULL);
	}
	err = errno;
	fprintf(stderr, "nestctl: %s: %s%s%s\n", job->argv[0] ? job->argv[0] : u.shell,
		strerror(err), err == ENOENT && covered(job) ? "; -v covers the image's " : "",
		err == ENOENT && covered(job) ? covered(job) : "");
	_exit(err == ENOENT ? 127 : 126);
}
